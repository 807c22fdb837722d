/** Many clients that ask on `request` over MQTT 5, each answer looked at: it must be its own, and come once. */
import { Socket } from 'node:net'
import mqtt, { type MqttClient } from 'mqtt'
import { within } from '../../test/support/wait-for.ts'

interface Asked {
  readonly atMs: number
  readonly data: number
}

export class Crowd {
  readonly #clients: readonly MqttClient[]
  /** By client and correlation data. */
  readonly #asked = new Map<string, Asked>()
  #count = 0
  #latencies: number[] = []
  #answered: () => void = () => {}

  static async connect(url: string, clients: number): Promise<Crowd> {
    const made = await Promise.all(
      Array.from({ length: clients }, (_, index) =>
        mqtt.connectAsync(url, { protocolVersion: 5, clientId: `crowd-${index}`, reconnectPeriod: 0 }),
      ),
    )
    // Else the clients themselves would hold small packets back.
    for (const { stream } of made) if (stream instanceof Socket) stream.setNoDelay()
    const crowd = new Crowd(made)
    await Promise.all(
      made.map((client, index) => client.subscribeAsync(`response/crowd-${index}`, { qos: 1 })),
    )
    return crowd
  }

  private constructor(clients: readonly MqttClient[]) {
    this.#clients = clients
    for (const [index, client] of clients.entries()) {
      client.on('message', (_topic, payload, { properties }) => {
        const key = `${index}/${properties?.correlationData}`
        const asked = this.#asked.get(key)
        const answer = JSON.parse(payload.toString()) as { result?: number }
        if (asked === undefined) throw new Error(`an answer that nobody waits for: ${key} ${payload}`)
        if (answer.result !== asked.data)
          throw new Error(`somebody else's answer: ${payload}, not ${asked.data}`)
        this.#asked.delete(key)
        this.#latencies.push(performance.now() - asked.atMs)
        this.#answered()
      })
    }
  }

  /** Keeps `inFlight` requests under way until `total` are answered, and gives the way of each there and back, ms. */
  async ask(total: number, inFlight: number, limitMs: number): Promise<readonly number[]> {
    this.#latencies = []
    let sent = 0
    const done = new Promise<void>((resolve) => {
      this.#answered = () => {
        if (sent < total) this.#askOne(sent++)
        else if (this.#asked.size === 0) resolve()
      }
    })
    while (sent < Math.min(inFlight, total)) this.#askOne(sent++)
    await within(limitMs, `${total} answers (${this.#asked.size} are missing)`, done)
    return this.#latencies
  }

  async end(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.endAsync()))
  }

  #askOne(turn: number): void {
    const index = turn % this.#clients.length
    const id = String(this.#count++)
    this.#asked.set(`${index}/${id}`, { atMs: performance.now(), data: this.#count })
    const payload = JSON.stringify({ request_id: id, data: this.#count })
    const properties = { responseTopic: `response/crowd-${index}`, correlationData: Buffer.from(id) }
    this.#clients[index]?.publish('request', payload, { qos: 1, properties })
  }
}
