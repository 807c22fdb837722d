/**
 * Puts the parts of the engine together: the line in the middle, the ways in and out around it, and what keeps
 * time honest (the fence after a start, clock jumps, the sign of life).
 */
import { needCorrelationData } from '../core/commands/command-plan.ts'
import { keepLinkName, linkData, linkSliceId } from '../core/link.ts'
import type { Program } from '../core/program.ts'
import { makeMayAnswer } from '../core/requests/answer-place.ts'
import { sliceId } from '../core/state.ts'
import type { Broker } from '../ports/broker.ts'
import type { Clock } from '../ports/clock.ts'
import type { Control } from '../ports/control.ts'
import type { Observer } from '../ports/observer.ts'
import type { Ping } from '../ports/ping.ts'
import type { Store, StoreFailure } from '../ports/store.ts'
import { EngineControl, type Link } from './control.ts'
import { Counters } from './counters.ts'
import { Hearing } from './hearing.ts'
import { Ingest } from './ingest.ts'
import { Line } from './line.ts'
import { Notifying, type Outreach } from './notifying.ts'
import type { LineTarget } from './outgoing-line.ts'
import { OutgoingLines } from './outgoing-lines.ts'
import { Requests } from './requests/requests.ts'
import { RuleStates } from './rule-states.ts'
import { OutsideHeartbeat } from './watch/outside-heartbeat.ts'
import { Watch, type WatchOptions } from './watch/watch.ts'

export interface EngineBroker {
  readonly broker: Broker
  readonly clientId: string
  /**
   * Makes the session beside it, under `keepLinkName`, for rules that keep RETAIN as it was published. Without it
   * they hear nothing.
   */
  readonly makeKeeper?: () => Omit<EngineBroker, 'makeKeeper'>
}

export interface EngineOptions {
  readonly program: Program
  readonly brokers: readonly EngineBroker[]
  readonly store: Store
  /** Steady: it never jumps. */
  readonly clock: Clock
  /** The wall clock, which may jump, in ms since the epoch. */
  wallNow(): number
  /** Carries out log effects. */
  readonly log: LineTarget
  readonly observer: Observer
  /** How often the sign of life is kept, ms; null for never (virtual time). */
  readonly heartbeatMs: number | null
  /** Of the program, for those who ask; empty unless given. */
  readonly version?: string
  /** On which broker requests are listened to, and the filters of the topics where answers may go. Absent: nowhere. */
  readonly requests?: { readonly broker: string; readonly respondTo: readonly string[] } | undefined
  /** How receivers are reached; nobody unless given. */
  readonly outreach?: Outreach
  /** Where people reach the HTTP listener: links in notifications begin with it. */
  readonly publicUrl?: string | null
  /** Who is told of Tocsin's own troubles; absent: it does not look for them. */
  readonly watch?: WatchOptions | undefined
  /** A sign of life to somebody outside, while the store works and this broker is connected. */
  readonly outsideHeartbeat?:
    | { readonly broker: string; readonly everyMs: number; readonly ping: Ping }
    | undefined
}

/** Message timers wait at most so long for the fence after a start. */
const fenceLimitMs = 30_000
const jumpMs = 5_000
const clockSlice = sliceId('engine', 'clock')
const aliveSlice = sliceId('engine', 'alive')

export class Engine {
  readonly counters = new Counters()
  readonly #options: EngineOptions
  readonly #line: Line
  readonly #ingests = new Map<string, Ingest>()
  readonly #lines: OutgoingLines
  readonly #states: RuleStates
  readonly #hearing: Hearing
  readonly #toldOfLostIds = new Set<string>()
  readonly #startedMs: number
  readonly #links = new Map<string, Link>()
  readonly #requests: Requests | null
  /** What is told to people, and what they answer by link. */
  readonly notifying: Notifying
  readonly #watch: Watch | null
  readonly #outsideHeartbeat: OutsideHeartbeat | null
  readonly #fencesAwaited = new Set<string>()
  /** Adapter clock minus steady time: jumps of the wall clock before this start, ms. */
  #shiftMs = 0
  /** The last sign of life of the run before this one, steady ms. */
  #aliveMs = 0
  /** Wall clock minus steady time, ms. */
  #offsetMs = 0
  #cancelHeartbeat: (() => void) | null = null
  #cancelFence: (() => void) | null = null
  /** Whether what the store knew has been taken up. */
  #restored = false

