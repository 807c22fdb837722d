/**
 * The router that tutorials write by hand, to compare with: MQTT.js, a loop over all patterns, both sides split and
 * compared. Reads the rules from the file named first; the broker's URL comes second.
 */
import { readFileSync } from 'node:fs'
import mqtt from 'mqtt'

interface Route {
  readonly pattern: string
  readonly alert: string
}

const [file = '', url = ''] = process.argv.slice(2)
const routes = JSON.parse(readFileSync(file, 'utf8')) as Route[]

function matches(pattern: string, topic: string): boolean {
  const wanted = pattern.split('/')
  const levels = topic.split('/')
  for (let index = 0; index < wanted.length; index++) {
    if (wanted[index] === '#') return true
    if (index >= levels.length || (wanted[index] !== '+' && wanted[index] !== levels[index])) return false
  }
  return wanted.length === levels.length
}

const client = mqtt.connect(url, { clientId: 'bench-router' })
client.on('connect', async () => {
  for (let index = 0; index < routes.length; index += 500) {
    const patterns = routes.slice(index, index + 500).map(({ pattern }) => pattern)
    await client.subscribeAsync(patterns, { qos: 1 })
  }
  console.log('{"msg":"subscribed"}')
})
client.on('message', (topic, bytes) => {
  const payload = JSON.parse(bytes.toString()) as { temperature: number }
  for (const { pattern, alert } of routes) {
    if (!matches(pattern, topic) || payload.temperature <= 35) continue
    const device = topic.split('/').at(-2) ?? ''
    client.publish(
      alert.replace('{device}', device),
      JSON.stringify({ type: 'high_temp', value: payload.temperature }),
      { qos: 1 },
    )
  }
})
process.on('SIGTERM', () => process.exit(0))
