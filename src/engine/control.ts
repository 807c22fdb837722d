/** Answers what is asked of the running engine, from its own numbers and from the store. */
import type { CompiledRule } from '../core/rules/compiled-rule.ts'
import { ruleSliceId } from '../core/rules/evaluate.ts'
import { keyCountSliceId } from '../core/state.ts'
import type { AlertingControl } from '../ports/alerting-control.ts'
import type { LinkState } from '../ports/broker.ts'
import type {
  Asked,
  AuditView,
  BrokerView,
  CommandsPage,
  Control,
  DeadLetterView,
  JournalQuery,
  Page,
  RuleView,
  Status,
} from '../ports/control.ts'
import type { Store } from '../ports/store.ts'
import { EngineAlertingControl } from './alerting-control.ts'
import { asked, storeError, unknownRule } from './ask-errors.ts'
import { commandsPage } from './command-views.ts'
import type { Counters } from './counters.ts'
import { auditView, deadLetterView, fitting, isoTime, journalPage } from './journal-views.ts'
import type { Line } from './line.ts'

export interface ControlDeps {
  readonly version: string
  readonly store: Store
  readonly line: Line
  readonly counters: Counters
  /** Broker name → its link and whether it can be published to; null before the first attempt has ended. */
  links(): ReadonlyMap<string, { readonly link: Link | null; readonly sends: boolean }>
  /** Rows that wait, per outgoing line. */
  outgoing(): Readonly<Record<string, number>>
  /** Rows given up since the start, per line that gave up any. */
  dropped(): Readonly<Record<string, number>>
  /** Steady time and the offset of the wall clock from it, ms. */
  nowMs(): number
  wallOffsetMs(): number
  /** How long the engine has been running, ms. */
  uptimeMs(): number
}

/** The latest state of a link, and since when it is up or down, steady ms. */
export interface Link {
  readonly state: LinkState
  readonly sinceMs: number
}

/** Due timers counted for the status at most. */
const dueCounted = 1_000

export class EngineControl implements Control {
  readonly alerting: AlertingControl
  readonly #deps: ControlDeps

  constructor(deps: ControlDeps) {
    this.#deps = deps
    this.alerting = new EngineAlertingControl(deps)
  }

