/**
 * A broker of one client, in memory: it keeps the session and retained messages, brings back what we publish
 * where we are subscribed, and records it. What happens here is what an MQTT 5 broker would do, without a wire.
 */
import type { MessageProperties, OutboundMessage } from '../../core/message.ts'
import { type Filter, parsePlainFilter } from '../../core/topics/filter.ts'
import { FilterTrie } from '../../core/topics/filter-trie.ts'
import type {
  Broker,
  BrokerSink,
  InboundMessage,
  LinkFailure,
  PublishOutcome,
  SubscriptionOutcome,
  SubscriptionRequest,
} from '../../ports/broker.ts'

/** A message that some client publishes. */
export interface ClientMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1
  readonly retain: boolean
  readonly properties?: MessageProperties | null | undefined
}

/** So many of our own messages may come back to us at one moment; then rules are taken to feed each other. */
export const loopLimit = 10_000

const lastPacketId = 65_535

interface Subscription {
  readonly filter: Filter
  readonly qos: 0 | 1
  readonly id: number | undefined
  readonly retainAsPublished: boolean
}

interface Copy {
  readonly message: ClientMessage
  readonly qos: 0 | 1
  readonly retain: boolean
  readonly ids: readonly number[] | null
}

const down: LinkFailure = {
  reason: 'connection-refused',
  message: 'The link is down, as the test says.',
  help: 'Put it up again with `link: up`.',
}

export class RecordedBroker implements Broker {
  readonly name: string
  /** Tocsin's own topics, such as the fence, are not recorded. */
  readonly #published: (message: OutboundMessage) => void
  readonly #now: () => number
  readonly #retained: Map<string, ClientMessage>
  /** Other sessions at the same broker. */
  readonly #beside: RecordedBroker[] = []
  #subscriptions = new Map<string, Subscription>()
  #trie = new FilterTrie(null)
  #ordered: readonly Subscription[] = []
  #hasSession = false
  #queue: Copy[] = []
  #unacknowledged = new Map<number, InboundMessage>()
  #sink: BrokerSink | null = null
  #up = true
  #connected = false
  #connection = 0
  #packetId = 0
  #looped = 0
  #looping: string | null = null
  #acknowledges = true

  /** `now` is the wall clock of the engine that is connected, ms since the epoch. */
  constructor(
    name: string,
    now: () => number,
    published: (message: OutboundMessage) => void = () => {},
    retained = new Map<string, ClientMessage>(),
  ) {
    this.name = name
    this.#retained = retained
    this.#now = now
    this.#published = published
  }

  /** Another session at the same broker. */
  session(name: string): RecordedBroker {
    const session = new RecordedBroker(name, this.#now, () => {}, this.#retained)
    if (!this.#up) session.setLink(false)
    this.#beside.push(session)
    return session
  }

  // ---- what the test does

  /** Some client publishes. */
  receive(message: ClientMessage): void {
    if (message.retain) {
      if (message.payload.length === 0) this.#retained.delete(message.topic)
      else this.#retained.set(message.topic, message)
    }
    this.#copy(message)
    for (const session of this.#beside) session.#copy(message)
  }

  /**
   * One copy for each subscription that matches. RETAIN is 0 on what is not a replay [MQTT-3.3.1-12], unless the
   * subscription wants it as it was published [MQTT-3.3.1-13].
   */
  #copy(message: ClientMessage): void {
    for (const number of this.#trie.find(message.topic).numbers) {
      const { qos, id, retainAsPublished } = this.#ordered[number]!
      this.#send({
        message,
        qos: message.qos === 1 ? qos : 0,
        retain: retainAsPublished && message.retain,
        ids: id === undefined ? null : [id],
      })
    }
  }

