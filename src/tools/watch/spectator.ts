/**
 * Runs the rules over messages that are only looked at: the core's own steps over a state of its own in memory.
 * Nothing that rules want done is done; it is kept beside the message, rule by rule, until the next one.
 */
import { alertingEvent } from '../../core/alerts/step-alerting.ts'
import type { Event } from '../../core/event.ts'
import type { Message } from '../../core/message.ts'
import { type Notice, Outcome } from '../../core/outcome.ts'
import type { Program } from '../../core/program.ts'
import type { CompiledRule } from '../../core/rules/compiled-rule.ts'
import { type RuleInput, ruleSliceId } from '../../core/rules/evaluate.ts'
import type { RuleState } from '../../core/rules/rule-state.ts'
import type { Scope } from '../../core/rules/scope.ts'
import { Draft, type Slice, sliceId, sliceIdParts } from '../../core/state.ts'
import { type Prepared, prepare, step } from '../../core/step.ts'
import { SortedList } from '../../stores/sorted-list.ts'

/** What one rule made of a message, or of a timer. The scope and the states are those of the core. */
export interface Met {
  readonly rule: CompiledRule
  readonly key: readonly string[]
  /** Where its state is kept; null when it keeps none. */
  readonly slice: string | null
  /** What its condition saw; null when it was not looked at. */
  readonly scope: Scope | null
  readonly before: RuleState | null
  readonly after: RuleState | null
  readonly outcome: Outcome
}

/** A message, and what became of it. */
export interface Seen {
  readonly message: Message
  readonly atMs: number
  readonly met: readonly Met[]
  /** Filters under which rules keep the latest message, to look at it later. */
  readonly joined: readonly string[]
  /** About rules that could not take the message: a key is missing, or too long. */
  readonly notices: readonly Notice[]
  /** Why its payload could not be understood, and which rules did not see it for that. */
  readonly undecoded: { readonly message: string; readonly rules: readonly string[] } | null
  /** Given when it was too long to be taken in. */
  readonly oversizedBytes: number | null
}

/** Something that became due without a message, e.g. a hold that is over. */
export interface Due {
  readonly atMs: number
  /** Null: not about a rule's state, but about something that it has begun. */
  readonly met: Met | null
  readonly outcome: Outcome
}

/** Timers that run at once at most; others of the same moment run in the next turn. */
const timersPerTurn = 1_000
/** What follows at once from one event is followed so far. */
const followUpLimit = 1_000