  async status(): Promise<Asked<Status>> {
    const { store, line, version } = this.#deps
    const nowMs = this.#deps.nowMs()
    const uptimeMs = this.#deps.uptimeMs()
    const due = await store.due(nowMs, dueCounted)
    if (!due.ok) return storeError(due.failure)
    const next = await store.nextDueMs()
    if (!next.ok) return storeError(next.failure)
    const letters = await store.journalCounts('dead-letter')
    if (!letters.ok) return storeError(letters.failure)
    return {
      ok: true,
      value: {
        version,
        started_at: this.#wall(nowMs - uptimeMs),
        uptime_seconds: Math.floor(uptimeMs / 1_000),
        rules: { running: line.program.rules.length, stopped: [...line.quarantined].slice(0, stoppedShown) },
        brokers: [...this.#deps.links()].map(([name, { link, sends }]) => this.#broker(name, link, sends)),
        backlog: line.backlog,
        outbox: { ...this.#deps.outgoing() },
        outbox_dropped: this.#deps.dropped(),
        timers: {
          running: line.timersAllowed,
          due: due.value.length,
          next_at: next.value === null ? null : this.#wall(next.value),
        },
        store: { durable: store.durable },
        dead_letters: { kept: letters.value.kept, dropped: letters.value.dropped },
        counters: this.#numbers(),
      },
    }
  }

  async rules({
    limit,
    after,
  }: {
    readonly limit: number
    readonly after?: string | undefined
  }): Promise<Asked<Page<RuleView, string>>> {
    const { rules } = this.#deps.line.program
    const from = after === undefined ? 0 : rules.findIndex(({ id }) => id === after) + 1
    if (after !== undefined && from === 0) return unknownRule(after, this.#deps.line.program)
    const wanted = rules.slice(from, from + limit)
    const counts = await this.#deps.store.load(wanted.map(({ id }) => keyCountSliceId(id)))
    if (!counts.ok) return storeError(counts.failure)
    const view = (rule: CompiledRule) =>
      this.#rule(rule, keyCount(counts.value.get(keyCountSliceId(rule.id))?.data))
    const { count, items } = fitting(wanted, view)
    const isLast = from + count >= rules.length
    return { ok: true, value: { items, next: isLast ? null : (items.at(-1)?.id ?? null) } }
  }

  async deadLetters(query: JournalQuery): Promise<Asked<Page<DeadLetterView, number>>> {
    const offsetMs = this.#deps.wallOffsetMs()
    const view = (entry: Parameters<typeof deadLetterView>[0]) => deadLetterView(entry, offsetMs)
    return asked(await journalPage(this.#deps.store, 'dead-letter', query, view))
  }

  async audit(query: JournalQuery): Promise<Asked<Page<AuditView, number>>> {
    return asked(await journalPage(this.#deps.store, 'audit', query, auditView))
  }

  async commands(query: {
    readonly limit: number
    readonly after?: string | undefined
  }): Promise<Asked<CommandsPage>> {
    return asked(await commandsPage(this.#deps.store, query, this.#deps.wallOffsetMs()))
  }

  async forget(
    ruleId: string,
    key: Readonly<Record<string, string>>,
  ): Promise<Asked<{ readonly forgotten: boolean }>> {
    const { line, store } = this.#deps
    const rule = line.program.rule(ruleId)
    if (rule === undefined) return unknownRule(ruleId, line.program)
    const fault = keyFault(rule, key)
    if (fault !== null) return { ok: false, error: { code: 'bad-request', message: fault } }
    const slice = ruleSliceId(
      rule,
      rule.key.names.map((name) => key[name] ?? ''),
    )
    const found = await store.load([slice])
    if (!found.ok) return storeError(found.failure)
    if (!found.value.has(slice)) return { ok: true, value: { forgotten: false } }
    await new Promise<void>((done) => {
      line.push([{ event: { type: 'forget', slice, reason: 'forgotten' }, done }])
    })
    return { ok: true, value: { forgotten: true } }
  }

  #wall(steadyMs: number): string {
    return isoTime(steadyMs + this.#deps.wallOffsetMs())
  }

  #broker(name: string, link: Link | null, sends: boolean): BrokerView {
    const offline = link?.state.state === 'offline' ? link.state.failure : null
    return {
      name,
      receives: link?.state.state === 'online',
      sends,
      since: link === null ? null : this.#wall(link.sinceMs),
      problem: offline === null ? null : offline.message,
    }
  }

  #rule(rule: CompiledRule, keys: number): RuleView {
    const { description, broker, topic } = rule.definition
    return {
      id: rule.id,
      description: description ?? null,
      broker,
      topics: topic,
      kind: rule.kind,
      alert: rule.alert !== null,
      key: rule.key.names,
      keys,
      messages: this.#deps.line.verdicts.heard[rule.order] ?? 0,
      stopped: this.#deps.line.quarantined.has(rule.id),
    }
  }

  #numbers(): Record<string, number> {
    const { notices, ...numbers } = this.#deps.counters
    const written = Object.entries(numbers).map(([name, count]) => [snakeCase(name), count] as const)
    const noticed = Object.entries(notices).map(([kind, count]) => [
      `notice_${kind.replaceAll('-', '_')}`,
      count,
    ])
    return Object.fromEntries([...written, ...noticed])
  }
}

const stoppedShown = 100

/** What is wrong with a key of a rule in words; null when it has exactly the parts that the rule's keys have. */
function keyFault(rule: CompiledRule, key: Readonly<Record<string, string>>): string | null {
  const names = rule.key.names
  const given = Object.keys(key)
  if (given.length === names.length && names.every((name) => Object.hasOwn(key, name))) return null
  const written =
    names.length === 0 ? 'no parts' : `the part${names.length > 1 ? 's' : ''} ${names.join(', ')}`
  const got =
    given.length === 0
      ? 'none'
      : given
          .map((name) => name.slice(0, 60))
          .slice(0, 10)
          .join(', ')
  return `A key of ${rule.id} has ${written}; given: ${got}.`
}

function keyCount(data: unknown): number {
  return typeof data === 'object' && data !== null && 'count' in data && typeof data.count === 'number'
    ? data.count
    : 0
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
