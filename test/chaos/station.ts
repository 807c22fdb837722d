/** The devices' side of a chaos run: publishes at a steady rate, knows what was acknowledged, and hears all alerts. */
import mqtt, { type MqttClient } from 'mqtt'
import { waitFor } from '../support/wait-for.ts'
import { type Reading, Workload } from './workload.ts'

const holdDevices = 5
/** Publishes that wait for their acknowledgement at most; the rate gives way to it. */
const inFlightLimit = 5_000
const tickMs = 5

export interface Tally {
  readonly sent: number
  readonly acknowledged: number
  readonly expected: number
  readonly lost: readonly string[]
  readonly madeUp: readonly string[]
  /** Copies beyond the first, and the most copies that any alert had. */
  readonly duplicates: number
  readonly mostCopies: number
}

export interface StationOptions {
  readonly username?: string
  readonly password?: string
  /** Only readings whose alerts do not depend on their order. */
  readonly plainOnly?: boolean
}

export class Station {
  readonly #workload: Workload
  readonly #publisher: MqttClient
  readonly #subscriber: MqttClient
  readonly #expected = new Map<string, number>()
  /** Alert → how often it came. */
  readonly #heard = new Map<string, number>()
  readonly #holding = new Map<string, number>()
  #sent = 0
  #acknowledged = 0
  #timer: NodeJS.Timeout | null = null
  #leading: boolean

  private constructor(publisher: MqttClient, subscriber: MqttClient, plainOnly: boolean) {
    this.#workload = new Workload(plainOnly)
    this.#leading = !plainOnly
    this.#publisher = publisher
    this.#subscriber = subscriber
    subscriber.on('message', (_topic, payload) => this.#hear(payload.toString()))
  }

  static async connect(
    url: string,
    { plainOnly = false, ...credentials }: StationOptions = {},
  ): Promise<Station> {
    const options = { ...credentials, reconnectPeriod: 50, protocolVersion: 4, clean: false } as const
    const publisher = await mqtt.connectAsync(url, { ...options, clientId: 'chaos-devices' })
    const subscriber = mqtt.connect(url, { ...options, clientId: 'chaos-alerts' })
    const station = new Station(publisher, subscriber, plainOnly)
    await subscriber.subscribeAsync('alerts/#', { qos: 1 })
    return station
  }

  get sent(): number {
    return this.#sent
  }

  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Alerts that came, with all their copies. */
  heard = 0

  /** Publishes so many readings a second, until `rest` or until `limit` were sent. */
  flow(ratePerSecond: number, limit = Number.POSITIVE_INFINITY): void {
    let dueAt = performance.now()
    if (this.#leading && this.#holding.size === 0)
      for (let device = 0; device < holdDevices; device++) this.#hold(device)
    this.#timer = setInterval(() => {
      const now = performance.now()
      while (dueAt < now && this.#sent < limit && this.#sent - this.#acknowledged < inFlightLimit) {
        dueAt += 1000 / ratePerSecond
        this.#send(this.#workload.next())
      }
      // What could not be sent in time is not made up for at once.
      dueAt = Math.max(dueAt, now - 1000)
    }, tickMs)
  }

  /** Stops publishing; resolves when the broker has acknowledged everything. */
  async rest(limitMs = 30_000): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    this.#leading = false
    await waitFor('everything to be acknowledged', () => this.#acknowledged === this.#sent, limitMs)
  }

  /** Resolves when every expected alert has come, or none has come for so long. */
  async settled(quietMs: number): Promise<void> {
    let heard = -1
    let quietSince = performance.now()
    await waitFor(
      'the alerts to end',
      () => {
        if (this.heard !== heard) {
          heard = this.heard
          quietSince = performance.now()
        }
        return this.#missing().length === 0 || performance.now() - quietSince > quietMs
      },
      600_000,
    )
  }

  tally(): Tally {
    const copies = [...this.#heard.values()]
    return {
      sent: this.#sent,
      acknowledged: this.#acknowledged,
      expected: this.#expected.size,
      lost: this.#missing(),
      madeUp: [...this.#heard.keys()].filter((key) => !this.#expected.has(key)),
      duplicates: copies.reduce((sum, count) => sum + count - 1, 0),
      mostCopies: Math.max(0, ...copies),
    }
  }

  async end(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    await Promise.all([this.#publisher.endAsync(true), this.#subscriber.endAsync(true)])
  }

  #missing(): string[] {
    return [...this.#expected.keys()].filter((key) => !this.#heard.has(key))
  }

  #send({ topic, payload, alerts }: Reading): void {
    this.#sent++
    for (const alert of alerts) this.#expected.set(alert, this.#sent)
    this.#publisher.publish(topic, payload, { qos: 1 }, (error) => {
      if (error === undefined || error === null) this.#acknowledged++
    })
  }

  /** A device that holds stays above the limit until its alert has come: then it falls, and holds again. */
  #hold(device: number): void {
    const reading = this.#workload.hold(device)
    for (const alert of reading.alerts) this.#holding.set(alert, device)
    this.#send(reading)
  }

  #hear(payload: string): void {
    const { key } = JSON.parse(payload) as { key: string }
    const before = this.#heard.get(key) ?? 0
    this.#heard.set(key, before + 1)
    this.heard++
    const device = this.#holding.get(key)
    if (device === undefined || before > 0 || !this.#leading) return
    this.#send(this.#workload.free(device))
    this.#hold(device)
  }
}