  /** What may be asked of the engine while it runs. */
  readonly control: Control

  constructor(options: EngineOptions) {
    this.#options = options
    this.#startedMs = options.clock.now()
    const { store, clock, observer, log } = options
    this.#lines = new OutgoingLines({
      brokers: options.brokers.map(({ broker }) => broker),
      log,
      store,
      clock,
      observer,
      counters: this.counters,
      nowMs: () => this.nowMs(),
      hears: (broker) => this.#hearing.has(broker),
    })
    this.#lines.follow(options.program)
    this.#line = new Line(options.program, {
      store,
      clock,
      observer,
      counters: this.counters,
      lineFor: (effect) => this.#lines.lineFor(effect),
      nowMs: () => this.nowMs(),
      wallOffsetMs: () => this.#offsetMs,
      deliver: (deliver) => this.notifying.deliver(deliver),
      recheck: (recheck) => void this.notifying.recheck(recheck),
      audited: (entries) => this.#watch?.audited(entries),
    })
    this.#hearing = new Hearing({ clock, line: this.#line, heard: (broker) => this.#lines.wake(broker) })
    this.#states = new RuleStates({ store, line: this.#line, observer })
    this.notifying = new Notifying({
      outreach: options.outreach ?? { connections: new Map(), target: () => null },
      publicUrl: options.publicUrl ?? null,
      store,
      clock,
      line: this.#line,
      observer,
      nowMs: () => this.nowMs(),
      wallOffsetMs: () => this.#offsetMs,
    })
    this.control = new EngineControl({
      version: options.version ?? '',
      store,
      line: this.#line,
      counters: this.counters,
      links: () => this.#linkViews(),
      outgoing: () => this.backlog().outgoing,
      dropped: () => this.#lines.dropped,
      nowMs: () => this.nowMs(),
      wallOffsetMs: () => this.#offsetMs,
      uptimeMs: () => clock.now() - this.#startedMs,
    })
    this.#requests = this.#makeRequests()
    const { watch, outsideHeartbeat } = options
    const sources = { store, clock, observer, line: this.#line, nowMs: () => this.nowMs() }
    this.#watch =
      watch === undefined
        ? null
        : new Watch({
            ...watch,
            ...sources,
            links: () => this.#linkViews(),
            outreach: () => this.notifying.outreach,
            wallOffsetMs: () => this.#offsetMs,
          })
    this.#outsideHeartbeat =
      outsideHeartbeat === undefined
        ? null
        : new OutsideHeartbeat({
            ...outsideHeartbeat,
            clock,
            observer,
            isHealthy: () => this.storeWorks && this.#isOnline(outsideHeartbeat.broker),
          })
    for (const one of options.brokers) this.#addIngest(one, null)
  }

  #addIngest({ broker, clientId }: Omit<EngineBroker, 'makeKeeper'>, keepsFor: string | null): Ingest {
    const { requests, observer } = this.#options
    const ingest = new Ingest({
      broker,
      keepsFor,
      clientId,
      line: this.#line,
      observer,
      counters: this.counters,
      requests: requests?.broker === broker.name ? this.#requests : null,
      nowMs: () => this.nowMs(),
      shiftMs: () => this.#shiftMs,
      fencePassed: (name) => this.#fencePassed(name),
      linkChanged: (name, state) => {
        const before = this.#links.get(name)
        const sinceMs = before?.state.state === state.state ? before.sinceMs : this.nowMs()
        this.#links.set(name, { state, sinceMs })
        this.#hearing.linkChanged(name, state.state === 'online')
        observer.link(name, state)
        if (state.state === 'online' && state.protocolVersion === 4) this.#tellOfLostIds(name)
      },
      heard: (name) => this.#states.resumeSilences(name),
      canPublish: (name) => this.#lines.wake(name),
    })
    this.#ingests.set(broker.name, ingest)
    return ingest
  }

  /** The engine's steady time, ms: the wall clock as it was at the first start, never jumping since. */
  nowMs(): number {
    return this.#options.clock.now() - this.#shiftMs
  }

  get program(): Program {
    return this.#line.program
  }

  /** Whether what is to be kept can be kept, as far as is known. */
  get storeWorks(): boolean {
    return this.#line.stuck === null
  }

  #isOnline(broker: string): boolean {
    return this.#links.get(broker)?.state.state === 'online'
  }

  /** Resolves when nothing waits and nothing is on its way. */
  idle(): Promise<void> {
    return this.#line.idle()
  }

  /** Events that wait, and rows that wait to leave, per line. */
  backlog(): { events: number; outgoing: Record<string, number> } {
    return { events: this.#line.backlog, outgoing: this.#lines.waiting }
  }

  /** Opens the store, takes up what was left, and connects. Null, or why the store cannot be used. */
  async start(): Promise<StoreFailure | null> {
    const { store } = this.#options
    const opened = await store.open()
    if (!opened.ok) return opened.failure
    const failure = await this.#restore()
    if (failure !== null) return failure
    await this.#settleRules()
    await this.notifying.takeUp()
    for (const ingest of this.#ingests.values()) {
      if (this.#listens(ingest)) this.#fencesAwaited.add(ingest.broker.name)
    }
    if (this.#fencesAwaited.size === 0) await this.#allowTimers()
    else {
      const { clock, observer } = this.#options
      this.#cancelFence = clock.setTimer(clock.now() + fenceLimitMs, () => {
        observer.trouble({
          kind: 'timers',
          message: `Not heard from ${[...this.#fencesAwaited].join(', ')} within 30 s: timers run without it.`,
        })
        this.#fencesAwaited.clear()
        void this.#allowTimers()
      })
      // Who is to be told next waits for no message.
      await this.#line.allowTimers('alerting')
    }
    for (const ingest of this.#ingests.values()) ingest.start()
    this.#heartbeat()
    this.#watch?.start()
    this.#outsideHeartbeat?.start()
    return null
  }

  /** Takes new rules: they are matched from here on, then the subscriptions follow. */
  reload(program: Program): Promise<void> {
    // A new command must not leave before its acknowledgement is listened to.
    return this.#hearing.during(() => this.#take(program))
  }

  async #take(program: Program): Promise<void> {
    await this.#line.exclusive(async () => {
      this.#lines.follow(program)
      this.#line.replaceProgram(program)
    })
    await this.#settleRules()
    const keepers = await this.#addKeepers(program)
    if (Array.isArray(keepers)) for (const keeper of keepers) keeper.start()
    else this.#options.observer.trouble({ kind: 'store', message: keepers.message, help: keepers.help })
    for (const ingest of this.#ingests.values()) await ingest.follow(program)
  }

  /** Finishes what is in hand, says goodbye to the brokers, closes the store. */
  async stop(limitMs: number): Promise<void> {
    const { clock, store } = this.#options
    this.#cancelHeartbeat?.()
    this.#cancelFence?.()
    this.#hearing.stop()
    for (const ingest of this.#ingests.values()) ingest.broker.pause()
    let cancelDeadline = () => {}
    const deadline = new Promise<void>((resolve) => {
      cancelDeadline = clock.setTimer(clock.now() + limitMs, resolve)
    })
    await Promise.race([Promise.all([this.#requests?.idle(), this.#line.idle()]), deadline])
    const down = [...this.#ingests.keys()].map((broker) => ({
      event: { type: 'link', broker, online: false, newSession: false } as const,
    }))
    // Before that it is not known since when the links have been down.
    if (this.#restored) this.#line.push([...down, ...this.#signOfLife()])
    this.#outsideHeartbeat?.stop()
    await this.#watch?.stop(limitMs)
    await this.notifying.stop(limitMs)
    await Promise.race([this.#line.stop(), deadline])
    await Promise.race([this.#lines.stop(), deadline])
    await Promise.all([...this.#ingests.values()].map((ingest) => ingest.broker.stop(limitMs)))
    cancelDeadline()
    await store.close()
  }

  // ---- starting

  async #restore(): Promise<StoreFailure | null> {
    const { store } = this.#options
    const loaded = await store.load([clockSlice, aliveSlice])
    if (!loaded.ok) return loaded.failure
    const offset = (loaded.value.get(clockSlice)?.data as { offsetMs: number } | undefined)?.offsetMs ?? 0
    this.#aliveMs = (loaded.value.get(aliveSlice)?.data as { atMs: number } | undefined)?.atMs ?? 0
    this.#takeUpClock(offset)
    for (const ingest of [...this.#ingests.values()]) {
      const failure = await this.#restoreIngest(ingest)
      if (failure !== null) return failure
    }
    const keepers = await this.#addKeepers(this.program)
    if (!Array.isArray(keepers)) return keepers
    const sizes = await store.outboxSizes()
    if (!sizes.ok) return sizes.failure
    this.#lines.restore(sizes.value)
    this.#restored = true
    return null
  }

  async #restoreIngest(ingest: Ingest): Promise<StoreFailure | null> {
    const { name } = ingest.broker
    const [link, subscriptions] = [linkSliceId(name), Ingest.subscriptionsId(name)]
    const loaded = await this.#options.store.load([link, subscriptions])
    if (!loaded.ok) return loaded.failure
    const marks = await this.#states.scan(ingest.markPrefix)
    if (!Array.isArray(marks)) return marks
    ingest.restore(
      marks.map(({ id }) => id),
      loaded.value.get(subscriptions)?.data,
    )
    // A link that was up when the engine died has been down since its last sign of life, or since it came up
    // when there was none after that.
    if (linkData(loaded.value.get(link)?.data).online) {
      const event = {
        type: 'link',
        broker: name,
        online: false,
        newSession: false,
        atMs: this.#aliveMs,
      } as const
      this.#line.push([{ event }])
    }
    return null
  }

  /**
   * Adds the sessions that rules need which keep RETAIN as it was published, and those that are left of such rules:
   * the broker would keep messages for them which nobody fetches.
   */
  async #addKeepers(program: Program): Promise<Ingest[] | StoreFailure> {
    const added: Ingest[] = []
    for (const { broker, makeKeeper } of this.#options.brokers) {
      const link = keepLinkName(broker.name)
      if (makeKeeper === undefined || this.#ingests.has(link)) continue
      if (program.wants(link).length === 0) {
        const slice = Ingest.subscriptionsId(link)
        const loaded = await this.#options.store.load([slice])
        if (!loaded.ok) return loaded.failure
        if (!Ingest.holdsMore(loaded.value.get(slice)?.data)) continue
      }
      const ingest = this.#addIngest(makeKeeper(), broker.name)
      added.push(ingest)
      const failure = await this.#restoreIngest(ingest)
      if (failure !== null) return failure
    }
    return added
  }

  async #settleRules(): Promise<void> {
    await this.#states.settle()
    if (this.program.alerting !== null) void this.notifying.recheckAll()
  }

  // ---- requests

  #makeRequests(): Requests | null {
    const { requests, brokers, observer } = this.#options
    if (requests === undefined) return null
    const broker = brokers.find((one) => one.broker.name === requests.broker)?.broker
    if (broker === undefined) throw new Error(`no broker is named ${requests.broker}`)
    return new Requests({
      control: this.control,
      counters: this.counters,
      observer,
      mayAnswer: makeMayAnswer(requests.respondTo),
      send: (message) => this.#line.send([{ kind: 'publish', broker: broker.name, message }]),
      sendNow: (message) => {
        if (broker.canPublish) void broker.publish(message)
      },
      nowMs: () => this.nowMs(),
    })
  }

  #linkViews(): ReadonlyMap<string, { readonly link: Link | null; readonly sends: boolean }> {
    const views = [...this.#ingests].map(([name, { broker }]) => {
      return [name, { link: this.#links.get(name) ?? null, sends: broker.canPublish }] as const
    })
    return new Map(views)
  }

  // ---- time

  /** Such commands are never acknowledged. */
  #tellOfLostIds(broker: string): void {
    const rules = needCorrelationData(this.program.rules, broker)
    if (rules.length === 0 || this.#toldOfLostIds.has(broker)) return
    this.#toldOfLostIds.add(broker)
    this.#options.observer.trouble({
      kind: 'subscription',
      message: `The broker "${broker}" speaks MQTT 3.1.1, which has no correlation data. Commands of these rules will not be recognised when they are acknowledged: ${rules.join(', ')}.`,
      help: 'Use a broker of MQTT 5, or write `id:` with a field of the payload that the device repeats.',
    })
  }

  #fencePassed(broker: string): void {
    this.#hearing.fencePassed(broker)
    if (!this.#fencesAwaited.delete(broker) || this.#fencesAwaited.size > 0) return
    this.#cancelFence?.()
    // What came before it may still wait in the line.
    this.#line.push([{ event: { type: 'drop', slices: [] }, done: () => void this.#allowTimers() }])
  }

  async #allowTimers(): Promise<void> {
    await this.#line.allowTimers()
    this.#states.timersRun()
  }

  #listens(ingest: Ingest): boolean {
    return this.program.wants(ingest.broker.name).length > 0
  }

  #heartbeat(): void {
    const { heartbeatMs, clock } = this.#options
    if (heartbeatMs === null) return
    this.#cancelHeartbeat = clock.setTimer(clock.now() + heartbeatMs, () => {
      this.beat()
      this.#heartbeat()
    })
  }

  /** What is done with every heartbeat: looks at the clock, tidies up, and leaves a sign of life. */
  beat(): void {
    this.notifying.beat()
    this.#lookForJump()
    for (const ingest of this.#ingests.values()) {
      ingest.sweepMarks()
      ingest.watchDelivery()
      ingest.relieve()
    }
    this.#line.push(this.#signOfLife())
  }

  #signOfLife() {
    const event = { type: 'keep', slice: aliveSlice, data: { atMs: this.nowMs() } } as const
    return [{ event }]
  }

  /**
   * Steady time goes on from the wall clock. When that was set back while nobody looked, it goes on from the last sign
   * of life: else every timer would be late by the jump.
   */
  #takeUpClock(offsetMs: number): void {
    const behindMs = Math.max(0, this.#aliveMs - (this.#options.clock.now() - offsetMs))
    this.#offsetMs = offsetMs - behindMs
    this.#shiftMs = offsetMs - behindMs
    if (behindMs > 0) this.#keepOffset()
    if (behindMs >= jumpMs) this.#tellOfJump(-behindMs)
  }

  /** A jump of the wall clock moves texts and calendars, and no timer: those run on the steady clock. */
  #lookForJump(): void {
    const differenceMs = this.#options.wallNow() - this.nowMs() - this.#offsetMs
    if (Math.abs(differenceMs) < jumpMs) return
    this.#offsetMs += differenceMs
    this.#tellOfJump(differenceMs)
    this.#keepOffset()
    this.#states.lookAtCalendars()
  }

  #tellOfJump(byMs: number): void {
    const seconds = Math.round(byMs / 1000)
    this.#options.observer.trouble({
      kind: 'clock',
      message: `The clock of this machine jumped by ${seconds} s. Running timers keep their length.`,
    })
  }

  #keepOffset(): void {
    this.#line.push([{ event: { type: 'keep', slice: clockSlice, data: { offsetMs: this.#offsetMs } } }])
  }
}
