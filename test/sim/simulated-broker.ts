/**
 * A broker that outlives the engine: a persistent QoS 1 session with an in-flight window and packet identifiers
 * that come round soon, queued and retained messages, and two connections per engine that can break anywhere.
 */

import type { OutboundMessage } from '../../src/core/message.ts'
import { type Filter, parsePlainFilter } from '../../src/core/topics/filter.ts'
import { FilterTrie } from '../../src/core/topics/filter-trie.ts'
import { AcknowledgementQueue } from '../../src/mqtt/acknowledgement-queue.ts'
import type {
  Broker,
  BrokerSink,
  InboundMessage,
  LinkFailure,
  PublishOutcome,
  SubscriptionOutcome,
  SubscriptionRequest,
} from '../../src/ports/broker.ts'
import type { VirtualClock } from '../../src/tools/test/virtual-clock.ts'
import type { Random } from './random.ts'
import { Wire } from './wire.ts'

export interface BrokerHabits {
  readonly protocolVersion: 4 | 5
  /** Messages sent before the first of them is acknowledged. */
  readonly window: number
  /** Identifiers come round after this one. */
  readonly lastPacketId: number
  readonly reuse: 'next' | 'lowest'
  /** The longest way of anything, ms. */
  readonly latencyMs: number
  /** How often a publish of the engine is acknowledged late (1 to 4 s), or refused for its quota. */
  readonly slowAcks: number
  readonly refusals: number
}

/** What a device publishes. */
export interface DeviceMessage {
  readonly topic: string
  readonly payload: string
  readonly qos: 0 | 1
  readonly retain: boolean
}

export interface BrokerReports {
  /** The engine did something that a crash or a cut may come right before. */
  touched(): void
  /** The broker took a message from the engine. */
  took(topic: string, payload: string): void
  /** The broker received the acknowledgement of a device's message. */
  acknowledged(message: DeviceMessage): void
  /** The engine did what no client may. */
  violated(what: string): void
  /** The broker refused a message for now, or the engine has noticed that a connection is gone. */
  troubled(): void
  tell(what: string): void
}

/** One run of the engine, until it is stopped or dies. */
export interface Life {
  alive: boolean
}

interface Copy {
  readonly message: DeviceMessage
  readonly qos: 0 | 1
  readonly retain: boolean
  readonly ids: readonly number[] | null
}

interface Subscription {
  readonly filter: Filter
  readonly qos: 0 | 1
  readonly id: number | undefined
}

/** The client's end of a connection is told of its end by `lost`. */
interface Connection {
  readonly number: number
  readonly toClient: Wire
  readonly toBroker: Wire
  /** Identifiers in the order in which they were sent: acknowledgements come in the same. */
  readonly sent: number[]
  lost(): void
}

const closed: LinkFailure = { reason: 'closed', message: 'The link was cut.', help: 'Wait.' }
const offline: PublishOutcome = { ok: false, kind: 'temporary', message: 'There is no link.' }

export class SimulatedBroker {
  readonly name: string
  reachable = true
  readonly #clock: VirtualClock
  readonly #random: Random
  readonly #habits: BrokerHabits
  readonly #reports: BrokerReports
  readonly #retained = new Map<string, DeviceMessage>()
  #subscriptions = new Map<string, Subscription>()
  #hasSession = false
  #queue: Copy[] = []
  /** Sent and not acknowledged, in the order of sending. */
  #inFlight = new Map<number, Copy>()
  #lastPacketId = 0
  #connections = 0
  #ingest: Connection | null = null
  #outgoing: Connection | null = null
  #quiet = false

  constructor(
    name: string,
    clock: VirtualClock,
    random: Random,
    habits: BrokerHabits,
    reports: BrokerReports,
  ) {
    this.name = name
    this.#clock = clock
    this.#random = random
    this.#habits = habits
    this.#reports = reports
  }

  /** Messages that the session holds for the engine. */
  get held(): number {
    return this.#queue.length + this.#inFlight.size
  }

  // ---- what the world does