  /** Cuts the link or lets it come back. */
  setLink(up: boolean): void {
    if (up === this.#up) return
    this.#up = up
    if (up) this.#connect()
    else this.#disconnect(true)
  }

  get up(): boolean {
    return this.#up
  }

  /** The client is gone without a word; its session stays. */
  abandon(): void {
    this.#disconnect(false)
    this.#sink = null
  }

  /** The broker forgets the session, as one that restarts without persistence. */
  forgetSession(): void {
    this.#hasSession = false
    this.#subscriptions = new Map()
    this.#index()
    this.#queue = []
    this.#unacknowledged.clear()
  }

  /** From here on acknowledgements are lost on the way, until the next connection. */
  loseAcknowledgements(): void {
    this.#acknowledges = false
  }

  /** Ends the count of messages that came back; answers with a topic when there were too many. */
  settled(): string | null {
    const looping = this.#looping
    this.#looped = 0
    this.#looping = null
    return looping
  }

  // ---- what the engine does

  get canPublish(): boolean {
    return this.#connected
  }

  start(sink: BrokerSink): void {
    this.#sink = sink
    if (this.#up) this.#connect()
    else this.#tellDown(sink)
  }

  async subscribe(requests: readonly SubscriptionRequest[]): Promise<readonly SubscriptionOutcome[]> {
    if (!this.#connected) {
      return requests.map(({ filter }) => ({
        filter,
        granted: false,
        temporary: true,
        message: down.message,
      }))
    }
    const replays: Copy[] = []
    for (const request of requests) {
      const parsed = parsePlainFilter(request.filter)
      if (!parsed.ok) throw new Error(`${request.filter} is no topic filter`)
      const isNew = !this.#subscriptions.has(request.filter)
      const { qos, id, retainAsPublished = false } = request
      this.#subscriptions.set(request.filter, { filter: parsed.value, qos, id, retainAsPublished })
      // Retain handling [MQTT-3.3.1-9], [MQTT-3.3.1-10], [MQTT-3.3.1-11].
      if (request.retainHandling === 0 || (request.retainHandling === 1 && isNew)) {
        replays.push(...this.#replays(parsed.value, request))
      }
    }
    this.#index()
    for (const replay of replays) this.#send(replay)
    return requests.map(({ filter }) => ({ filter, granted: true }))
  }

  async unsubscribe(filters: readonly string[]): Promise<void> {
    for (const filter of filters) this.#subscriptions.delete(filter)
    this.#index()
  }

  acknowledge({ packetId, connection }: InboundMessage): void {
    if (connection === this.#connection && this.#acknowledges) this.#unacknowledged.delete(packetId)
  }

  /** Nothing is read from a wire that could be held back: the engine's queue takes all. */
  pause(): void {}

  resume(): void {}

  async publish(message: OutboundMessage): Promise<PublishOutcome> {
    if (!this.#connected) return { ok: false, kind: 'temporary', message: down.message }
    if (!message.topic.startsWith('tocsin/')) this.#published(message)
    if (this.#trie.find(message.topic).numbers.length > 0) this.#looped++
    if (this.#looped > loopLimit) this.#looping ??= message.topic
    else this.receive(message)
    return { ok: true }
  }

  async stop(): Promise<void> {
    this.#disconnect(false)
    this.#sink = null
  }

  // ---- the connection

  #connect(): void {
    const sink = this.#sink
    if (sink === null) return
    // A real broker answers later, never within the call.
    queueMicrotask(() => {
      if (this.#sink !== sink || !this.#up || this.#connected) return
      const sessionPresent = this.#hasSession
      this.#hasSession = true
      this.#connected = true
      this.#acknowledges = true
      this.#connection++
      const state = {
        state: 'online',
        sessionPresent,
        protocolVersion: 5,
        subscriptionIdentifiers: true,
      } as const
      sink.link(state)
      sink.outgoing?.(state)
      // What was not acknowledged comes again, marked, and before all that is new [MQTT-4.4.0-1].
      const again = [...this.#unacknowledged.values()]
      for (const message of again) this.#hand({ ...message, dup: true })
      const queued = this.#queue
      this.#queue = []
      for (const copy of queued) this.#send(copy)
    })
  }

  #disconnect(tell: boolean): void {
    if (!this.#connected) return
    this.#connected = false
    const sink = this.#sink
    if (tell && sink !== null) this.#tellDown(sink)
  }

  #tellDown(sink: BrokerSink): void {
    const state = { state: 'offline', failure: down, retryInMs: 1_000 } as const
    sink.link(state)
    sink.outgoing?.(state)
  }

  #send(copy: Copy): void {
    if (!this.#connected) {
      // A session keeps QoS 1 messages for a client that is away; QoS 0 ones are lost.
      if (this.#hasSession && copy.qos === 1) this.#queue.push(copy)
      return
    }
    const { message, qos, retain, ids } = copy
    const inbound: InboundMessage = {
      broker: this.name,
      topic: message.topic,
      payload: message.payload,
      qos,
      retain,
      dup: false,
      packetId: qos === 1 ? this.#nextPacketId() : 0,
      receivedAt: 0,
      properties: message.properties ?? null,
      connection: this.#connection,
      subscriptionIds: ids,
    }
    if (qos === 1) this.#unacknowledged.set(inbound.packetId, inbound)
    this.#hand(inbound)
  }

  #hand(message: InboundMessage): void {
    const copy = { ...message, receivedAt: this.#now(), connection: this.#connection }
    this.#sink?.messages([copy])
  }

  #nextPacketId(): number {
    do this.#packetId = this.#packetId >= lastPacketId ? 1 : this.#packetId + 1
    while (this.#unacknowledged.has(this.#packetId))
    return this.#packetId
  }

  #replays(filter: Filter, { qos, id }: SubscriptionRequest): Copy[] {
    const trie = new FilterTrie(null)
    trie.add(filter, 0)
    const ids = id === undefined ? null : [id]
    return [...this.#retained.values()]
      .filter(({ topic }) => trie.find(topic).numbers.length > 0)
      .map((message) => ({ message, qos: message.qos === 1 ? qos : 0, retain: true, ids }))
  }

  #index(): void {
    this.#ordered = [...this.#subscriptions.values()]
    this.#trie = new FilterTrie(null)
    for (const [number, { filter }] of this.#ordered.entries()) this.#trie.add(filter, number)
  }
}
