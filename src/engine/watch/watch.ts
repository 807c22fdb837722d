/**
 * Looks after Tocsin itself, twice a minute: what is wrong opens an alert that lives as those of rules do, and ends it
 * when it is well again. Only changes go on the line.
 */
import type { AlertState } from '../../core/alerts/alert-state.ts'
import type { Alerting } from '../../core/alerts/alerting.ts'
import type { AuditEntry } from '../../core/alerts/events.ts'
import {
  type OwnAlert,
  ownAlertEnds,
  ownAlertNames,
  ownAlertOpens,
  ownAlerts,
} from '../../core/alerts/own-alerts.ts'
import type { Event } from '../../core/event.ts'
import { keepLinkName } from '../../core/link.ts'
import type { Program } from '../../core/program.ts'
import type { VerdictTally } from '../../core/rules/verdict-tally.ts'
import { sliceId } from '../../core/state.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Observer } from '../../ports/observer.ts'
import type { Store } from '../../ports/store.ts'
import type { Link } from '../control.ts'
import type { Outreach } from '../notifying.ts'
import { type Facts, judge } from './judge.ts'
import { OverdueAudit } from './overdue-audit.ts'
import { StoreAlarm } from './store-alarm.ts'
import { type KeptUndecided, UnknownRules } from './unknown-rules.ts'

export interface WatchOptions {
  /** Name of the policy that says who is told; null: nobody. */
  readonly policy: string | null
  readonly brokerDownMs: number
}

export interface WatchDeps extends WatchOptions {
  readonly store: Store
  readonly clock: Clock
  readonly observer: Observer
  readonly line: {
    readonly program: Program
    readonly verdicts: VerdictTally
    readonly stuck: { readonly sinceMs: number; readonly message: string } | null
    push(items: readonly { readonly event: Event }[]): void
  }
  links(): ReadonlyMap<string, { readonly link: Link | null; readonly sends: boolean }>
  outreach(): Outreach
  /** Steady time, ms. */
  nowMs(): number
  /** Wall clock minus steady time, ms. */
  wallOffsetMs(): number
}

const everyMs = 30_000
/** Alerts of one kind that are open at once; more wait until there is room. */
const openLimit = 100
const scanPage = 500
const undecidedSlice = sliceId('engine', 'undecided')
/** After a start what was due meanwhile is caught up with first. */
const settlingMs = 120_000

type Open = { readonly alert: OwnAlert; readonly subject: string }

export class Watch {
  readonly #deps: WatchDeps
  readonly #rules = new UnknownRules()
  readonly #overdue = new OverdueAudit()
  readonly #storeAlarm: StoreAlarm
  #startedMs = 0
  readonly #downSinceMs = new Map<string, number>()
  readonly #dead = new Map<string, { readonly atMs: number; readonly why: string }>()
  /** Null until the store has said which are open. */
  #open: Map<string, Open> | null = null
  #kept = '{}'
  #cancel: (() => void) | null = null
  #stopped = false

