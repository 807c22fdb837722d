/**
 * The connection of one simulated device, or of several that share one: says `online` and `offline`, leaves a
 * will, takes commands, and connects anew when it is lost. Every connection is a new client of MQTT.js.
 */
import type { Duplex } from 'node:stream'
import type { MqttClient } from 'mqtt'
import { checkTopicName } from '../../core/topics/filter.ts'
import { backoffMs, type ConnectOptions } from '../../mqtt/connect-options.ts'
import { type DownCause, explainFailure } from '../../mqtt/link-failure.ts'
import { openPlain } from '../../mqtt/plain-client.ts'
import { isSilent, type ProtocolChoice, refusesVersion } from '../../mqtt/protocol-choice.ts'
import type { LinkFailure } from '../../ports/broker.ts'
import type { Clock } from '../../ports/clock.ts'

export interface DeviceMessage {
  readonly topic: string
  readonly payload: string
  readonly qos: 0 | 1
  readonly retain: boolean
  /** MQTT 5: tells whoever asked which question is answered. */
  readonly correlation?: Buffer | undefined
}

/** Where who sent a command wants the answer, by MQTT 5 [MQTT-4.10.1]. */
export interface AnswerPlace {
  readonly topic: string
  readonly correlation: Buffer | undefined
}

export interface DeviceLinkParts {
  /** With a client id of its own. */
  readonly options: ConnectOptions
  readonly choice: ProtocolChoice
  readonly clock: Clock
  readonly random: () => number
  /** Messages that may wait to be sent; further ones are not taken. */
  readonly waitingLimit: number
}

export interface DeviceLinkEvents {
  /** An attempt to connect has ended, or a connection was lost. */
  changed(): void
  /** Messages were acknowledged, refused or lost, so that there is room for more. */
  settled(): void
  failed(failure: LinkFailure): void
  command(device: string, payload: Uint8Array, answerTo: AnswerPlace | null): void
}

/** Messages of one connection that wait for their PUBACK, when the broker allows as many. */
const windowMessages = 100

interface Session {
  readonly client: MqttClient
  readonly stream: Duplex
  /** How many messages may wait for their PUBACK; 0 before the connection is up. */
  window: number
  inFlight: number
}

export class DeviceLink {
  readonly devices: readonly string[]
  readonly counts = { connected: 0, sent: 0, refused: 0, lost: 0 }
  readonly #parts: DeviceLinkParts
  readonly #events: DeviceLinkEvents
  #session: Session | null = null
  #wanted = false
  #attempted = false
  #attempt = 0
  #waiting: DeviceMessage[] = []
  #cancelRetry: (() => void) | null = null
  #whenClosed: (() => void) | null = null

  constructor(devices: readonly string[], parts: DeviceLinkParts, events: DeviceLinkEvents) {
    this.devices = devices
    this.#parts = parts
    this.#events = events
  }

