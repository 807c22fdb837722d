/**
 * Publishes over the outgoing line: one first-in-first-out line of messages, of which a bounded number waits
 * for its PUBACK. Nothing is sent again behind the caller's back: when the link is lost, all that was not
 * acknowledged ends as `temporary`.
 */
import type { OutboundMessage } from '../core/message.ts'
import type { PublishOutcome } from '../ports/broker.ts'
import type { Clock } from '../ports/clock.ts'
import { ClosingMessage, closesBeforeGivingUp, type Sent } from './closing-message.ts'
import type { ConnectOptions } from './connect-options.ts'
import type { Connection, Greeting } from './connection.ts'
import type { Counters } from './counters.ts'
import type { DownCause } from './link-failure.ts'
import { encodePublish, outboundFault } from './publish-frame.ts'
import { reasonWords } from './reason-words.ts'

/** Messages that wait for their PUBACK, when the broker allows as many. */
const inFlightLimit = 1_000
/** Messages and bytes that wait to be written. */
const queueMessages = 10_000
const queueBytes = 32 * 1024 * 1024

const quotaExceeded = 0x97

type Resolve = (outcome: PublishOutcome) => void

interface Waiting {
  readonly message: OutboundMessage
  readonly resolve: Resolve
}

interface InFlight extends Sent {
  readonly resolve: Resolve
}

interface Session {
  readonly connection: Connection
  readonly greeting: Greeting
  readonly window: number
  /** Whether the broker has acknowledged something over it. */
  isWell: boolean
}

export class Publisher {
  readonly #options: ConnectOptions
  readonly #clock: Clock
  readonly #counters: Counters
  #session: Session | null = null
  #queue: Waiting[] = []
  #queueFirst = 0
  #queueBytes = 0
  /** In the order of sending. */
  readonly #inFlight = new Map<number, InFlight>()
  readonly #closing = new ClosingMessage()
  #lastId = 0
  #cancelWatch: (() => void) | null = null

  constructor(options: ConnectOptions, clock: Clock, counters: Counters) {
    this.#options = options
    this.#clock = clock
    this.#counters = counters
  }

  get online(): boolean {
    return this.#session !== null
  }

  publish(message: OutboundMessage): Promise<PublishOutcome> {
    this.#counters.published++
    return new Promise((resolve) => {
      const session = this.#session
      const fault =
        outboundFault(message, session?.connection.protocolVersion ?? 5) ?? this.#brokerFault(message)
      if (fault !== null) return this.#settle(resolve, { ok: false, kind: 'permanent', message: fault })
      if (session === null) return this.#settle(resolve, temporary('There is no link to the broker.'))
      const sizeBytes = message.payload.length
      const waiting = this.#queue.length - this.#queueFirst
      if (waiting > 0 && (waiting >= queueMessages || this.#queueBytes + sizeBytes > queueBytes)) {
        return this.#settle(resolve, temporary('Too many messages wait to be sent.'))
      }
      this.#queue.push({ message, resolve })
      this.#queueBytes += sizeBytes
      this.pump()
    })
  }

  /** What the broker said on connecting that it would not take. */
  #brokerFault(message: OutboundMessage): string | null {
    if (this.#session === null) return null
    const { maximumPacketBytes, maximumQos, retainAvailable } = this.#session.greeting
    // The head of a packet is bounded by its topic; properties count once it is encoded.
    if (message.payload.length + message.topic.length > maximumPacketBytes)
      return tooLarge(maximumPacketBytes)
    if (message.qos > maximumQos) return 'The broker takes only QoS 0.' // [MQTT-3.2.2-11]
    if (message.retain && !retainAvailable) return 'The broker does not keep retained messages.' // [MQTT-3.2.2-14]
    return null
  }

  up(connection: Connection, greeting: Greeting): void {
    this.#session = {
      connection,
      greeting,
      window: Math.min(inFlightLimit, greeting.receiveMaximum),
      isWell: false,
    }
  }