  constructor(deps: WatchDeps) {
    this.#deps = deps
    this.#storeAlarm = new StoreAlarm({
      clock: deps.clock,
      outreach: () => deps.outreach(),
      push: (event) => deps.line.push([{ event }]),
    })
  }

  /** Once it is known what the store knew of time. */
  start(): void {
    this.#startedMs = this.#deps.nowMs()
    this.#next()
  }

  async stop(limitMs: number): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#storeAlarm.stop(limitMs)
  }

  /** Deliveries that were given up are in the audit trail. */
  audited(entries: readonly AuditEntry[]): void {
    for (const { what, data } of entries) {
      if (what !== 'dead' && what !== 'undelivered') continue
      const { receiver, message } = data
      if (typeof receiver !== 'string') continue
      this.#dead.set(receiver, { atMs: this.#deps.nowMs(), why: typeof message === 'string' ? message : '' })
    }
  }

  async look(): Promise<void> {
    const { line, policy } = this.#deps
    const { alerting } = line.program
    if (alerting === null) return
    const nowMs = this.#deps.nowMs()
    const moment = { nowMs, wallMs: nowMs + this.#deps.wallOffsetMs() }
    const { stuck } = line
    const told = { ...moment, alerting, policy: policy ?? 'none' }
    if (stuck !== null) {
      // Nothing could be kept of an alert now.
      this.#storeAlarm.fails(stuck, told)
      return
    }
    this.#storeAlarm.works(told)
    const open = await this.#known()
    if (open === null) return
    this.#rules.look(line.program.rules, line.verdicts)
    const overdue =
      nowMs - this.#startedMs < settlingMs
        ? null
        : await this.#overdue.look(this.#deps.store, alerting, moment, (slice) =>
            line.push([{ event: { type: 'timer', slice } }]),
          )
    this.#settle(open, this.#facts(nowMs, overdue, alerting))
    this.#keep(nowMs)
  }

  #next(): void {
    if (this.#stopped) return
    const { clock } = this.#deps
    this.#cancel = clock.setTimer(clock.now() + everyMs, () => void this.look().finally(() => this.#next()))
  }

  #facts(nowMs: number, overdue: Facts['overdue'], alerting: Alerting): Facts {
    const down = new Map<string, { sinceMs: number; why: string | null }>()
    for (const [name, { link, sends }] of this.#deps.links()) {
      const isUp = link?.state.state === 'online' && sends
      if (isUp) {
        this.#downSinceMs.delete(name)
        continue
      }
      const offline = link?.state.state === 'offline' ? link.state.failure.message : null
      const sinceMs = this.#downSinceMs.get(name) ?? (offline === null ? nowMs : (link?.sinceMs ?? nowMs))
      this.#downSinceMs.set(name, sinceMs)
      down.set(name, { sinceMs, why: offline })
    }
    // One alert says that a broker is away, whatever sessions there are at it.
    for (const name of [...down.keys()]) down.delete(keepLinkName(name))
    for (const receiver of this.#dead.keys())
      if (!alerting.receivers.has(receiver)) this.#dead.delete(receiver)
    return {
      nowMs,
      startedMs: this.#startedMs,
      brokerDownMs: this.#deps.brokerDownMs,
      down,
      undecided: this.#rules.list(),
      overdue,
      dead: this.#dead,
    }
  }

  #settle(open: Map<string, Open>, facts: Facts): void {
    const { line, observer, policy } = this.#deps
    const { wrong, isUnsure } = judge(facts)
    const events: Event[] = []
    const ids = new Set(wrong.map(({ alert, subject }) => sliceId(alert, subject)))
    for (const [id, { alert, subject }] of open) {
      if (ids.has(id) || isUnsure(alert, subject)) continue
      open.delete(id)
      events.push(ownAlertEnds(alert, subject))
    }
    let leftOut = 0
    for (const finding of wrong) {
      const { alert, subject } = finding
      const id = sliceId(alert, subject)
      if (open.has(id)) continue
      if ([...open.values()].filter((one) => one.alert === alert).length >= openLimit) {
        leftOut++
        continue
      }
      open.set(id, { alert, subject })
      observer.trouble({ kind: 'own', message: `${finding.summary}.`, help: finding.description })
      events.push(ownAlertOpens(finding, policy ?? 'none'))
    }
    if (leftOut > 0 && events.length > 0) {
      const message = `${leftOut} more like these are wrong: at most ${openLimit} alerts of one kind are open at once.`
      observer.trouble({ kind: 'own', message })
    }
    if (events.length > 0) line.push(events.map((event) => ({ event })))
  }

  /** Once an hour or so at most: only what has lasted is kept. */
  #keep(nowMs: number): void {
    const kept = this.#rules.kept(nowMs)
    const text = JSON.stringify(kept)
    if (text === this.#kept) return
    this.#kept = text
    this.#deps.line.push([{ event: { type: 'keep', slice: undecidedSlice, data: kept } }])
  }

  /** What an earlier run left open, or was resolved by hand and is still wrong. */
  async #known(): Promise<Map<string, Open> | null> {
    if (this.#open !== null) return this.#open
    const { store } = this.#deps
    const open = new Map<string, Open>()
    for (const alert of ownAlertNames) {
      const { keyName } = ownAlerts[alert]
      const page = await store.scan(`${sliceId('alert', alert)}/`, null, scanPage)
      if (!page.ok) return null
      for (const { data } of page.value) {
        const { state, byHand, key } = data as AlertState
        const subject = key[keyName]
        if (subject !== undefined && (state === 'firing' || byHand !== null))
          open.set(sliceId(alert, subject), { alert, subject })
      }
    }
    const kept = await store.load([undecidedSlice])
    if (!kept.ok) return null
    const undecided = (kept.value.get(undecidedSlice)?.data as KeptUndecided | undefined) ?? {}
    this.#rules.restore(undecided)
    this.#kept = JSON.stringify(undecided)
    this.#open = open
    return open
  }
}
