/** A plain MQTT client for tests: what a device or a person with mosquitto_pub would do. */
import mqtt from 'mqtt'
import { Inbox } from './wait-for.ts'

export interface Heard {
  readonly topic: string
  readonly payload: string
  readonly retain: boolean
  readonly qos: number
}

export interface TestClient {
  readonly heard: Inbox<Heard>
  publish(
    topic: string,
    payload: string | Buffer,
    options?: { qos?: 0 | 1 | 2; retain?: boolean },
  ): Promise<void>
  subscribe(filter: string): Promise<void>
  /** The first message, old or new, on this topic. */
  message(topic: string, limitMs?: number): Promise<Heard>
  end(): Promise<void>
}

export async function connectClient(
  url: string,
  options: { protocolVersion?: 4 | 5; username?: string; password?: string } = {},
): Promise<TestClient> {
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 50, ...options })
  const heard = new Inbox<Heard>()
  client.on('message', (topic, payload, packet) => {
    heard.put({ topic, payload: payload.toString(), retain: packet.retain, qos: packet.qos })
  })
  return {
    heard,
    async publish(topic, payload, { qos = 1, retain = false } = {}) {
      await client.publishAsync(topic, payload, { qos, retain })
    },
    async subscribe(filter) {
      await client.subscribeAsync(filter, { qos: 1 })
    },
    message: (topic, limitMs) => heard.first(`a message on ${topic}`, (one) => one.topic === topic, limitMs),
    end: () => client.endAsync(true),
  }
}