  get online(): boolean {
    return (this.#session?.window ?? 0) > 0
  }

  /** Whether a first attempt to connect has ended, well or not. */
  get attempted(): boolean {
    return this.#attempted
  }

  /** Messages that are neither acknowledged nor lost. */
  get pending(): number {
    return (this.#session?.inFlight ?? 0) + this.#waiting.length
  }

  /** Does nothing when it is connected, or trying to be. */
  connect(): void {
    if (this.#wanted) return
    this.#wanted = true
    this.#open()
  }

  /** Breaks the connection off without goodbye, so that the broker publishes the will [MQTT-3.1.2-8]. */
  drop(): void {
    this.#wanted = false
    this.#cancelRetry?.()
    this.#cancelRetry = null
    this.#session?.stream.destroy()
  }

  /** False when the message was not taken: there is no connection, or too much waits already. */
  publish(message: DeviceMessage): boolean {
    const session = this.#session
    if (session === null || !this.online) return false
    if (session.inFlight < session.window) this.#send(session, message)
    else if (this.#waiting.length < this.#parts.waitingLimit) this.#waiting.push(message)
    else return false
    return true
  }

  /** Says `offline` for every device and disconnects; resolves when the connection is closed. */
  stop(): Promise<void> {
    const session = this.#session
    if (session === null || !this.online) {
      this.drop()
      return Promise.resolve()
    }
    this.#wanted = false
    this.counts.lost += this.#waiting.length
    this.#waiting = []
    return new Promise((resolve) => {
      this.#whenClosed = resolve
      let unsaid = this.devices.length
      this.#say(session, 'offline', () => {
        if (--unsaid === 0) session.client.end()
      })
    })
  }

  #open(): void {
    const { options, choice } = this.#parts
    const version = choice.version
    const will = {
      topic: statusTopic(this.devices[0] ?? ''),
      payload: 'offline',
      qos: 1,
      retain: true,
    } as const
    const { client, stream } = openPlain(options, version, { will }, (cause) =>
      this.#closed(session, version, cause),
    )
    const session: Session = { client, stream, window: 0, inFlight: 0 }
    this.#session = session
    client.on('message', (topic, payload, { retain, properties }) => {
      // A retained command is an old one, replayed.
      if (retain) return
      const device = topic.split('/')[1]
      const { responseTopic, correlationData: correlation } = properties ?? {}
      // On a topic that is none the broker would close the connection.
      const isAsked = responseTopic !== undefined && checkTopicName(responseTopic) === null
      const answerTo = isAsked ? { topic: responseTopic, correlation } : null
      if (device !== undefined) this.#events.command(device, payload, answerTo)
    })
    client.once('connect', ({ properties }) => {
      choice.confirm(version)
      this.counts.connected++
      session.window = Math.min(windowMessages, properties?.receiveMaximum ?? windowMessages)
      this.#attempt = 0
      this.#attempted = true
      // In this order: who hears that it is online may command it.
      this.#listen(client)
      this.#say(session, 'online')
      this.#events.changed()
    })
  }

  #closed(session: Session, version: 4 | 5, cause: DownCause): void {
    const { options, choice, clock, random } = this.#parts
    const wasOnline = session.window > 0
    this.#session = null
    this.counts.lost += session.inFlight + this.#waiting.length
    this.#waiting = []
    this.#whenClosed?.()
    this.#whenClosed = null
    if (this.#wanted) {
      if (!wasOnline && refusesVersion(cause) && choice.refused(version, isSilent(cause))) {
        this.#open()
        return
      }
      const context = { options, clientId: options.clientId, wasOnline, earlyCloses: 0 }
      const retryInMs = backoffMs(options.reconnect, this.#attempt++, random())
      this.#cancelRetry = clock.setTimer(clock.now() + retryInMs, () => {
        this.#cancelRetry = null
        this.#open()
      })
      this.#events.failed(explainFailure(cause, context))
    }
    this.#attempted = true
    this.#events.changed()
    this.#events.settled()
  }

  #say({ client }: Session, status: 'online' | 'offline', said?: () => void): void {
    for (const device of this.devices) {
      client.publish(statusTopic(device), status, { qos: 1, retain: true }, (error) => {
        if (error !== undefined && error !== null) this.#refused(client, statusTopic(device), error)
        said?.()
      })
    }
  }

  #listen(client: MqttClient): void {
    const filters = this.devices.map((device) => `devices/${device}/command`)
    client.subscribe(filters, { qos: 1 }, (error) => {
      if (error !== null) this.#refused(client, filters[0] ?? '', error)
    })
  }

  #send(session: Session, { topic, payload, qos, retain, correlation }: DeviceMessage): void {
    session.inFlight++
    const properties = correlation === undefined ? {} : { properties: { correlationData: correlation } }
    session.client.publish(topic, payload, { qos, retain, ...properties }, (error) => {
      // What was in flight when the connection ended has been counted as lost.
      if (this.#session !== session) return
      session.inFlight--
      if (error === undefined || error === null) this.counts.sent++
      else {
        this.counts.refused++
        this.#refused(session.client, topic, error)
      }
      const next = session.inFlight < session.window ? this.#waiting.shift() : undefined
      if (next !== undefined) this.#send(session, next)
      this.#events.settled()
    })
  }

  #refused(client: MqttClient, topic: string, error: Error): void {
    if (this.#session?.client !== client) return
    this.#events.failed({
      reason: 'not-authorised',
      message: `The broker refused ${topic} (${error.message}).`,
      help: 'Allow the user of the simulation to publish to sensors/# and devices/#, and to subscribe to devices/+/command.',
    })
  }
}

export function statusTopic(device: string): string {
  return `devices/${device}/status`
}