export class Spectator {
  #program: Program
  readonly #slices = new Map<string, Slice>()
  readonly #due = new SortedList<{ readonly dueMs: number; readonly id: string }>(
    (a, b) => a.dueMs - b.dueMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
  )
  readonly #quarantined = new Set<string>()

  constructor(program: Program, nowMs: number) {
    this.#program = program
    this.#expect(nowMs)
  }

  get program(): Program {
    return this.#program
  }

  /** When the next timer is due; null when none is. */
  get nextDueMs(): number | null {
    return this.#due.first?.dueMs ?? null
  }

  /** How much is remembered. */
  get slices(): number {
    return this.#slices.size
  }

  /** The state that a rule keeps there; null when there is none. */
  state(slice: string): RuleState | null {
    return this.#state(slice)
  }

  /** Timers that are due run before it, with `runTimers`. */
  hear(message: Message, nowMs: number, oversizedBytes: number | null = null): Seen {
    const nothing = { joined: [], notices: [], undecoded: null } as const
    if (oversizedBytes !== null) return { message, atMs: nowMs, met: [], ...nothing, oversizedBytes }
    const prepared = prepare(this.#program, { type: 'message', message }, this.#read, nowMs)
    // The latest messages first, as in one step; then each rule alone, so that what it wants done is known to be its.
    const first = this.#step({ ...prepared, rules: [] }, nowMs).outcome
    const met = prepared.rules.map(({ rule, input }) =>
      this.#meet(rule, input, { ...prepared, joins: [], notices: [], deadLetter: null }, nowMs),
    )
    const letter = prepared.deadLetter
    return {
      message,
      atMs: nowMs,
      met,
      joined: prepared.joins.map(({ source }) => source.filter.source),
      notices: first.notices,
      undecoded: letter === null ? null : { message: letter.message, rules: letter.rules },
      oversizedBytes: null,
    }
  }

  /** Runs timers that are due, in their order, a limited number of them. */
  runTimers(nowMs: number): readonly Due[] {
    const ran: Due[] = []
    for (let count = 0; count < timersPerTurn; count++) {
      const next = this.#due.first
      if (next === undefined || next.dueMs > nowMs) break
      ran.push(this.#look(next.id, nowMs))
      // A timer that stays where it is would be due for ever.
      if (this.#due.first?.id === next.id && this.#due.first.dueMs <= next.dueMs) this.#set(next.id, null)
    }
    return ran
  }

  link(broker: string, online: boolean, nowMs: number): readonly Due[] {
    this.#run({ type: 'link', broker, online, newSession: online }, nowMs)
    if (!online) return []
    // Silence passes only while something can be heard: from here on again.
    return this.#program.rules
      .filter((rule) => rule.kind === 'absence' && rule.definition.broker === broker)
      .flatMap((rule) => this.#statesOf(rule))
      .map((id) => this.#look(id, nowMs))
  }

  /** Takes new rules. What is known of rules that are gone, or are about other keys now, is dropped. */
  replaceRules(program: Program, nowMs: number): readonly Due[] {
    this.#program = program
    this.#quarantined.clear()
    const kept = new Set(program.rules.flatMap(({ statesId, keyCountId }) => [statesId, keyCountId]))
    const isKept = (id: string): boolean => {
      const [kind = '', second = '', third = ''] = sliceIdParts(id)
      if (kind === 'rule') return kept.has(sliceId(kind, second, third))
      if (kind === 'join') return program.join(second) !== undefined
      if (kind === 'keys') return third === '' ? kept.has(id) : program.join(third) !== undefined
      return true
    }
    for (const id of [...this.#slices.keys()].filter((one) => !isKept(one))) this.#set(id, null)
    this.#expect(nowMs)
    // Edited rules begin their holds anew; a state of another shape says so when it is looked at.
    return program.rules.flatMap((rule) =>
      this.#statesOf(rule)
        .filter((id) => this.#state(id)?.shape !== rule.shape)
        .map((id) => this.#look(id, nowMs)),
    )
  }

  #meet(rule: CompiledRule, input: RuleInput, prepared: Prepared, nowMs: number): Met {
    const slice = input.keyed?.slice ?? null
    const before = this.#state(slice)
    const { outcome, scope } = this.#step({ ...prepared, rules: [{ rule, input }] }, nowMs)
    return { rule, key: input.key, slice, scope, before, after: this.#state(slice), outcome }
  }

  #look(id: string, nowMs: number): Due {
    const before = this.#state(id)
    const outcome = this.#run({ type: 'timer', slice: id }, nowMs)
    const [kind, ruleId = ''] = sliceIdParts(id)
    const rule = kind === 'rule' ? this.#program.rule(ruleId) : undefined
    if (rule === undefined || before === null) return { atMs: nowMs, met: null, outcome }
    const after = this.#state(id)
    return {
      atMs: nowMs,
      met: { rule, key: before.key, slice: id, scope: null, before, after, outcome },
      outcome,
    }
  }

  #expect(nowMs: number): void {
    for (const rule of this.#program.rules) {
      if (rule.kind === 'absence' && rule.expected.length > 0)
        this.#run({ type: 'expect', rule: rule.id }, nowMs)
    }
  }

  #run(event: Event, nowMs: number): Outcome {
    return this.#step(prepare(this.#program, event, this.#read, nowMs), nowMs).outcome
  }

  /** One step, and what follows from it; alerts and notifications are left at what the rule said of them. */
  #step(prepared: Prepared, nowMs: number): { readonly outcome: Outcome; readonly scope: Scope | null } {
    const draft = new Draft(this.#read)
    const outcome = new Outcome(true, true)
    let seen: Scope | null = null
    const context = {
      draft,
      outcome,
      nowMs,
      wallMs: nowMs,
      quarantined: this.#quarantined,
      look: (_rule: CompiledRule, scope: Scope) => {
        seen = scope
      },
    }
    step(this.#program, prepared, context)
    for (let at = 0; at < outcome.followUps.length && at < followUpLimit; at++) {
      const event = outcome.followUps[at]!
      if (alertingEvent(event) === null)
        step(this.#program, prepare(this.#program, event, this.#read, nowMs), context)
    }
    for (const { kind, rule } of outcome.notices) if (kind === 'rule-failed') this.#quarantined.add(rule)
    for (const [id, slice] of draft.changes) this.#set(id, slice)
    return { outcome, scope: seen }
  }

  readonly #read = (id: string): Slice | undefined => this.#slices.get(id)

  #set(id: string, slice: Slice | null): void {
    const old = this.#slices.get(id)
    if (old !== undefined && old.dueMs !== null) this.#due.remove({ dueMs: old.dueMs, id })
    if (slice === null) {
      this.#slices.delete(id)
      return
    }
    this.#slices.set(id, slice)
    if (slice.dueMs !== null) this.#due.add({ dueMs: slice.dueMs, id })
  }

  #state(slice: string | null): RuleState | null {
    if (slice === null) return null
    return (this.#slices.get(slice)?.data as RuleState | undefined) ?? null
  }

  #statesOf(rule: CompiledRule): string[] {
    const own = ruleSliceId(rule, [])
    return [...this.#slices.keys()].filter((id) => id === own || id.startsWith(`${own}/`))
  }
}
