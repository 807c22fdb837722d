/**
 * The one straight line: events come in, in order; a batch of them is prepared, its slices loaded, stepped, and
 * committed together; only then are messages acknowledged and effects released. What changed nothing does not
 * wait for a commit: its effects go out, and its message is acknowledged when they have arrived.
 */
import type { Answer, AuditEntry, Deliver, Recheck } from '../core/alerts/events.ts'
import { alertingEvent } from '../core/alerts/step-alerting.ts'
import type { Effect } from '../core/effect.ts'
import type { Event } from '../core/event.ts'
import { keepLinkName } from '../core/link.ts'
import { Outcome } from '../core/outcome.ts'
import { type Prepared, prepare } from '../core/prepare.ts'
import type { Program } from '../core/program.ts'
import { SentLately } from '../core/rules/hops.ts'
import { VerdictTally } from '../core/rules/verdict-tally.ts'
import { type Slice as CoreSlice, Draft } from '../core/state.ts'
import { step } from '../core/step.ts'
import type { Clock } from '../ports/clock.ts'
import type { Observer } from '../ports/observer.ts'
import type { Slice, Store, StoreFailure, StoreOutcome } from '../ports/store.ts'
import { afterOthers } from './after-others.ts'
import { Bystanders } from './bystanders.ts'
import type { Counters } from './counters.ts'
import { DirectEffects } from './direct-effects.ts'
import { commitOf, withinRoom } from './line-commit.ts'
import { LineTimers, timerBatchLimit } from './line-timers.ts'
import type { OutgoingLine } from './outgoing-line.ts'

/** An event on the line, with what its source wants to add to the commit and to know afterwards. */
export interface LineItem {
  readonly event: Event
  /** Slices beyond what the rules need, e.g. redelivery marks. */
  readonly needs?: readonly string[] | undefined
  /** Whether it may repeat an event that changed nothing: those are marked before it is its turn. */
  readonly mayRepeat?: boolean
  /** Called before the step: false when the event is a redelivery of what is done already. */
  readonly admit?: (draft: Draft) => boolean
  /** Called when the step has changed something: adds to what is committed with it. */
  readonly changed?: (draft: Draft) => void
  /** Called when the step has changed nothing: what marks the event as done all the same, if that is needed later. */
  readonly unchanged?: () => (draft: Draft) => void
  /** Called when the step has done nothing but to answer a request, which a crash alone may repeat. */
  readonly answering?: () => void
  /** Called once all that the event caused is durable or delivered. */
  readonly done?: () => void
  /** Called with what is answered to whoever asked, once it is durable. */
  readonly answered?: (answers: readonly Answer[]) => void
}

export interface LineDeps {
  readonly store: Store
  readonly clock: Clock
  readonly observer: Observer
  readonly counters: Counters
  /** The outgoing line that carries an effect. */
  lineFor(effect: Effect): OutgoingLine
  /** The engine's steady time and the wall clock's offset from it, ms. */
  nowMs(): number
  wallOffsetMs(): number
  /** Makes an attempt that was decided and committed. */
  deliver?(deliver: Deliver): void
  /** Alerts are to be judged again, one `recheck` event for each that matches. */
  recheck?(recheck: Recheck): void
  /** Entries of the audit trail that were committed. */
  audited?(entries: readonly AuditEntry[]): void
}

/** Events stepped and committed together at most. */
const batchLimit = 1_000
/** A batch takes no more once its payloads come to so much. */
const batchBytes = 16 * 1_048_576
/** One event sets off at most so many timers of the same moment; those left over run in the next batch. */
const followUpTimerLimit = 1_000
/** One slice that an event needs may name the next, but not for ever. */
const needRounds = 6
const retryFirstMs = 50
const retryMostMs = 5_000
/** A batch that takes so long is not waiting for the store as usual. */
const longBatchMs = 30_000

