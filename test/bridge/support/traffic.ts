/** Devices on both sides of a bridge that publish at a steady rate, and listeners that know what has to come, in which order. */
import { Socket } from 'node:net'
import mqtt, { type MqttClient } from 'mqtt'
import { waitFor } from '../../support/wait-for.ts'

/** Topics of each direction; messages of a topic are numbered. */
const topics = 10
const tickMs = 5
/** Publishes that wait for their acknowledgement at most; the rate gives way to it. */
const inFlightLimit = 20_000

export interface Tally {
  readonly sent: number
  readonly lost: number
  /** First copies that came after a later one of their topic. */
  readonly reordered: number
  /** Copies beyond the first. */
  readonly duplicates: number
  /** Messages that nobody sent, and those that came back to the side they came from. */
  readonly madeUp: number
}

interface Side {
  readonly publisher: MqttClient
  readonly subscriber: MqttClient
  /** Of the topics that its devices publish. */
  readonly own: string
  /** Topic → numbers that were sent. */
  readonly sent: Map<string, number>
}

class Listener {
  /** Topic → number → copies. */
  readonly #heard = new Map<string, Map<number, number>>()
  readonly #last = new Map<string, number>()
  reordered = 0
  copies = 0

  hear(topic: string, number: number): void {
    this.copies++
    const heard = this.#heard.get(topic) ?? new Map<number, number>()
    this.#heard.set(topic, heard)
    const before = heard.get(number) ?? 0
    heard.set(number, before + 1)
    if (before > 0) return
    const last = this.#last.get(topic) ?? 0
    if (number < last) this.reordered++
    this.#last.set(topic, Math.max(last, number))
  }

  firsts(): number {
    return [...this.#heard.values()].reduce((sum, { size }) => sum + size, 0)
  }

  missing(sent: ReadonlyMap<string, number>): number {
    let missing = 0
    for (const [topic, count] of sent) {
      const heard = this.#heard.get(topic)
      for (let number = 1; number <= count; number++) if (heard?.has(number) !== true) missing++
    }
    return missing
  }
}

export class Traffic {
  readonly #sides: readonly [Side, Side]
  readonly #listeners: readonly [Listener, Listener] = [new Listener(), new Listener()]
  #looped = 0
  #sent = 0
  #acknowledged = 0
  #timer: NodeJS.Timeout | null = null

  private constructor(sides: readonly [Side, Side]) {
    this.#sides = sides
    sides.forEach((side, index) => {
      const other = sides[1 - index]!
      side.subscriber.on('message', (topic, payload) => {
        if (topic.startsWith(other.own)) this.#listeners[index]!.hear(topic, Number(payload.toString()))
        else this.#looped++
      })
    })
  }

  /** `up/…` is published near and heard far, `down/…` the other way. */
  static async connect(near: string, far: string): Promise<Traffic> {
    const side = async (url: string, name: string, own: string, filter: string): Promise<Side> => {
      const options = { reconnectPeriod: 50, protocolVersion: 5, clean: false } as const
      const properties = { sessionExpiryInterval: 3600 }
      const publisher = await mqtt.connectAsync(url, { ...options, properties, clientId: `${name}-devices` })
      const subscriber = await mqtt.connectAsync(url, {
        ...options,
        properties,
        clientId: `${name}-listener`,
      })
      await subscriber.subscribeAsync(filter, { qos: 1 })
      return { publisher, subscriber, own, sent: new Map() }
    }
    return new Traffic([await side(near, 'near', 'up/', 'down/#'), await side(far, 'far', 'down/', 'up/#')])
  }

  get sent(): number {
    return this.#sent
  }

  /** Publishes so many messages a second, half of them on each side. */
  flow(ratePerSecond: number): void {
    let dueAt = performance.now()
    let turn = 0
    this.#timer = setInterval(() => {
      const now = performance.now()
      while (dueAt < now && this.#sent - this.#acknowledged < inFlightLimit) {
        dueAt += 1000 / ratePerSecond
        this.#send(this.#sides[turn % 2]!, turn >> 1)
        turn++
      }
      dueAt = Math.max(dueAt, now - 1000)
    }, tickMs)
  }

  /** Stops publishing; resolves when the brokers have acknowledged everything. */
  async rest(limitMs = 60_000): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    await waitFor('everything to be acknowledged', () => this.#acknowledged === this.#sent, limitMs)
  }

  /** Resolves when all has come, or nothing has come for so long. */
  async settled(quietMs: number): Promise<void> {
    let copies = -1
    let quietSince = performance.now()
    await waitFor(
      'the messages to end',
      () => {
        const now = this.#listeners[0].copies + this.#listeners[1].copies
        if (now !== copies) quietSince = performance.now()
        copies = now
        return this.#missing() === 0 || performance.now() - quietSince > quietMs
      },
      600_000,
    )
  }

  tally(): Tally {
    const [near, far] = this.#listeners
    const firsts = near.firsts() + far.firsts()
    return {
      sent: this.#sent,
      lost: this.#missing(),
      reordered: near.reordered + far.reordered,
      duplicates: near.copies + far.copies - firsts,
      madeUp: this.#looped + firsts + this.#missing() - this.#sent,
    }
  }

  async end(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    const clients = this.#sides.flatMap(({ publisher, subscriber }) => [publisher, subscriber])
    await Promise.all(clients.map((client) => client.endAsync(true)))
  }

  #missing(): number {
    const [near, far] = this.#sides
    return this.#listeners[0].missing(far.sent) + this.#listeners[1].missing(near.sent)
  }

  #send(side: Side, turn: number): void {
    const topic = `${side.own}${turn % topics}`
    const number = (side.sent.get(topic) ?? 0) + 1
    side.sent.set(topic, number)
    this.#sent++
    side.publisher.publish(topic, String(number), { qos: 1 }, (error) => {
      if (error === undefined || error === null) this.#acknowledged++
    })
  }
}

/** Rules of a bridge for both ways; `ping/…` near is answered near, to see that it never waits for the far side. */
export const bothWays = `
rules:
  - { id: up, broker: near, topic: "up/#", then: [{ forward: { to: far, queue: { max: 100000 } } }] }
  - { id: down, broker: far, topic: "down/#", then: [{ forward: { to: near, queue: { max: 100000 } } }] }
  - { id: ping, broker: near, topic: "ping/+n", then: [{ publish: { topic: "pong/{{ n }}", payload: "{{ payload }}" } }] }
`

/** How long messages take on the near side: ms, in ascending order. One every `everyMs`, until `until` resolves. */
export async function nearLatencies(
  url: string,
  everyMs: number,
  until: Promise<unknown>,
): Promise<number[]> {
  const client = await mqtt.connectAsync(url, { protocolVersion: 5 })
  // Else what is measured is how long the client's own kernel waits for more to send.
  if (client.stream instanceof Socket) client.stream.setNoDelay(true)
  const sentAt = new Map<string, number>()
  const took: number[] = []
  client.on('message', (topic) => {
    const at = sentAt.get(topic)
    if (at !== undefined) took.push(performance.now() - at)
    sentAt.delete(topic)
  })
  await client.subscribeAsync('pong/#', { qos: 1 })
  let count = 0
  const timer = setInterval(() => {
    count++
    sentAt.set(`pong/${count}`, performance.now())
    client.publish(`ping/${count}`, 'x', { qos: 1 })
  }, everyMs)
  await until
  clearInterval(timer)
  await waitFor('the last pong', () => sentAt.size === 0, 10_000)
  await client.endAsync(true)
  return took.sort((a, b) => a - b)
}
