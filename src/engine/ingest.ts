/**
 * The way in from one broker: keeps the subscriptions as the rules want them, lets each message through once
 * although filters overlap or the broker sends it again, acknowledges it when the line says so, and holds the
 * broker back when the line is full.
 */
import type { Message } from '../core/message.ts'
import type { Program } from '../core/program.ts'
import { sliceId } from '../core/state.ts'
import { parsePlainFilter } from '../core/topics/filter.ts'
import {
  acceptor,
  changes,
  planSubscriptions,
  type SubscriptionPlan,
  type SubscriptionRecord,
} from '../core/topics/subscriptions.ts'
import type { Broker, InboundMessage, LinkFailure, LinkState } from '../ports/broker.ts'
import type { Observer } from '../ports/observer.ts'
import type { Counters } from './counters.ts'
import { DeliveryWatch } from './delivery-watch.ts'
import type { Line, LineItem } from './line.ts'
import { Marks } from './marks.ts'
import { MessageItem, type MessageSource } from './message-item.ts'
import { isRequestTopic } from './requests/read-request.ts'
import { requestFilters } from './requests/request-filters.ts'
import type { Requests } from './requests/requests.ts'

export interface IngestDeps {
  readonly broker: Broker
  /** It is the session beside a broker's own that shows RETAIN as it was published; to which broker. Null: it is not. */
  readonly keepsFor: string | null
  readonly clientId: string
  readonly line: Line
  readonly observer: Observer
  readonly counters: Counters
  /** Who answers requests that come from this broker; null when they are not listened to here. */
  readonly requests: Requests | null
  nowMs(): number
  /** From the adapter's clock to the engine's steady time, ms. */
  shiftMs(): number
  /** The fence has come back, or this is the first time that the link is up. */
  fencePassed(broker: string): void
  linkChanged(broker: string, state: LinkState): void
  /** The state knows that the link is up. */
  heard(broker: string): void
  /** The outgoing line is up. */
  canPublish(broker: string): void
}

/** Above so many waiting events, or bytes of theirs, the broker is held back; below the second numbers it goes on. */
const backlogHigh = 5_000
const backlogLow = 1_000
const backlogHighBytes = 64 * 1_048_576
const backlogLowBytes = 16 * 1_048_576
const fencePrefix = 'tocsin/fence/'
/** That nothing goes out is told so often. */
const lossTellMs = 60_000
/** Subscriptions that the broker's session holds for us, to know what to drop after a restart. */
interface SubscriptionsData extends SubscriptionRecord {
  readonly version: 4 | 5
  /** Filters of earlier plans that the session may still hold. */
  readonly leftover?: readonly string[]
}

type Accepts = (topic: string, ids: readonly number[] | null) => boolean

export class Ingest {
  readonly #deps: IngestDeps
  readonly #fenceTopic: string
  #plan: SubscriptionPlan | null = null
  #accepts: Accepts = () => true
  /** Replays come from the filters just subscribed alone, so only those can claim one. */
  #acceptsReplay: Accepts = () => true
  #version: 4 | 5 | null = null
  #session: SubscriptionsData | null = null
  #resumed = false
  #connections = 0
  /** Whether the session was asked, since the start, for all that the broker keeps. */
  #askedForKept = false
  #keepIsTold = false
  /** Subscribing goes one change after the other: a later one must not lose what an earlier one still drops. */
  #subscribing: Promise<void> = Promise.resolve()
  #online = false
  /** The connection of the ingest link on which the outgoing one was lost last, and when that was told. */
  #lostOn = 0
  #lossToldMs = Number.NEGATIVE_INFINITY
  #paused = false
  #fence = ''
  #fences = 0
  #fenceWaits = false
  readonly #delivery = new DeliveryWatch()
  readonly #marks: Marks
  readonly #source: MessageSource

