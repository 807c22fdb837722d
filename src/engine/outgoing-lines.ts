/** All the ways out: which outgoing line carries an effect, and what is told of each. */
import { alertTopicPrefix } from '../core/alerts/publish-alert.ts'
import { isWanted } from '../core/commands/command-state.ts'
import type { Effect, PublishEffect, QueueLimit } from '../core/effect.ts'
import type { OutboundMessage } from '../core/message.ts'
import type { DeadLetter } from '../core/outcome.ts'
import type { Program } from '../core/program.ts'
import type { Broker } from '../ports/broker.ts'
import type { Clock } from '../ports/clock.ts'
import type { Observer } from '../ports/observer.ts'
import type { Store } from '../ports/store.ts'
import type { Counters } from './counters.ts'
import { deadLetterEntry } from './dead-letter-entry.ts'
import { type Delivered, type LineTarget, OutgoingLine } from './outgoing-line.ts'

export interface OutgoingLinesDeps {
  readonly brokers: readonly Broker[]
  /** Carries out log effects. */
  readonly log: LineTarget
  readonly store: Store
  readonly clock: Clock
  readonly observer: Observer
  readonly counters: Counters
  /** The engine's steady time, ms. */
  nowMs(): number
  /** Whether all has been heard that the broker had kept for us: acknowledgements of commands may be among it. */
  hears(broker: string): boolean
}

/** Of forwards, when their rule says nothing else. */
export const forwardLimit: QueueLimit = { max: 10_000, drop: 'oldest' }
/** In a storm every line says so once in this time, not for every row. */
const outboxTellMs = 60_000

export class OutgoingLines {
  readonly #deps: OutgoingLinesDeps
  readonly #lines = new Map<string, OutgoingLine>()
  readonly #ofBroker = new Map<string, { readonly broker: Broker; readonly lines: OutgoingLine[] }>()
  /** Per line: rows dropped and not told yet, and when some were last told. */
  readonly #droppedRows = new Map<string, number>()
  readonly #droppedToldAt = new Map<string, number>()

  constructor(deps: OutgoingLinesDeps) {
    this.#deps = deps
    for (const broker of deps.brokers) {
      this.#ofBroker.set(broker.name, { broker, lines: [] })
      this.#addTo(broker.name, brokerLineName(broker.name))
      this.#addTo(broker.name, alertsLineName(broker.name))
      this.#addTo(broker.name, commandsLineName(broker.name))
    }
    this.#add(deps.log)
  }

  lineFor(effect: Effect): OutgoingLine {
    const name = effect.kind === 'log' ? 'log' : publishLineName(effect)
    const line = this.#lines.get(name)
    if (line !== undefined) return line
    // A rule that is gone may still have something on its way.
    const added = effect.kind === 'log' ? null : this.#addTo(effect.broker, name, forwardLimit)
    if (added === null) throw new Error(`no outgoing line is named ${name}`)
    return added
  }