  publish(message: DeviceMessage): void {
    if (message.retain) {
      if (message.payload === '') this.#retained.delete(message.topic)
      else this.#retained.set(message.topic, message)
    }
    const matching = [...this.#subscriptions.values()].filter(({ filter }) => matches(filter, message.topic))
    if (matching.length === 0) return
    const copies =
      this.#habits.protocolVersion === 5
        ? matching
        : [{ qos: Math.max(...matching.map(({ qos }) => qos)) as 0 | 1, id: undefined }]
    for (const { qos, id } of copies) {
      const own = message.qos === 1 ? qos : 0
      if (own === 0 && this.#ingest === null) continue
      this.#queue.push({ message, qos: own, retain: false, ids: id === undefined ? null : [id] })
    }
    this.#pump()
  }

  /** Cuts one or both connections; what is under way on them is lost. */
  cut(which: 'ingest' | 'outgoing' | 'both'): void {
    this.#reports.tell(`${this.name}: the ${which} link is cut`)
    if (which !== 'outgoing') this.#end('ingest')
    if (which !== 'ingest') this.#end('outgoing')
  }

  setReachable(reachable: boolean): void {
    if (!reachable) this.cut('both')
    this.reachable = reachable
  }

  /** As a broker that restarts without persistence: what was not acknowledged is gone. */
  forgetSession(): void {
    this.cut('both')
    this.#reports.tell(`${this.name}: forgets the session`)
    this.#hasSession = false
    this.#subscriptions = new Map()
    this.#queue = []
    this.#inFlight = new Map()
    this.#lastPacketId = 0
  }

  /** From here on everything is acknowledged at once. */
  calm(): void {
    this.reachable = true
    this.#quiet = true
  }

  /** The engine died: what it had written may still arrive, or part of it, or nothing. */
  abandon(): void {
    for (const which of ['ingest', 'outgoing'] as const) {
      const connection = which === 'ingest' ? this.#ingest : this.#outgoing
      if (connection === null) continue
      connection.toClient.cut()
      connection.lost = () => {}
      if (this.#random.chance(0.5)) this.#end(which)
      else {
        this.#clock.setTimer(connection.toBroker.lastMs, () => {
          if (connection === (which === 'ingest' ? this.#ingest : this.#outgoing)) this.#end(which)
        })
      }
    }
  }

  #end(which: 'ingest' | 'outgoing'): void {
    const connection = which === 'ingest' ? this.#ingest : this.#outgoing
    if (connection === null) return
    if (which === 'ingest') this.#ingest = null
    else this.#outgoing = null
    connection.toClient.cut()
    connection.toBroker.cut()
    connection.lost()
  }

  // ---- the session

  #pump(): void {
    const connection = this.#ingest
    if (connection === null) return
    const chunk: InboundMessage[] = []
    while (this.#queue.length > 0) {
      const copy = this.#queue[0]!
      if (copy.qos === 1 && this.#inFlight.size >= this.#habits.window) break
      this.#queue.shift()
      const packetId = copy.qos === 1 ? this.#nextPacketId() : 0
      if (copy.qos === 1) this.#inFlight.set(packetId, copy)
      chunk.push(this.#inbound(copy, packetId, false, connection))
    }
    this.#send(connection, chunk)
  }

  #send(connection: Connection, chunk: readonly InboundMessage[]): void {
    for (let from = 0; from < chunk.length; ) {
      const size = this.#random.whole(1, chunk.length - from)
      const part = chunk.slice(from, from + size)
      for (const { packetId } of part) if (packetId > 0) connection.sent.push(packetId)
      connection.toClient.send(() => this.#hand(part))
      from += size
    }
  }

  /** Set by the client's end when it connects. */
  #hand: (messages: readonly InboundMessage[]) => void = () => {}

  #inbound(copy: Copy, packetId: number, dup: boolean, { number }: Connection): InboundMessage {
    return {
      broker: this.name,
      topic: copy.message.topic,
      payload: Buffer.from(copy.message.payload),
      qos: copy.qos,
      retain: copy.retain,
      dup,
      packetId,
      receivedAt: 0,
      properties: null,
      connection: number,
      subscriptionIds: copy.ids,
    }
  }

  #nextPacketId(): number {
    const { reuse, lastPacketId } = this.#habits
    let id = reuse === 'lowest' ? 1 : (this.#lastPacketId % lastPacketId) + 1
    while (this.#inFlight.has(id)) id = reuse === 'lowest' ? id + 1 : (id % lastPacketId) + 1
    this.#lastPacketId = id
    return id
  }

  #puback(connection: Connection, packetId: number): void {
    const copy = this.#inFlight.get(packetId)
    // Acknowledgements come in the order of the messages [MQTT-4.6.0-2].
    if (connection.sent.shift() !== packetId) {
      this.#reports.violated(`${this.name}: PUBACK ${packetId} came out of turn`)
    }
    if (copy === undefined) {
      this.#reports.violated(`${this.name}: PUBACK ${packetId} is for nothing`)
      return
    }
    this.#inFlight.delete(packetId)
    this.#reports.acknowledged(copy.message)
    this.#pump()
  }

  #subscribe(request: SubscriptionRequest): void {
    const filter = parsed(request.filter)
    const isNew = !this.#subscriptions.has(request.filter)
    this.#subscriptions.set(request.filter, { filter, qos: request.qos, id: request.id })
    const replays =
      this.#habits.protocolVersion === 4 ||
      request.retainHandling === 0 ||
      (request.retainHandling === 1 && isNew)
    if (!replays) return
    for (const message of this.#retained.values()) {
      if (!matches(filter, message.topic)) continue
      const ids = request.id === undefined ? null : [request.id]
      this.#queue.push({ message, qos: message.qos === 1 ? request.qos : 0, retain: true, ids })
    }
  }

  // ---- the engine's end

  port(life: Life, nowMs: () => number): Broker {
    return new Port(this, life, nowMs, {
      clock: this.#clock,
      random: this.#random,
      reports: this.#reports,
      latencyMs: this.#habits.latencyMs,
      accept: (lost, online, hand) => this.#accept(lost, online, hand),
      acceptOutgoing: (lost, online) => this.#acceptOutgoing(lost, online),
      subscribe: (requests) => {
        for (const request of requests) this.#subscribe(request)
        this.#pump()
      },
      unsubscribe: (filters) => {
        for (const filter of filters) this.#subscriptions.delete(filter)
      },
      puback: (connection, packetId) => this.#puback(connection, packetId),
      take: (message) => this.#take(message),
      leave: () => {
        this.#end('ingest')
        this.#end('outgoing')
      },
    })
  }

  #open(lost: () => void): Connection {
    const delayMs = () => this.#random.whole(0, this.#habits.latencyMs)
    const wire = () => new Wire(this.#clock, delayMs)
    return { number: ++this.#connections, toClient: wire(), toBroker: wire(), sent: [], lost }
  }

  #accept(
    lost: () => void,
    online: (sessionPresent: boolean, protocolVersion: 4 | 5) => void,
    hand: (messages: readonly InboundMessage[]) => void,
  ): Connection {
    // A connection of the same client identifier that is still there is taken over [MQTT-3.1.4-3].
    this.#end('ingest')
    const connection = this.#open(lost)
    this.#ingest = connection
    this.#hand = hand
    const sessionPresent = this.#hasSession
    this.#hasSession = true
    connection.toClient.send(() => online(sessionPresent, this.#habits.protocolVersion))
    // What was not acknowledged comes again, marked, in its order and before all that is new [MQTT-4.4.0-1].
    const again = [...this.#inFlight].map(([packetId, copy]) =>
      this.#inbound(copy, packetId, true, connection),
    )
    this.#send(connection, again)
    this.#pump()
    return connection
  }

  #acceptOutgoing(lost: () => void, online: () => void): Connection {
    this.#end('outgoing')
    const connection = this.#open(lost)
    this.#outgoing = connection
    connection.toClient.send(online)
    return connection
  }

  /** How long until the acknowledgement leaves, ms; null when the message is refused for now. */
  #take(message: OutboundMessage): number | null {
    if (!this.#quiet && this.#random.chance(this.#habits.refusals)) {
      this.#reports.troubled()
      return null
    }
    const payload = Buffer.from(message.payload).toString()
    if (!message.topic.startsWith('tocsin/')) {
      this.#reports.tell(`${this.name}: takes ${message.topic} ${payload}`)
      this.#reports.took(message.topic, payload)
    }
    this.publish({ topic: message.topic, payload, qos: message.qos, retain: message.retain })
    return !this.#quiet && this.#random.chance(this.#habits.slowAcks) ? this.#random.whole(1_001, 4_000) : 0
  }
}

interface PortDeps {
  readonly clock: VirtualClock
  readonly random: Random
  readonly reports: BrokerReports
  readonly latencyMs: number
  accept(
    lost: () => void,
    online: (sessionPresent: boolean, protocolVersion: 4 | 5) => void,
    hand: (messages: readonly InboundMessage[]) => void,
  ): Connection
  acceptOutgoing(lost: () => void, online: () => void): Connection
  subscribe(requests: readonly SubscriptionRequest[]): void
  unsubscribe(filters: readonly string[]): void
  puback(connection: Connection, packetId: number): void
  take(message: OutboundMessage): number | null
  leave(): void
}

/** What the MQTT adapter is to the engine: it reconnects, keeps acknowledgements in order, and resends nothing. */
class Port implements Broker {
  readonly name: string
  readonly #broker: SimulatedBroker
  readonly #life: Life
  readonly #nowMs: () => number
  readonly #deps: PortDeps
  readonly #queue = new AcknowledgementQueue()
  #sink: BrokerSink | null = null
  #ingest: Connection | null = null
  #outgoing: Connection | null = null
  #canPublish = false
  #paused: InboundMessage[] | null = null
  readonly #answers = new Set<() => void>()
  readonly #publishes = new Set<() => void>()