export class Line {
  readonly #deps: LineDeps
  #program: Program
  readonly #queue: LineItem[] = []
  #head = 0
  #backlogBytes = 0
  #running = false
  #stopped = false
  /** Effects on their way that belong to no commit. */
  #loose = 0
  #idleWaiters: (() => void)[] = []
  readonly #direct: DirectEffects
  readonly #timers: LineTimers
  readonly #quarantined = new Set<string>()
  readonly #sent = new SentLately((broker, topic) =>
    [broker, keepLinkName(broker)].some((link) => this.#program.match(link, topic).length > 0),
  )
  #verdicts: VerdictTally
  /** The batch in hand: since when, and why it could not be committed yet. */
  #batchSinceMs: number | null = null
  #failure: StoreFailure | null = null
  readonly #bystanders = new Bystanders()
  #exclusive: { run: () => Promise<void>; resolve: () => void; reject: (error: unknown) => void }[] = []

  constructor(program: Program, deps: LineDeps) {
    this.#program = program
    this.#deps = deps
    this.#verdicts = new VerdictTally(program.rules)
    this.#direct = new DirectEffects(deps)
    const { store, clock } = deps
    this.#timers = new LineTimers({ store, clock, nowMs: () => deps.nowMs(), wake: () => this.#wake() })
  }

  get program(): Program {
    return this.#program
  }

  /** Events that wait, and effects of earlier ones that wait for the store. */
  get backlog(): number {
    return this.#queue.length - this.#head + this.#direct.waiting
  }

  /** Bytes of the payloads that wait. */
  get backlogBytes(): number {
    return this.#backlogBytes + this.#direct.waitingBytes
  }

  push(items: readonly LineItem[]): void {
    for (const item of items) {
      this.#queue.push(item)
      this.#backlogBytes += payloadBytes(item)
    }
    this.#wake()
  }

  /** Puts what somebody asks on the line; the answer comes once what it changed is durable. Null: there is none. */
  ask(event: Event): Promise<Answer | null> {
    return new Promise((resolve) => {
      let answer: Answer | null = null
      const answered = (answers: readonly Answer[]) => {
        answer = answers[0] ?? null
      }
      this.push([{ event, answered, done: () => resolve(answer) }])
    })
  }

