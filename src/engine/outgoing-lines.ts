/** All the ways out: which outgoing line carries an effect, and what is told of each. */
import { alertTopicPrefix } from '../core/alerts/publish-alert.ts'
import type { Effect, PublishEffect } from '../core/effect.ts'
import type { Broker } from '../ports/broker.ts'
import type { Clock } from '../ports/clock.ts'
import type { Observer } from '../ports/observer.ts'
import type { Store } from '../ports/store.ts'
import type { Counters } from './counters.ts'
import { type LineTarget, OutgoingLine, outboxRowLimit } from './outgoing-line.ts'

export interface OutgoingLinesDeps {
  readonly brokers: readonly Broker[]
  /** Carries out log effects. */
  readonly log: LineTarget
  readonly store: Store
  readonly clock: Clock
  readonly observer: Observer
  readonly counters: Counters
}

/** In a storm every line says so once in this time, not for every row. */
const outboxTellMs = 60_000

export class OutgoingLines {
  readonly #deps: OutgoingLinesDeps
  readonly #lines = new Map<string, OutgoingLine>()
  /** Per line: rows dropped and not told yet, and when some were last told. */
  readonly #droppedRows = new Map<string, number>()
  readonly #droppedToldAt = new Map<string, number>()

  constructor(deps: OutgoingLinesDeps) {
    this.#deps = deps
    for (const broker of deps.brokers) {
      this.#add(brokerTarget(broker, brokerLineName(broker.name)))
      this.#add(brokerTarget(broker, alertsLineName(broker.name)))
    }
    this.#add(deps.log)
  }

  lineFor(effect: Effect): OutgoingLine {
    const name = effect.kind === 'log' ? 'log' : publishLineName(effect)
    const line = this.#lines.get(name)
    if (line === undefined) throw new Error(`no outgoing line is named ${name}`)
    return line
  }

  /** Rows found in the outbox when the engine starts, by the name of their line. */
  restore(sizes: ReadonlyMap<string, number>): void {
    for (const [name, rows] of sizes) this.#lines.get(name)?.restore(rows)
  }

  /** Messages can go to the broker again. */
  wake(broker: string): void {
    this.#lines.get(brokerLineName(broker))?.wake()
    this.#lines.get(alertsLineName(broker))?.wake()
  }

  /** Rows that wait to leave, per line. */
  get waiting(): Record<string, number> {
    return Object.fromEntries([...this.#lines].map(([name, line]) => [name, line.waiting]))
  }

  /** Takes no more; resolves when nothing is under way. What waits stays in the outbox. */
  async stop(): Promise<void> {
    await Promise.all([...this.#lines.values()].map((line) => line.stop()))
  }

  #add(target: LineTarget): void {
    const { store, clock, observer, counters } = this.#deps
    const line = new OutgoingLine(target, store, clock, {
      carriedOut: (effect) => {
        counters.carriedOut++
        observer.carriedOut(effect)
      },
      refused: (effect, message) => {
        counters.refused++
        observer.refused(effect, message)
      },
      storeFailed: (message) => observer.trouble({ kind: 'store', message }),
      dropped: (rows) => this.#dropped(target.name, rows),
    })
    this.#lines.set(target.name, line)
  }

  #dropped(line: string, rows: number): void {
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
      message: `More than ${outboxRowLimit} messages wait on ${line}: the oldest ${dropped} were dropped.`,
      help: 'See why the target takes nothing, or let rules act less often with `for`, `clear` or `throttle`.',
    })
  }
}

/** A line of their own: in a storm what the alerts' topics say must not push out what rules do. */
function alertsLineName(broker: string): string {
  return `alerts:${broker}`
}

function publishLineName({ broker, message }: PublishEffect): string {
  return message.topic.startsWith(alertTopicPrefix) ? alertsLineName(broker) : brokerLineName(broker)
}

function brokerLineName(broker: string): string {
  return `broker:${broker}`
}

function brokerTarget(broker: Broker, name: string): LineTarget {
  return {
    name,
    ready: () => broker.canPublish,
    deliver: (effect) =>
      effect.kind === 'publish'
        ? broker.publish(effect.message)
        : Promise.resolve({ ok: false, kind: 'permanent', message: `a broker carries no ${effect.kind}` }),
  }
}