  constructor(broker: SimulatedBroker, life: Life, nowMs: () => number, deps: PortDeps) {
    this.name = broker.name
    this.#broker = broker
    this.#life = life
    this.#nowMs = nowMs
    this.#deps = deps
  }

  get canPublish(): boolean {
    return this.#canPublish
  }

  start(sink: BrokerSink): void {
    this.#sink = sink
    this.#connectIngest(this.#soon())
    this.#connectOutgoing(this.#soon())
  }

  subscribe(requests: readonly SubscriptionRequest[]): Promise<readonly SubscriptionOutcome[]> {
    this.#deps.reports.touched()
    const { promise, resolve } = Promise.withResolvers<readonly SubscriptionOutcome[]>()
    const lost = () =>
      resolve(
        requests.map(({ filter }) => ({ filter, granted: false, temporary: true, message: closed.message })),
      )
    this.#ask(
      lost,
      () => this.#deps.subscribe(requests),
      () => resolve(requests.map(({ filter }) => ({ filter, granted: true }))),
    )
    return promise
  }

  unsubscribe(filters: readonly string[]): Promise<void> {
    this.#deps.reports.touched()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#ask(resolve, () => this.#deps.unsubscribe(filters), resolve)
    return promise
  }

  acknowledge(message: InboundMessage): void {
    this.#deps.reports.touched()
    const connection = this.#ingest
    if (!this.#life.alive || connection?.number !== message.connection || message.qos === 0) return
    const gone: number[] = []
    this.#queue.release(message.packetId, gone)
    for (const packetId of gone) connection.toBroker.send(() => this.#deps.puback(connection, packetId))
  }

  pause(): void {
    this.#paused ??= []
  }

  resume(): void {
    const waiting = this.#paused ?? []
    this.#paused = null
    if (waiting.length > 0) this.#sink?.messages(waiting)
  }

  publish(message: OutboundMessage): Promise<PublishOutcome> {
    this.#deps.reports.touched()
    const connection = this.#outgoing
    if (!this.#canPublish || connection === null) return Promise.resolve(offline)
    const { promise, resolve } = Promise.withResolvers<PublishOutcome>()
    const lost = () => resolve(offline)
    this.#publishes.add(lost)
    const answer = (outcome: PublishOutcome) => {
      connection.toClient.send(() => {
        this.#publishes.delete(lost)
        resolve(outcome)
      })
    }
    connection.toBroker.send(() => {
      const ackMs = this.#deps.take(message)
      if (ackMs === null) answer({ ok: false, kind: 'temporary', message: 'quota exceeded' })
      else if (ackMs === 0) answer({ ok: true })
      else this.#deps.clock.setTimer(this.#deps.clock.now() + ackMs, () => answer({ ok: true }))
    })
    return promise
  }

  async stop(): Promise<void> {
    this.#sink = null
    this.#canPublish = false
    this.#deps.leave()
  }

  get #running(): boolean {
    return this.#life.alive && this.#sink !== null
  }

  #soon(): number {
    return this.#deps.random.whole(0, 5)
  }

  /** A request on the ingest connection, of which the answer may be lost. */
  #ask(lost: () => void, arrive: () => void, answered: () => void): void {
    const connection = this.#ingest
    if (connection === null) {
      lost()
      return
    }
    this.#answers.add(lost)
    connection.toBroker.send(() => {
      // The answer leaves before what the request brings about.
      connection.toClient.send(() => {
        this.#answers.delete(lost)
        answered()
      })
      arrive()
    })
  }