  constructor(deps: IngestDeps) {
    this.#deps = deps
    this.#fenceTopic = `${fencePrefix}${deps.clientId}`
    this.#marks = new Marks(deps.broker.name)
    this.#source = {
      marks: this.#marks,
      nowMs: () => deps.nowMs(),
      redelivered: () => {
        deps.counters.redelivered++
      },
      acknowledge: (message) => {
        this.#acknowledge(message)
        this.relieve()
      },
    }
  }

  get broker(): Broker {
    return this.#deps.broker
  }

  get online(): boolean {
    return this.#online
  }

  /** What the store knew of marks and subscriptions when the engine started. */
  restore(marks: readonly string[], subscriptions: unknown): void {
    this.#marks.restore(marks)
    this.#session = (subscriptions as SubscriptionsData | undefined) ?? null
  }

  start(): void {
    this.#deps.broker.start({
      messages: (batch) => this.#messages(batch),
      link: (state) => this.#link(state),
      outgoing: (state) => this.#outgoing(state),
    })
  }

  /** Looks whether a broker that was held back can go on. */
  relieve(): void {
    const { backlog, backlogBytes } = this.#deps.line
    if (this.#paused && backlog < backlogLow && backlogBytes < backlogLowBytes) {
      this.#paused = false
      this.#deps.broker.resume()
    }
  }

  /** The slices of its redelivery marks begin so. */
  get markPrefix(): string {
    return this.#marks.prefix
  }

  static subscriptionsId(broker: string): string {
    return sliceId('subscriptions', broker)
  }

  /** Whether a session was subscribed to more than its own fence. */
  static holdsMore(subscriptions: unknown): boolean {
    const held = subscriptions as SubscriptionsData | undefined
    const filters = [...(held?.subscriptions ?? []).map(({ filter }) => filter), ...(held?.leftover ?? [])]
    return filters.some((filter) => !filter.startsWith(fencePrefix))
  }

  // ---- messages

  #messages(batch: readonly InboundMessage[]): void {
    const items: LineItem[] = []
    const { counters, broker, nowMs, keepsFor } = this.#deps
    let acknowledgeable = 0
    for (const { qos } of batch) if (qos === 1) acknowledgeable++
    if (acknowledgeable > 0) this.#delivery.heard(acknowledgeable, nowMs())
    for (const message of batch) {
      counters.received++
      if (message.topic === this.#fenceTopic) {
        this.#acknowledge(message)
        if (Buffer.from(message.payload).toString() === this.#fence) {
          this.#delivery.returned()
          this.#deps.fencePassed(broker.name)
        }
      } else if (
        !(message.retain && keepsFor === null ? this.#acceptsReplay : this.#accepts)(
          message.topic,
          message.subscriptionIds,
        )
      ) {
        counters.duplicates++
        this.#acknowledge(message)
      } else {
        const item = this.#itemOf(message)
        if (item !== null) items.push(item)
      }
    }
    if (items.length > 0) this.#deps.line.push(items)
    const { backlog, backlogBytes } = this.#deps.line
    if (!this.#paused && (backlog > backlogHigh || backlogBytes > backlogHighBytes)) {
      this.#paused = true
      broker.pause()
    }
  }

  #acknowledge(message: InboundMessage): void {
    if (message.qos === 1) this.#delivery.acknowledged()
    this.#deps.broker.acknowledge(message)
  }

  /** To be called every few seconds: makes the connection anew when the broker delivers nothing over it any more. */
  watchDelivery(): void {
    const { broker, nowMs, observer } = this.#deps
    const next = this.#delivery.next(nowMs(), this.#online && !this.#paused && broker.canPublish)
    if (next === 'ask') void this.raiseFence()
    if (next !== 'renew') return
    this.#delivery.connected(nowMs())
    observer.trouble({
      kind: 'stalled',
      message: `The broker "${broker.name}" keeps the connection but delivers no messages of QoS 1 any more. The connection is made anew.`,
      help: 'Mosquitto 2.0 does this after it has dropped messages: raise max_queued_messages in its configuration.',
    })
    broker.renew?.()
  }

  /** Null when the message is a request that no rule listens to: it goes round the line, to be answered even when that stands. */
  #itemOf(message: InboundMessage): LineItem | null {
    const { requests, broker, line } = this.#deps
    if (requests === null || !isRequestTopic(message.topic)) return this.#item(message)
    const answered = requests.take(message)
    if (line.program.match(broker.name, message.topic).length === 0) {
      void answered.then(() => this.#acknowledge(message))
      return null
    }
    return this.#item(message, answered)
  }

  /** `first`: what else has to be finished before the message is acknowledged. */
  #item(message: InboundMessage, first: Promise<void> | null = null): LineItem {
    const shiftMs = this.#deps.shiftMs()
    const steady: Message = shiftMs === 0 ? message : { ...message, receivedAt: message.receivedAt - shiftMs }
    const event =
      message.oversizedBytes === undefined
        ? ({ type: 'message', message: steady } as const)
        : ({ type: 'oversized', message: steady, sizeBytes: message.oversizedBytes } as const)
    if (message.qos === 0) return { event, done: () => this.relieve() }
    return new MessageItem(event, message, this.#source, first)
  }

  /** Drops marks of messages whose acknowledgement the broker must have by now. */
  sweepMarks(): void {
    if (!this.#online) return
    const slices = this.#marks.sweep(this.#deps.nowMs())
    if (slices.length > 0) this.#deps.line.push([{ event: { type: 'drop', slices } }])
  }

  // ---- the link

  #link(state: LinkState): void {
    const { broker } = this.#deps
    const online = state.state === 'online'
    if (state.state === 'online') {
      // Without identifiers overlaps are handled as on MQTT 3.1.1 [MQTT-3.2.2-3.12].
      this.#version = state.subscriptionIdentifiers === false ? 4 : state.protocolVersion
      this.#resumed = state.sessionPresent
      this.#connections++
      this.#marks.connected(state.sessionPresent)
      this.#delivery.connected(this.#deps.nowMs())
    }
    if (online !== this.#online || online) {
      this.#online = online
      const newSession = state.state === 'online' && !state.sessionPresent
      const event = { type: 'link', broker: broker.name, online, newSession } as const
      this.#deps.line.push([online ? { event, done: () => this.#deps.heard(broker.name) } : { event }])
    }
    this.#deps.linkChanged(broker.name, state)
    if (state.state === 'online') this.#tellOfKeep(state.protocolVersion)
    if (state.state === 'online') void this.#inTurn(() => this.#subscribeAll())
  }

  /** On MQTT 3.1.1 nobody can see whether a message was published with RETAIN. */
  #tellOfKeep(version: 4 | 5): void {
    const { keepsFor, line, observer } = this.#deps
    if (keepsFor === null || version === 5 || this.#keepIsTold) return
    this.#keepIsTold = true
    const rules = line.program.rules.filter(
      ({ keepsRetain, definition }) => keepsRetain && definition.broker === keepsFor,
    )
    observer.trouble({
      kind: 'subscription',
      message: `The broker "${keepsFor}" speaks MQTT 3.1.1, which does not show what is published with RETAIN. Rules that pass it on without: ${rules.map(({ id }) => id).join(', ')}.`,
      help: 'Use a broker of MQTT 5, or write `retain: true` or `retain: false` instead of `keep`.',
    })
  }

  #outgoing(state: LinkState): void {
    if (state.state !== 'online') {
      this.#outgoingLost(state.failure)
      return
    }
    this.#deps.canPublish(this.#deps.broker.name)
    if (this.#fenceWaits && this.#online) void this.raiseFence()
  }

  /** While messages come in nobody sees otherwise that none goes out. A broker that is away loses both links, once. */
  #outgoingLost({ message, help }: LinkFailure): void {
    if (!this.#online) return
    const { broker, observer, nowMs } = this.#deps
    const again = this.#lostOn === this.#connections
    this.#lostOn = this.#connections
    if (!again || nowMs() - this.#lossToldMs < lossTellMs) return
    this.#lossToldMs = nowMs()
    observer.trouble({
      kind: 'line',
      message: `Messages come from the broker "${broker.name}", but the connection for those that go out is lost again and again: ${message}`,
      help,
    })
  }

  // ---- subscriptions

  /** After connecting: everything is subscribed anew, and what a resumed session holds beyond it is dropped. */
  async #subscribeAll(): Promise<void> {
    if (!this.#online) return
    const held = this.#resumed ? this.#session : null
    const plan = this.#planFor(this.#deps.line.program, held)
    const dropped = held === null ? [] : leftOver(held, plan)
    await this.#subscribe(plan, plan.subscriptions, dropped)
    // Not in turn: what comes of it depends on the outgoing line.
    void this.raiseFence()
  }

  /** The rules have changed while the link is up: only what differs is subscribed, then what is left over dropped. */
  follow(program: Program): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#online || this.#plan === null || this.#session === null) return
      const plan = this.#planFor(program, this.#plan)
      const { subscribe } = changes(this.#plan, plan)
      const dropped = leftOver(this.#session, plan)
      if (subscribe.length > 0 || dropped.length > 0) await this.#subscribe(plan, subscribe, dropped)
    })
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const done = this.#subscribing.then(change)
    this.#subscribing = done.catch(() => {})
    return done
  }

  #planFor(program: Program, previous: SubscriptionRecord | null): SubscriptionPlan {
    const fence = parsePlainFilter(this.#fenceTopic)
    if (!fence.ok) throw new Error(`the client id ${this.#deps.clientId} makes no topic`)
    const version = this.#version ?? 4
    const rules = program.wants(this.#deps.broker.name)
    const own = [fence.value]
    if (this.#deps.requests !== null) {
      own.push(
        ...requestFilters(
          rules.map(({ filter }) => filter),
          version,
        ),
      )
    }
    const wants = [...rules, ...own.map((filter) => ({ filter, qos: 1 as const }))]
    return planSubscriptions(wants, version, previous ?? undefined)
  }

  async #subscribe(
    plan: SubscriptionPlan,
    wanted: readonly (SubscriptionPlan['subscriptions'][number] & { fresh?: boolean })[],
    dropped: readonly string[],
  ): Promise<void> {
    const { broker, line, observer, keepsFor } = this.#deps
    const keeps = keepsFor !== null
    // What was kept while Tocsin was away is passed on as well, so that the first time all of it is asked for.
    const asksForKept = keeps && !this.#askedForKept
    this.#plan = plan
    this.#accepts = plan.accepts
    this.#acceptsReplay = acceptor(wanted.filter(({ fresh }) => fresh !== false))
    const connection = this.#connections
    this.#remember(plan, dropped)
    const outcomes = await broker.subscribe(
      wanted.map(({ filter, qos, id, fresh }) => ({
        filter,
        qos,
        id,
        // A known filter is renewed without its retained messages; rh 1 asks for those of a new one only.
        retainHandling: asksForKept ? 0 : fresh === false ? 2 : 1,
        ...(keeps ? { retainAsPublished: true } : {}),
      })),
    )
    if (outcomes.every(({ temporary }) => temporary !== true)) this.#askedForKept = true
    const refused = outcomes.filter(({ granted, temporary }) => !granted && temporary !== true)
    for (const { filter, message } of refused) {
      const rules = line.program.rules.filter((rule) =>
        rule.filters.some((own) => own.filter.text === filter),
      )
      const names =
        rules.length === 0 ? '' : ` Rules that hear nothing: ${rules.map(({ id }) => id).join(', ')}.`
      observer.trouble({
        kind: 'subscription',
        message: `The broker "${broker.name}" refused the subscription ${filter}: ${message ?? 'no reason given'}.${names}`,
        help: isRequestTopic(filter)
          ? 'Allow it in the access list of the broker, so that Tocsin can be asked; or write `respond_to: []` under `settings`.'
          : 'Allow it in the access list of the broker, or change the topic of the rule.',
      })
    }
    if (refused.length > 0) {
      const gone = new Set(refused.map(({ filter }) => filter))
      this.#accepts = acceptor(plan.subscriptions.filter(({ filter }) => !gone.has(filter)))
    }
    // Until the new ones stand the old ones are needed: the next connection subscribes anew and drops them then.
    if (outcomes.some(({ temporary }) => temporary === true)) return
    if (dropped.length > 0) {
      await broker.unsubscribe(dropped)
      if (this.#online && connection === this.#connections) this.#remember(plan, [])
    }
    const granted = outcomes.filter((outcome) => outcome.granted).length
    observer.subscribed(broker.name, { granted, refused: refused.length })
  }

  /** Keeps the plan, so that the next start knows what the session holds. */
  #remember(plan: SubscriptionPlan, leftover: readonly string[]): void {
    const data: SubscriptionsData = {
      subscriptions: plan.subscriptions,
      nextId: plan.nextId,
      version: this.#version ?? 4,
      ...(leftover.length > 0 ? { leftover } : {}),
    }
    this.#session = data
    const slice = Ingest.subscriptionsId(this.#deps.broker.name)
    this.#deps.line.push([{ event: { type: 'keep', slice, data } }])
  }

  /** Sends a message to ourselves: when it is back, all that was queued before it has been heard. */
  async raiseFence(): Promise<void> {
    const { broker, nowMs } = this.#deps
    // With the time, so that a fence of an earlier run that was still queued is not taken for this one.
    this.#fence = `${nowMs()}-${++this.#fences}`
    this.#fenceWaits = false
    const payload = Buffer.from(this.#fence)
    this.#delivery.asked(nowMs())
    const sent = await broker.publish({ topic: this.#fenceTopic, payload, qos: 1, retain: false })
    if (sent.ok) return
    this.#delivery.notAsked()
    if (sent.kind === 'permanent') this.#deps.fencePassed(broker.name)
    // It goes out when the outgoing line is up; until then the limit of its wait lets the timers run.
    else this.#fenceWaits = true
  }
}

/** What the session may hold beyond a plan. */
function leftOver(held: SubscriptionsData, plan: SubscriptionPlan): string[] {
  const wanted = new Set(plan.subscriptions.map(({ filter }) => filter))
  const filters = [...held.subscriptions.map(({ filter }) => filter), ...(held.leftover ?? [])]
  return [...new Set(filters)].filter((filter) => !wanted.has(filter))
}