  down(cause: DownCause): void {
    const isWell = this.#session?.isWell === true
    this.#session = null
    this.#cancelWatch?.()
    this.#cancelWatch = null
    const lost = temporary('The link was lost before the broker acknowledged the message.')
    const inFlight = [...this.#inFlight.values()]
    const waiting = this.#queue.slice(this.#queueFirst)
    this.#inFlight.clear()
    this.#queue = []
    this.#queueFirst = 0
    this.#queueBytes = 0
    const gaveUp = this.#closing.lost(inFlight[0], cause, isWell, this.#clock.now())
    for (const [index, { resolve }] of inFlight.entries())
      this.#settle(resolve, gaveUp && index === 0 ? closedOn : lost)
    for (const { resolve } of waiting) this.#settle(resolve, lost)
  }

  puback(packetId: number, reasonCode: number): void {
    const entry = this.#inFlight.get(packetId)
    if (entry === undefined) return
    this.#inFlight.delete(packetId)
    if (this.#session !== null) this.#session.isWell = true
    this.#closing.acknowledged(entry.message)
    if (reasonCode < 0x80) this.#settle(entry.resolve, { ok: true })
    else {
      const message = `The broker refused it: ${reasonWords(reasonCode)}.`
      this.#settle(entry.resolve, {
        ok: false,
        kind: reasonCode === quotaExceeded ? 'temporary' : 'permanent',
        message,
      })
    }
    this.pump()
  }

  /** Sends what may be sent now. */
  pump(): void {
    const session = this.#session
    if (session === null) return
    const { gate, protocolVersion } = session.connection
    while (this.#queueFirst < this.#queue.length && !gate.blocked && this.#inFlight.size < session.window) {
      const { message, resolve } = this.#queue[this.#queueFirst++]!
      this.#queueBytes -= message.payload.length
      const packetId = message.qos === 1 ? this.#nextId() : 0
      const parts = encodePublish(message, packetId, protocolVersion)
      if (parts[0]!.length + (parts[1]?.length ?? 0) > session.greeting.maximumPacketBytes) {
        const message = tooLarge(session.greeting.maximumPacketBytes) // [MQTT-3.2.2-15]
        this.#settle(resolve, { ok: false, kind: 'permanent', message })
        if (packetId > 0) this.#lastId--
        continue
      }
      gate.send(parts)
      if (packetId === 0) this.#settle(resolve, { ok: true })
      else {
        this.#inFlight.set(packetId, { message, resolve, sentAt: this.#clock.now() })
        this.#watch(session)
      }
    }
    if (this.#queueFirst === this.#queue.length) {
      this.#queue = []
      this.#queueFirst = 0
    } else if (this.#queueFirst >= 1_024) {
      this.#queue = this.#queue.slice(this.#queueFirst)
      this.#queueFirst = 0
    }
  }

  /** The window is far smaller than the number of identifiers, so a free one is near. */
  #nextId(): number {
    do this.#lastId = (this.#lastId % 65_535) + 1
    while (this.#inFlight.has(this.#lastId))
    return this.#lastId
  }

  /** Gives the connection up when the oldest message waits too long for its PUBACK. */
  #watch(session: Session): void {
    if (this.#cancelWatch !== null) return
    const oldest = this.#inFlight.values().next().value
    if (oldest === undefined) return
    const dueAt = oldest.sentAt + this.#options.publishTimeoutMs
    this.#cancelWatch = this.#clock.setTimer(dueAt, () => {
      this.#cancelWatch = null
      const first = this.#inFlight.values().next().value
      if (first !== undefined && first.sentAt + this.#options.publishTimeoutMs <= this.#clock.now()) {
        session.connection.abandon({ kind: 'publish-timeout' })
      } else this.#watch(session)
    })
  }

  #settle(resolve: Resolve, outcome: PublishOutcome): void {
    if (outcome.ok) this.#counters.publishedOk++
    else if (outcome.kind === 'temporary') this.#counters.publishedTemporary++
    else this.#counters.publishedPermanent++
    resolve(outcome)
  }
}

const closedOn: PublishOutcome = {
  ok: false,
  kind: 'permanent',
  message: `The broker closed the connection each of the ${closesBeforeGivingUp} times that it was sent: it may be too large, or its topic not allowed.`,
}

function temporary(message: string): PublishOutcome {
  return { ok: false, kind: 'temporary', message }
}

function tooLarge(limitBytes: number): string {
  return `The message is larger than the ${limitBytes} bytes that the broker takes.`
}