  /** Rules have queues of their own for what they forward. The line of a rule that is gone stays until it is empty. */
  follow({ rules }: Pick<Program, 'rules'>): void {
    const wanted = new Map<string, QueueLimit>()
    for (const { id, then } of rules) {
      for (const { queue } of then) {
        if (queue === undefined) continue
        const name = forwardLineName(queue.broker, id)
        wanted.set(name, queue)
        if (!this.#lines.has(name)) this.#addTo(queue.broker, name, queue)
      }
    }
    for (const [name, line] of this.#lines) {
      if (isForwardLine(name)) line.setLimit(wanted.get(name) ?? forwardLimit)
    }
  }

  /** Rows found in the outbox when the engine starts, by the name of their line. */
  restore(sizes: ReadonlyMap<string, number>): void {
    for (const [name, rows] of sizes) {
      const broker = brokerOfLine(name)
      const line = this.#lines.get(name) ?? (broker === null ? null : this.#addTo(broker, name, forwardLimit))
      line?.restore(rows)
      if (line !== null || rows === 0) continue
      this.#deps.observer.trouble({
        kind: 'outbox',
        message: `${rows} messages wait on ${name}, and nothing of that name is configured: they stay where they are.`,
        help: 'Name the broker below `brokers` as before, and they leave.',
      })
    }
  }

  /** Messages can go to the broker again. */
  wake(broker: string): void {
    for (const line of this.#ofBroker.get(broker)?.lines ?? []) line.wake()
  }

  /** Rows that wait to leave, per line. */
  get waiting(): Record<string, number> {
    return Object.fromEntries([...this.#lines].map(([name, line]) => [name, line.waiting]))
  }

  /** Rows given up since the start, per line that gave any up. */
  get dropped(): Record<string, number> {
    const lines = [...this.#lines].filter(([, line]) => line.dropped > 0)
    return Object.fromEntries(lines.map(([name, line]) => [name, line.dropped]))
  }

  /** Takes no more; resolves when nothing is under way. What waits stays in the outbox. */
  async stop(): Promise<void> {
    await Promise.all([...this.#lines.values()].map((line) => line.stop()))
  }

  /** Null when no broker has that name. */
  #addTo(brokerName: string, name: string, limit?: QueueLimit): OutgoingLine | null {
    const known = this.#ofBroker.get(brokerName)
    if (known === undefined) return null
    const isCommands = name === commandsLineName(brokerName)
    const target = isCommands
      ? this.#commandsTarget(known.broker, name)
      : this.#brokerTarget(known.broker, name)
    const line = this.#add(target, limit)
    known.lines.push(line)
    return line
  }

  #add(target: LineTarget, limit?: QueueLimit): OutgoingLine {
    const { store, clock, observer, counters } = this.#deps
    const reports = {
      carriedOut: (effect: Effect) => {
        counters.carriedOut++
        observer.carriedOut(effect)
      },
      refused: (effect: Effect, message: string) => {
        counters.refused++
        observer.refused(effect, message)
        this.#keepRefused(effect, message)
      },
      expired: () => {
        counters.expired++
      },
      storeFailed: (message: string) => observer.trouble({ kind: 'store', message }),
      dropped: (rows: number, { max, drop }: QueueLimit) => this.#dropped(target.name, rows, max, drop),
    }
    const line = new OutgoingLine(target, store, clock, reports, limit)
    this.#lines.set(target.name, line)
    return line
  }

  /** What a device sent, and another broker will never take, is kept aside. */
  #keepRefused(effect: Effect, reason: string): void {
    if (effect.kind !== 'publish' || effect.via?.kind !== 'forward') return
    const { store, observer, counters, nowMs } = this.#deps
    const { topic, payload } = effect.message
    const { rule } = effect.via
    const message = `The broker "${effect.broker}" does not take it. ${reason}`
    const letter: DeadLetter = {
      broker: effect.broker,
      topic,
      payload,
      reason: 'refused',
      message,
      rules: [rule],
      atMs: nowMs(),
    }
    counters.deadLetters++
    observer.deadLetter(letter)
    void store.commit({ journal: { add: [deadLetterEntry(letter)] } }).then((kept) => {
      if (!kept.ok) observer.trouble({ kind: 'store', message: kept.failure.message })
    })
  }

  #brokerTarget(broker: Broker, name: string): LineTarget {
    return {
      name,
      ready: () => broker.canPublish,
      deliver: (effect, sinceMs) => {
        if (effect.kind !== 'publish') {
          const message = `a broker carries no ${effect.kind}`
          return Promise.resolve({ ok: false, kind: 'permanent', message })
        }
        const waitedMs = sinceMs === null ? 0 : this.#deps.nowMs() - sinceMs
        const aged = agedMessage(effect.message, waitedMs)
        if (aged !== null) return broker.publish(aged)
        return Promise.resolve({ ok: false, kind: 'expired', message: 'It has expired.' })
      },
    }
  }

  /** A command leaves only while it waits for its acknowledgement, in the attempt of its row. */
  #commandsTarget(broker: Broker, name: string): LineTarget {
    const { store, hears, nowMs } = this.#deps
    const target = this.#brokerTarget(broker, name)
    const deliver = async (effect: Effect, sinceMs: number | null): Promise<Delivered> => {
      const via = effect.kind === 'publish' ? effect.via : undefined
      if (via?.kind !== 'command') return { ok: false, kind: 'permanent', message: 'It is no command.' }
      const loaded = await store.load([via.slice])
      if (!loaded.ok) return { ok: false, kind: 'temporary', message: loaded.failure.message }
      if (isWanted(loaded.value.get(via.slice)?.data, via.id, via.attempt, nowMs()))
        return target.deliver(effect, sinceMs)
      return { ok: false, kind: 'expired', message: 'The command waits no more.' }
    }
    return { name, ready: () => target.ready() && hears(broker.name), deliver }
  }

  #dropped(line: string, rows: number, max: number, drop: QueueLimit['drop']): void {
    const { clock, observer, counters } = this.#deps
    counters.outboxDropped += rows
    const dropped = (this.#droppedRows.get(line) ?? 0) + rows
    if (clock.now() - (this.#droppedToldAt.get(line) ?? Number.NEGATIVE_INFINITY) < outboxTellMs) {
      this.#droppedRows.set(line, dropped)
      return
    }
    this.#droppedRows.delete(line)
    this.#droppedToldAt.set(line, clock.now())
    observer.trouble({
      kind: 'outbox',
      message: `More than ${max} messages wait on ${line}: the ${drop} ${dropped} were dropped.`,
      help: 'See why the target takes nothing, or let rules act less often with `for`, `clear` or `throttle`.',
    })
  }
}

/** A line of their own: in a storm what the alerts' topics say must not push out what rules do. */
function alertsLineName(broker: string): string {
  return `alerts:${broker}`
}

/** Nothing else waits behind commands while acknowledgements are still to be heard. */
function commandsLineName(broker: string): string {
  return `command:${broker}`
}

/** A line for each rule and broker: how much of it may wait is the rule's own choice. */
function forwardLineName(broker: string, rule: string): string {
  return `forward:${broker}/${rule}`
}

function isForwardLine(name: string): boolean {
  return name.startsWith('forward:')
}

/** Of a line of forwards; null for others. */
function brokerOfLine(name: string): string | null {
  return /^forward:([^/]*)\//.exec(name)?.[1] ?? null
}

function publishLineName({ broker, message, via }: PublishEffect): string {
  if (via?.kind === 'forward') return forwardLineName(broker, via.rule)
  if (via?.kind === 'command') return commandsLineName(broker)
  return message.topic.startsWith(alertTopicPrefix) ? alertsLineName(broker) : brokerLineName(broker)
}

function brokerLineName(broker: string): string {
  return `broker:${broker}`
}

/** The message after a wait: its expiry interval is less by the time that it has waited [MQTT-3.3.2-6]. Null: it has expired. */
function agedMessage(message: OutboundMessage, waitedMs: number): OutboundMessage | null {
  const seconds = message.properties?.messageExpiryInterval
  const waited = Math.floor(waitedMs / 1000)
  if (seconds === undefined || waited <= 0) return message
  if (waited >= seconds) return null
  return { ...message, properties: { ...message.properties, messageExpiryInterval: seconds - waited } }
}
