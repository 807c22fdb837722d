/**
 * The states of rules as a whole: after the rules were loaded those that are gone are ended, those that were edited
 * look again, and keys that are expected begin to be waited for. There may be a million; they are read in pages.
 */
import type { GroupState } from '../core/alerts/group-state.ts'
import type { Event } from '../core/event.ts'
import type { CompiledRule } from '../core/rules/compiled-rule.ts'
import { ruleSliceId } from '../core/rules/evaluate.ts'
import type { RuleState } from '../core/rules/rule-state.ts'
import { sliceId } from '../core/state.ts'
import type { Observer } from '../ports/observer.ts'
import type { Slice, Store, StoreFailure } from '../ports/store.ts'
import type { Line } from './line.ts'

export interface RuleStatesDeps {
  readonly store: Pick<Store, 'load' | 'scan'>
  readonly line: Pick<Line, 'push' | 'program'>
  readonly observer: Observer
}

const scanPage = 500
const rulesSlice = sliceId('engine', 'rules')

export class RuleStates {
  readonly #deps: RuleStatesDeps
  /** Resolves when timers may run: all that was queued before the start has been heard. */
  readonly #timersRun = Promise.withResolvers<void>()

  constructor(deps: RuleStatesDeps) {
    this.#deps = deps
  }

  /** From here on states may look at the clock. */
  timersRun(): void {
    this.#timersRun.resolve()
  }

  /** Ends the states of rules and keys that are gone, and begins to wait for keys that are expected. */
  async settle(): Promise<void> {
    const { store, line } = this.#deps
    const { rules } = line.program
    const now = Object.fromEntries(
      rules.filter((rule) => rule.stateful).map((rule) => [rule.id, rule.keyShape]),
    )
    const loaded = await store.load([rulesSlice])
    const before = loaded.ok
      ? ((loaded.value.get(rulesSlice)?.data as Record<string, number> | undefined) ?? {})
      : {}
    for (const [id, keyShape] of Object.entries(before)) {
      if (now[id] === keyShape) continue
      this.#forgetAll(await this.#statesOf(id, keyShape, () => true))
    }
    for (const rule of rules) {
      if (rule.kind === 'absence') await this.#settleExpected(rule)
      if (!rule.stateful || before[rule.id] === undefined) continue
      // Holds start anew when their rule was edited; how long a silence may be can come from a table.
      const isVariable = typeof rule.definition.absent?.for === 'object'
      void this.#lookAgain(
        rule,
        ({ shape, phase, waiting }) =>
          isVariable ||
          (shape !== rule.shape && (phase !== 'inactive' || waiting === true || rule.kind === 'absence')),
      )
    }
    if (JSON.stringify(before) !== JSON.stringify(now)) {
      line.push([{ event: { type: 'keep', slice: rulesSlice, data: now } }])
    }
    // Under steady traffic the line is never idle; what was pushed before this is done before it.
    await new Promise<void>((done) => line.push([{ event: { type: 'drop', slices: [] }, done }]))
  }

  async #settleExpected(rule: CompiledRule): Promise<void> {
    const expected = new Set(rule.expected.map((parts) => ruleSliceId(rule, parts)))
    const left = await this.#statesOf(
      rule.id,
      rule.keyShape,
      (state, { id }) => state.expected === true && !expected.has(id),
    )
    this.#forgetAll(left)
    if (rule.expected.length > 0) this.#deps.line.push([{ event: { type: 'expect', rule: rule.id } }])
  }

  #forgetAll(slices: Slice[] | StoreFailure): void {
    this.#push(slices, (slice) => ({ type: 'forget', slice, reason: 'rule_removed' }))
  }

  #push(slices: Slice[] | StoreFailure, event: (slice: string) => Event): void {
    const { line, observer } = this.#deps
    if (Array.isArray(slices)) line.push(slices.map(({ id }) => ({ event: event(id) })))
    else observer.trouble({ kind: 'store', message: slices.message, help: slices.help })
  }

  /** The states of a rule that fit: there may be a million, of which few are wanted. */
  async #statesOf(
    ruleId: string,
    keyShape: number,
    which: (state: RuleState, slice: Slice) => boolean,
  ): Promise<Slice[] | StoreFailure> {
    const id = sliceId('rule', ruleId, keyShape.toString(36))
    // A key without parts has the bare id; another shape may begin with the same digits.
    return this.scan(id, (slice) => {
      const isOwn = slice.id.length === id.length || slice.id[id.length] === '/'
      return isOwn && which(slice.data as RuleState, slice)
    })
  }

  /** What waits for a calendar was to be looked at by the clock as it was. */
  lookAtCalendars(): void {
    for (const rule of this.#deps.line.program.rules) {
      if (rule.during !== null) void this.#lookAgain(rule, ({ waiting }) => waiting === true)
    }
    void this.#lookAtMutes()
  }

  /** Has every group that a calendar may hold back look at the clock. */
  async #lookAtMutes(): Promise<void> {
    const slices = await this.scan('group/', ({ data }) => (data as GroupState).plan.mute.length > 0)
    this.#push(slices, (slice) => ({ type: 'timer', slice }))
  }

  /** Silence is not measured while a link is down: those states have no timer until it is up. */
  resumeSilences(broker: string): void {
    for (const rule of this.#deps.line.program.rules) {
      if (rule.kind !== 'absence' || rule.definition.broker !== broker) continue
      void this.#lookAgain(rule, ({ phase }, { dueMs }) => phase === 'inactive' && dueMs === null)
    }
  }

  /** Has a rule look at some of its states as if their timers were due; as timers, they wait for the fence. */
  async #lookAgain(rule: CompiledRule, which: (state: RuleState, slice: Slice) => boolean): Promise<void> {
    await this.#timersRun.promise
    const slices = await this.#statesOf(rule.id, rule.keyShape, which)
    this.#push(slices, (slice) => ({ type: 'timer', slice }))
  }

  /** All slices whose id begins so, and that fit. */
  async scan(prefix: string, which: (slice: Slice) => boolean = () => true): Promise<Slice[] | StoreFailure> {
    const found: Slice[] = []
    let after: string | null = null
    for (;;) {
      const page = await this.#deps.store.scan(prefix, after, scanPage)
      if (!page.ok) return page.failure
      if (page.value.length === 0) return found
      found.push(...page.value.filter(which))
      after = page.value.at(-1)?.id ?? null
    }
  }
}
