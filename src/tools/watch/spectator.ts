/**
 * Runs the rules over messages that are only looked at: the core's own steps over a state of its own in memory.
 * Nothing that rules want done is done; it is kept beside the message, rule by rule, until the next one.
 */
import type { Effect } from '../../core/effect.ts'
import type { Event } from '../../core/event.ts'
import type { Message } from '../../core/message.ts'
import { type Decision, type Notice, Outcome } from '../../core/outcome.ts'
import { type Prepared, prepare } from '../../core/prepare.ts'
import type { Program } from '../../core/program.ts'
import type { CompiledRule } from '../../core/rules/compiled-rule.ts'
import { ruleSliceId } from '../../core/rules/evaluate.ts'
import type { RuleState } from '../../core/rules/rule-state.ts'
import type { Scope } from '../../core/rules/scope.ts'
import { Draft, type Slice, sliceId, sliceIdParts } from '../../core/state.ts'
import { step } from '../../core/step.ts'
import { SortedList } from '../../stores/sorted-list.ts'

/** What a rule wants done, and what it could not do. Nothing of it is done. */
export interface Deeds {
  readonly effects: readonly Effect[]
  /** What it says of its alert, and whom it would notify. */
  readonly followUps: readonly Event[]
  readonly notices: readonly Notice[]
}

/** What one rule made of a message, or of a timer. The scope and the states are those of the core. */
export interface Met extends Deeds {
  readonly rule: CompiledRule
  readonly key: readonly string[]
  /** Where its state is kept; null when it keeps none. */
  readonly slice: string | null
  /** Null on a timer, or when it took no part. */
  readonly decision: Decision | null
  /** What its condition saw; null when it was not looked at. */
  readonly scope: Scope | null
  readonly before: RuleState | null
  readonly after: RuleState | null
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
  /** What is done besides, e.g. when the message acknowledges a command. */
  readonly others: readonly Deeds[]
  /** Commands may be acknowledged there. */
  readonly isForCommands: boolean
  /** Why its payload could not be understood, and which rules did not see it for that. */
  readonly undecoded: { readonly message: string; readonly rules: readonly string[] } | null
  /** Given when it was too long to be taken in. */
  readonly oversizedBytes: number | null
}

/** What became due for a rule without a message, e.g. a hold that is over. */
export interface Due {
  readonly atMs: number
  readonly met: Met
}

/** Timers that run at once at most; others of the same moment run in the next turn. */
const timersPerTurn = 1_000

interface Share extends Deeds {
  readonly effects: Effect[]
  readonly followUps: Event[]
  readonly notices: Notice[]
}