  #connectIngest(delayMs: number): void {
    this.#after(delayMs, () => {
      if (!this.#broker.reachable) {
        this.#connectIngest(this.#deps.random.whole(100, 1_000))
        return
      }
      const lost = () => {
        this.#noticed(() => {
          this.#ingest = null
          this.#paused = this.#paused === null ? null : []
          for (const answer of this.#answers) answer()
          this.#answers.clear()
          this.#sink?.link({ state: 'offline', failure: closed, retryInMs: 100 })
          this.#connectIngest(this.#deps.random.whole(1, 500))
        })
      }
      const connection = this.#deps.accept(
        lost,
        (sessionPresent, protocolVersion) => {
          if (!this.#running) return
          this.#ingest = connection
          this.#queue.clear()
          this.#sink?.link({
            state: 'online',
            sessionPresent,
            protocolVersion,
            subscriptionIdentifiers: protocolVersion === 5,
          })
        },
        (messages) => {
          if (!this.#running) return
          const receivedAt = this.#nowMs()
          for (const { qos, packetId } of messages) if (qos === 1) this.#queue.hold(packetId)
          const batch = messages.map((message) => ({ ...message, receivedAt }))
          if (this.#paused === null) this.#sink?.messages(batch)
          else this.#paused.push(...batch)
        },
      )
    })
  }

  #connectOutgoing(delayMs: number): void {
    this.#after(delayMs, () => {
      if (!this.#broker.reachable) {
        this.#connectOutgoing(this.#deps.random.whole(100, 1_000))
        return
      }
      const lost = () => {
        this.#noticed(() => {
          this.#canPublish = false
          this.#outgoing = null
          for (const publish of this.#publishes) publish()
          this.#publishes.clear()
          this.#sink?.outgoing?.({ state: 'offline', failure: closed, retryInMs: 100 })
          this.#connectOutgoing(this.#deps.random.whole(1, 500))
        })
      }
      const connection = this.#deps.acceptOutgoing(lost, () => {
        if (!this.#running) return
        this.#outgoing = connection
        this.#canPublish = true
        this.#sink?.outgoing?.({
          state: 'online',
          sessionPresent: false,
          protocolVersion: 5,
          subscriptionIdentifiers: true,
        })
      })
    })
  }

  /** The end of a connection is noticed at once, soon, or after seconds in which it seems to live. */
  #noticed(run: () => void): void {
    const { random } = this.#deps
    this.#after(random.chance(0.3) ? random.whole(1, 4_000) : random.whole(0, 20), () => {
      this.#deps.reports.troubled()
      run()
    })
  }

  #after(delayMs: number, run: () => void): void {
    this.#deps.clock.setTimer(this.#deps.clock.now() + delayMs, () => {
      if (this.#running) run()
    })
  }
}

const filters = new Map<string, Filter>()

function parsed(text: string): Filter {
  const known = filters.get(text)
  if (known !== undefined) return known
  const result = parsePlainFilter(text)
  if (!result.ok) throw new Error(`${text} is no topic filter`)
  filters.set(text, result.value)
  return result.value
}

const tries = new Map<Filter, FilterTrie>()

function matches(filter: Filter, topic: string): boolean {
  let trie = tries.get(filter)
  if (trie === undefined) {
    trie = new FilterTrie(null)
    trie.add(filter, 0)
    tries.set(filter, trie)
  }
  return trie.find(topic).numbers.length > 0
}