  /** Runs something between two batches, when no event is half done. */
  exclusive(run: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#exclusive.push({ run, resolve, reject })
      this.#wake()
    })
  }

  /** Rules that were left alone get another chance. */
  replaceProgram(program: Program): void {
    this.#program = program
    this.#verdicts = new VerdictTally(program.rules)
    this.#quarantined.clear()
  }

  /** Which rules come to a verdict, since the rules were loaded. */
  get verdicts(): VerdictTally {
    return this.#verdicts
  }

  /** The batch that the store does not take: since when (steady ms), and why; null: it takes what comes. */
  get stuck(): { readonly sinceMs: number; readonly message: string } | null {
    const sinceMs = this.#batchSinceMs
    if (sinceMs === null) return null
    if (this.#failure !== null) return { sinceMs, message: this.#failure.message }
    const isLong = this.#deps.nowMs() - sinceMs >= longBatchMs
    return isLong ? { sinceMs, message: 'The store gives no answer.' } : null
  }

  /** Ids of the rules that failed and are left alone until the rules are loaded again. */
  get quarantined(): ReadonlySet<string> {
    return this.#quarantined
  }

  /** Carries out effects of no event. Resolves when each has arrived, was refused for good, or is durable. */
  async send(effects: readonly Effect[]): Promise<void> {
    this.#loose++
    await this.#direct.deliver(effects)
    this.#loose--
    this.#settle()
  }

  /** Lets due timers run: all, or those that wait for no message. */
  allowTimers(which: 'alerting' | 'all' = 'all'): Promise<void> {
    return this.#timers.allow(which)
  }

  get timersAllowed(): boolean {
    return this.#timers.allAllowed
  }

  holdTimers(): void {
    this.#timers.hold()
  }

  /** Resolves when nothing waits and nothing is on its way. */
  idle(): Promise<void> {
    if (!this.#running && this.backlog === 0 && this.#loose === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idleWaiters.push(resolve))
  }

  /** Takes no more events; those in hand are finished. */
  async stop(): Promise<void> {
    await this.idle()
    this.#stopped = true
    this.#timers.hold()
  }

  #wake(): void {
    if (this.#running || this.#stopped) return
    this.#running = true
    void this.#run()
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        const task = this.#exclusive.shift()
        if (task !== undefined) {
          await task.run().then(task.resolve, task.reject)
          continue
        }
        const timers = await this.#timers.due()
        const items = this.#take(timers)
        if (items.length === 0) {
          if (this.#exclusive.length > 0) continue
          break
        }
        await this.#batch(items)
        // In a storm of timers the next batch is always ready: what is heard and sent would wait for the last one.
        if (timers.length >= timerBatchLimit) await afterOthers()
      }
    } finally {
      this.#running = false
      this.#settle()
    }
  }

  #take(timers: readonly string[]): LineItem[] {
    const items: LineItem[] = timers.map((slice) => ({ event: { type: 'timer', slice } }))
    const end = Math.min(this.#queue.length, this.#head + batchLimit)
    for (let bytes = 0; this.#head < end && bytes < batchBytes; this.#head++) {
      const item = this.#queue[this.#head]!
      items.push(item)
      bytes += payloadBytes(item)
      this.#backlogBytes -= payloadBytes(item)
    }
    if (this.#head === this.#queue.length) {
      this.#queue.length = 0
      this.#head = 0
    } else if (this.#head > batchLimit) {
      this.#queue.splice(0, this.#head)
      this.#head = 0
    }
    return items
  }

  // ---- one batch

  async #batch(items: readonly LineItem[]): Promise<void> {
    let retryMs = retryFirstMs
    let rest = items
    this.#batchSinceMs = this.#deps.nowMs()
    for (;;) {
      const failed = await this.#tryBatch(rest)
      this.#failure = failed?.failure ?? null
      if (failed === null) {
        this.#batchSinceMs = null
        return
      }
      rest = failed.items
      this.#deps.counters.commitFailures++
      const { message, help } = failed.failure
      this.#deps.observer.trouble({
        kind: 'store',
        message: `${message} Nothing is acknowledged until it works again.`,
        help,
      })
      const waitMs = retryMs
      // Waiting here stops the line: messages stay with the broker, which keeps them.
      await new Promise<void>((resolve) => {
        this.#deps.clock.setTimer(this.#deps.clock.now() + waitMs, resolve)
      })
      retryMs = Math.min(retryMs * 2, retryMostMs)
    }
  }

  /** Null when all is done; else what has to be stepped again, from the state as it was. */
  async #tryBatch(
    items: readonly LineItem[],
  ): Promise<{ items: readonly LineItem[]; failure: StoreFailure } | null> {
    const { store, counters, observer, lineFor } = this.#deps
    const nowMs = this.#deps.nowMs()
    const loaded = new Map<string, Slice>()
    const read = (id: string): CoreSlice | undefined => loaded.get(id)

    const own = new Set<string>()
    for (const { event, needs } of items) {
      if (event.type === 'timer' || event.type === 'forget') own.add(event.slice)
      if (needs !== undefined) for (const id of needs) own.add(id)
    }
    if (own.size > 0) {
      const first = await store.load(own)
      if (!first.ok) return { items, failure: first.failure }
      for (const [id, slice] of first.value) loaded.set(id, slice)
    }
    const prepared: (Prepared | null)[] = []
    const needs = new Set<string>()
    for (const { event } of items) {
      if (alertingEvent(event) !== null) {
        // What it needs depends on what those before it do.
        prepared.push(null)
        continue
      }
      const ready = prepare(this.#program, event, read, nowMs)
      for (const id of ready.needs) if (!own.has(id)) needs.add(id)
      prepared.push(ready)
    }
    if (needs.size > 0) {
      const second = await store.load(needs)
      if (!second.ok) return { items, failure: second.failure }
      for (const [id, slice] of second.value) loaded.set(id, slice)
    }

    const known = new Set([...own, ...needs])
    const draft = new Draft(read)
    const kept: { item: LineItem; outcome: Outcome }[] = []
    const loose: { item: LineItem; outcome: Outcome }[] = []
    const offsetMs = this.#deps.wallOffsetMs()
    let commits = false
    const followsAlerts = this.#program.alerting !== null
    /** Steps what follows at once from an event, and what follows from that. */
    const followUp = async (from: Outcome): Promise<StoreFailure | null> => {
      let timers = 0
      for (let at = 0; at < from.followUps.length; at++) {
        const event = from.followUps[at]!
        if (event.type === 'timer' && ++timers > followUpTimerLimit) continue
        const late = await this.#prepareLate(event, draft, loaded, known, nowMs)
        if (!late.ok) return late.failure
        counters.steps++
        step(this.#program, late.value, contextOf(from))
      }
      return null
    }
    const contextOf = (of: Outcome) => ({
      draft,
      outcome: of,
      nowMs,
      wallMs: nowMs + offsetMs,
      quarantined: this.#quarantined,
      verdicts: this.#verdicts,
      sent: this.#sent,
    })
    let outcome = new Outcome(observer.watchesDecisions, followsAlerts)
    for (let index = 0; index < items.length; index++) {
      const item = items[index]!
      /** Those before it that are done already are not stepped again. */
      const unfinished = () => {
        const open = new Set([...kept, ...loose].map((one) => one.item))
        return items.filter((one, at) => at >= index || open.has(one))
      }
      let ready = prepared[index] ?? null
      if (ready === null) {
        const late = await this.#prepareLate(item.event, draft, loaded, known, nowMs)
        if (!late.ok) return { items: unfinished(), failure: late.failure }
        ready = late.value
      }
      counters.steps++
      if (item.event.type === 'timer') counters.timers++
      const before = draft.writes
      if (item.mayRepeat === true) this.#bystanders.mark(draft, nowMs)
      const admitted = item.admit === undefined || item.admit(draft)
      if (admitted) {
        if (item.event.type === 'message') this.#hear(item.event.message)
        step(this.#program, ready, contextOf(outcome))
        if (outcome.followUps.length > 0) {
          const failure = await followUp(outcome)
          if (failure !== null) return { items: unfinished(), failure }
        }
      }
      const changed =
        draft.writes !== before ||
        outcome.deadLetters.length > 0 ||
        outcome.audit.length > 0 ||
        item.event.type === 'timer' ||
        // What was decided by a state must not be decided again by a later one.
        (outcome.effects.length > 0 && ready.needs.length > 0 && !outcome.onlyAnswers)
      const acts = outcome.effects.length > 0
      const answers = admitted && outcome.onlyAnswers
      if (admitted && (changed || (answers && commits))) item.changed?.(draft)
      else if (answers) item.answering?.()
      else if (admitted && ready.needs.length > 0 && item.unchanged !== undefined) {
        this.#bystanders.add(ready.needs, item.unchanged(), nowMs)
      }
      // A redelivery is acknowledged no sooner than what it repeats is committed, which may be in this batch; and
      // what leaves stays behind what was decided before it.
      if (changed || !admitted || (acts && commits)) {
        kept.push({ item, outcome })
        if (acts) commits = true
      } else if (outcome.isEmpty) {
        // Most messages leave no trace: what was made to hold it serves the next one.
        item.done?.()
        continue
      } else loose.push({ item, outcome })
      outcome = new Outcome(observer.watchesDecisions, followsAlerts)
    }

    for (const { item, outcome } of loose) this.#release(item, outcome)
    if (kept.length === 0) return null
    this.#bystanders.mark(draft, nowMs)
    const outcomes = kept.map(({ outcome }) => outcome)
    const { effects, givenUp } = withinRoom(
      outcomes.flatMap((one) => one.effects),
      lineFor,
    )
    // What a rule forwards stays in its order, with a commit or without.
    const forwards = effects.filter((effect) => effect.kind === 'publish' && effect.via?.kind === 'forward')
    await Promise.all([...new Set(forwards.map(lineFor))].map((line) => line.calm()))
    const batch = { draft, loaded, outcomes, effects, nowMs }
    const committed = await store.commit(commitOf(batch, lineFor))
    if (!committed.ok) return { items: kept.map(({ item }) => item), failure: committed.failure }
    counters.commits++
    this.#bystanders.committed()
    this.#announce(effects)
    for (const [line, count] of givenUp) line.giveUp(count)
    for (const { item, outcome } of kept) {
      this.#tell(item, outcome)
      item.done?.()
    }
    await this.#timers.look()
    return null
  }

  /** Counts the message for every rule on whose topics it came. */
  #hear({ broker, topic }: { readonly broker: string; readonly topic: string }): void {
    let last: number | null = null
    for (const { value } of this.#program.match(broker, topic)) {
      // Several topics of one rule may match: those stand together.
      if (value.kind !== 'rule' || value.rule.order === last) continue
      last = value.rule.order
      this.#verdicts.hear(last)
    }
  }

  /** As `prepare`, but from the state as it is now: one slice may name the next, so it is asked until all are there. */
  async #prepareLate(
    event: Event,
    draft: Draft,
    loaded: Map<string, Slice>,
    known: Set<string>,
    nowMs: number,
  ): Promise<StoreOutcome<Prepared>> {
    for (let round = 0; ; round++) {
      const ready = prepare(this.#program, event, (id) => draft.read(id), nowMs)
      const missing = ready.needs.filter((id) => !known.has(id))
      if (missing.length === 0 || round >= needRounds) return { ok: true, value: ready }
      const more = await this.#deps.store.load(missing)
      if (!more.ok) return more
      for (const [id, slice] of more.value) loaded.set(id, slice)
      for (const id of missing) known.add(id)
    }
  }

  /** Hands committed effects to their outgoing lines. */
  #announce(effects: readonly Effect[]): void {
    const rows = new Map<OutgoingLine, number>()
    for (const effect of effects) {
      const line = this.#deps.lineFor(effect)
      rows.set(line, (rows.get(line) ?? 0) + 1)
    }
    for (const [line, count] of rows) line.added(count)
  }

  // ---- what changed no state

  #release(item: LineItem, outcome: Outcome): void {
    this.#tell(item, outcome)
    if (outcome.effects.length === 0) {
      item.done?.()
      return
    }
    this.#loose++
    void this.#direct.deliver(outcome.effects).then(() => {
      this.#loose--
      item.done?.()
      this.#settle()
    })
  }

  // ---- telling

  #tell(item: LineItem, outcome: Outcome): void {
    const { observer, counters } = this.#deps
    for (const notice of outcome.notices) {
      if (notice.kind === 'rule-failed') {
        // Told once, until the rules are loaded again.
        if (this.#quarantined.has(notice.rule)) continue
        this.#quarantined.add(notice.rule)
      }
      counters.notice(notice.kind)
      observer.notice(notice)
    }
    for (const letter of outcome.deadLetters) {
      counters.deadLetters++
      observer.deadLetter(letter)
    }
    if (item.event.type === 'message' && outcome.decisions !== null) {
      observer.decided(item.event.message, outcome.decisions, outcome.effects)
    }
    for (const transition of outcome.transitions) observer.transition(transition)
    for (const deliver of outcome.deliveries) this.#deps.deliver?.(deliver)
    for (const recheck of outcome.rechecks) this.#deps.recheck?.(recheck)
    if (outcome.audit.length > 0) this.#deps.audited?.(outcome.audit)
    item.answered?.(outcome.answers)
  }

  #settle(): void {
    if (this.#running || this.backlog > 0 || this.#loose > 0) return
    for (const resolve of this.#idleWaiters.splice(0)) resolve()
  }
}

function payloadBytes({ event }: LineItem): number {
  return event.type === 'message' ? event.message.payload.length : 0
}