const nothingDone: Deeds = { effects: [], followUps: [], notices: [] }

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
    return (this.#slices.get(slice)?.data as RuleState | undefined) ?? null
  }

  /**
   * Names under which rules listen to a broker: its own, and that of the session beside it which keeps RETAIN as it
   * was published, where rules want that.
   */
  links(broker: string): readonly string[] {
    return this.#program.brokers.filter((name) => name === broker || name.startsWith(`${broker}~`))
  }

  /** Timers that are due run before it, with `runTimers`. */
  hear(message: Message, nowMs: number, oversizedBytes: number | null = null): Seen {
    const seen = { message, atMs: nowMs, oversizedBytes }
    const parts =
      oversizedBytes === null
        ? this.links(message.broker).map((broker) => this.#hearOver({ ...message, broker }, nowMs))
        : []
    return {
      ...seen,
      met: parts.flatMap(({ met }) => met).sort((a, b) => a.rule.order - b.rule.order),
      joined: parts.flatMap(({ joined }) => joined),
      notices: parts.flatMap(({ notices }) => notices),
      others: parts.flatMap(({ others }) => others),
      isForCommands: parts.some(({ isForCommands }) => isForCommands),
      undecoded: parts.find(({ undecoded }) => undecoded !== null)?.undecoded ?? null,
    }
  }

  #hearOver(message: Message, nowMs: number): Omit<Seen, 'message' | 'atMs' | 'oversizedBytes'> {
    const prepared = prepare(this.#program, { type: 'message', message }, this.#read, nowMs)
    const before = new Map(
      prepared.rules.map(({ rule, input }) => [rule.id, this.state(input.keyed?.slice ?? '')]),
    )
    const { outcome, shares, scopes } = this.#step(prepared, nowMs)
    const decisions = new Map(outcome.decisions?.map((decision) => [decision.rule, decision]))
    const met = prepared.rules.map(({ rule, input }): Met => {
      const slice = input.keyed?.slice ?? null
      return {
        rule,
        key: input.key,
        slice,
        decision: decisions.get(rule.id) ?? null,
        scope: scopes.get(rule.id) ?? null,
        before: before.get(rule.id) ?? null,
        after: this.state(slice ?? ''),
        ...(shares.get(rule.id) ?? nothingDone),
      }
    })
    const known = new Set(met.map(({ rule }) => rule.id))
    const letter = prepared.deadLetter
    return {
      met,
      joined: prepared.joins.map(({ source }) => source.filter.source),
      notices: outcome.notices.filter(({ rule, kind }) => !known.has(rule) && kind !== 'ack-unknown'),
      others: [...shares].flatMap(([rule, deeds]) => (known.has(rule) ? [] : [deeds])),
      isForCommands: prepared.ack !== null,
      undecoded: letter === null ? null : { message: letter.message, rules: letter.rules },
    }
  }

  /** Runs timers that are due, in their order, a limited number of them. */
  runTimers(nowMs: number): readonly Due[] {
    const ran: Due[] = []
    for (let count = 0; count < timersPerTurn; count++) {
      const next = this.#due.first
      if (next === undefined || next.dueMs > nowMs) break
      ran.push(...this.#look(next.id, nowMs))
      // A timer that stays where it is would be due for ever.
      if (this.#due.first?.id === next.id && this.#due.first.dueMs <= next.dueMs) this.#set(next.id, null)
    }
    return ran
  }

  link(broker: string, online: boolean, nowMs: number): readonly Due[] {
    for (const link of new Set([broker, ...this.links(broker)]))
      this.#run({ type: 'link', broker: link, online, newSession: online }, nowMs)
    if (!online) return []
    // Silence passes only while something can be heard: from here on again.
    return this.#program.rules
      .filter((rule) => rule.kind === 'absence' && rule.definition.broker === broker)
      .flatMap((rule) => this.#statesOf(rule))
      .flatMap((id) => this.#look(id, nowMs))
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
        .filter((id) => this.state(id)?.shape !== rule.shape)
        .flatMap((id) => this.#look(id, nowMs)),
    )
  }

  /** The timer of a state; nothing where it is not a rule's. */
  #look(id: string, nowMs: number): readonly Due[] {
    const before = this.state(id)
    const event = { type: 'timer', slice: id } as const
    const { outcome } = this.#step(prepare(this.#program, event, this.#read, nowMs), nowMs)
    const [kind, ruleId = ''] = sliceIdParts(id)
    const rule = kind === 'rule' ? this.#program.rule(ruleId) : undefined
    if (rule === undefined || before === null) return []
    const { effects, followUps, notices } = outcome
    const seen = { rule, key: before.key, slice: id, decision: null, scope: null }
    return [{ atMs: nowMs, met: { ...seen, before, after: this.state(id), effects, followUps, notices } }]
  }

  #expect(nowMs: number): void {
    for (const rule of this.#program.rules) {
      if (rule.kind === 'absence' && rule.expected.length > 0)
        this.#run({ type: 'expect', rule: rule.id }, nowMs)
    }
  }

  #run(event: Event, nowMs: number): void {
    this.#step(prepare(this.#program, event, this.#read, nowMs), nowMs)
  }

  /**
   * One step. What follows from it (alerts, notifications, commands) is left at what the rule said of it: nobody is
   * told, and as no device gets a command of ours, none will acknowledge it. `shares`: what is whose, by the id of the rule.
   */
  #step(prepared: Prepared, nowMs: number) {
    const draft = new Draft(this.#read)
    const outcome = new Outcome(true, true)
    const shares = new Map<string, Share>()
    const scopes = new Map<string, Scope>()
    let owner = ''
    let effects = 0
    let followUps = 0
    /** What was added since is that of the owner so far. */
    const passTo = (next: string) => {
      if (outcome.effects.length > effects || outcome.followUps.length > followUps) {
        const share = shares.get(owner) ?? { effects: [], followUps: [], notices: [] }
        shares.set(owner, share)
        share.effects.push(...outcome.effects.slice(effects))
        share.followUps.push(...outcome.followUps.slice(followUps))
      }
      effects = outcome.effects.length
      followUps = outcome.followUps.length
      owner = next
    }
    const context = {
      draft,
      outcome,
      nowMs,
      wallMs: nowMs,
      quarantined: this.#quarantined,
      // Rules act after their condition was looked at, one after the other.
      look: ({ id }: CompiledRule, scope: Scope) => {
        passTo(id)
        scopes.set(id, scope)
      },
    }
    step(this.#program, { ...prepared, request: null }, context)
    passTo('')
    const { event, request } = prepared
    if (request !== null) {
      // Whether it was answered is seen once all rules have run.
      const alone = prepare(this.#program, { type: 'drop', slices: [] }, this.#read, nowMs)
      step(this.#program, { ...alone, event, request }, context)
      passTo('')
    }
    for (const notice of outcome.notices) {
      if (notice.kind === 'rule-failed') this.#quarantined.add(notice.rule)
      const share = shares.get(notice.rule) ?? { effects: [], followUps: [], notices: [] }
      shares.set(notice.rule, share)
      share.notices.push(notice)
    }
    for (const [id, slice] of draft.changes) this.#set(id, slice)
    return { outcome, shares, scopes }
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

  #statesOf(rule: CompiledRule): string[] {
    const own = ruleSliceId(rule, [])
    return [...this.#slices.keys()].filter((id) => id === own || id.startsWith(`${own}/`))
  }
}
