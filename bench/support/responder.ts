/** The responder that tutorials write by hand with MQTT.js: one handler, an answer for each request. `node responder.ts URL`. */
import mqtt from 'mqtt'

const [url = ''] = process.argv.slice(2)
const client = mqtt.connect(url, { protocolVersion: 5, clientId: 'bench-responder', clean: true })
client.on('connect', () => {
  client.subscribe('request', { qos: 1 }, () => console.log('ready'))
})
client.on('message', (_topic, payload, { properties }) => {
  const request = JSON.parse(payload.toString()) as { request_id: string; data: unknown }
  const topic = properties?.responseTopic ?? `response/${request.request_id}`
  const answer = { status: 'success', result: request.data, request_id: request.request_id }
  const correlationData = properties?.correlationData
  client.publish(topic, JSON.stringify(answer), {
    qos: 1,
    ...(correlationData === undefined ? {} : { properties: { correlationData } }),
  })
})
process.once('SIGTERM', () => client.end(true, {}, () => process.exit(0)))
