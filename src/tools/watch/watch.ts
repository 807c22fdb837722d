/** Watches brokers: shows messages as they come, and what the rules make of them, until it is stopped. */
import type { Program } from '../../core/program.ts'
import type { ExplainRule } from '../../core/rules/explain-rule.ts'
import type { Filter } from '../../core/topics/filter.ts'
import { FilterTrie } from '../../core/topics/filter-trie.ts'
import type { SubscriptionWant } from '../../core/topics/subscriptions.ts'
import type { InboundMessage, LinkState } from '../../ports/broker.ts'
import type { Clock } from '../../ports/clock.ts'
import { describeDue, describeMet } from './describe.ts'
import { dueJson, jsonLine, linkJson, messageJson } from './json-report.ts'
import { Latest } from './latest.ts'
import type { Listener, ListenerSink } from './listener.ts'
import { nearMisses } from './near-topics.ts'
import { Screen } from './screen.ts'
import { type Due, type Seen, Spectator } from './spectator.ts'
import { isMetByNothing, TextReport } from './text-report.ts'

export interface WatchOptions {
  /** What is shown; null: what rules listen to. */
  readonly filter: Filter | null
  /** Only messages that this rule met, and only what it made of them. */
  readonly rule: string | null
  /** One line a topic instead of one message after the other. */
  readonly latest: boolean
  readonly format: 'text' | 'json'
  /** Ends after so many messages; null: never. */
  readonly count: number | null
  /** Ends after so long, ms; null: never. */
  readonly forMs: number | null
  readonly isTerminal: boolean
  readonly colour: boolean
  /** IANA name. */
  readonly zone: string
  readonly redact: (text: string) => string
}

/** A wider table has its columns too far from each other to read. */
const widestTable = 160

/** What it is shown on. */
export interface Display {
  write(text: string): boolean
  onDrain(callback: () => void): void
  columns(): number
  rows(): number
}

export interface WatchDeps {
  readonly clock: Clock
  readonly display: Display
  readonly explain: ExplainRule
  readonly brokers: readonly string[]
  /** Begins to listen to a broker. */
  listen(broker: string, wants: readonly SubscriptionWant[], sink: ListenerSink): Listener
}

export interface Ended {
  readonly because: 'stopped' | 'count' | 'time'
  readonly messages: number
  readonly leftOut: number
  /** Whether any broker could be reached at all. */
  readonly wasOnline: boolean
}

/** A person reads no more; a message is shown whole. */
const linesPerSecond = 60
const drawEveryMs = 250
/** Keys that shown messages were about, to know which timers to show. */
const keysLimit = 10_000
const stopLimitMs = 2_000

export class Watch {
  readonly #options: WatchOptions
  readonly #deps: WatchDeps
  readonly #spectator: Spectator
  readonly #trie: FilterTrie | null
  readonly #text: TextReport
  readonly #screen: Screen
  readonly #latest = new Latest()
  readonly #listeners = new Map<string, Listener>()
  readonly #links = new Map<string, LinkState>()
  readonly #keys = new Set<string>()
  readonly #ended = Promise.withResolvers<Ended['because']>()
  #isOver = false
  #messages = 0
  #wasOnline = false
  #armedForMs: number | null = null
  #cancelTimer: (() => void) | null = null
  #cancelEnd: (() => void) | null = null
  #cancelDraw: (() => void) | null = null
  #drawnLines = 0

  constructor(program: Program, options: WatchOptions, deps: WatchDeps) {
    this.#options = options
    this.#deps = deps
    this.#spectator = new Spectator(program, deps.clock.now())
    this.#trie = options.filter === null ? null : new FilterTrie(null)
    if (options.filter !== null) this.#trie?.add(options.filter, 0)
    const { clock, display, brokers } = deps
    const { colour, zone, redact, format, isTerminal } = options
    this.#text = new TextReport({
      colour,
      zone,
      redact,
      columns: () => display.columns(),
      namesBroker: brokers.length > 1,
    })
    this.#screen = new Screen({
      write: (text) => display.write(text),
      onDrain: (callback) => display.onDrain(callback),
      clock,
      linesPerSecond: isTerminal ? linesPerSecond : null,
      leftOut: (count) =>
        format === 'json'
          ? jsonLine({ type: 'left-out', at: new Date(clock.now()).toISOString(), count }, redact)
          : this.#text.dim(
              `          … ${count.toLocaleString('en')} ${count === 1 ? 'message' : 'messages'} not shown in the last second`,
            ),
    })
  }

  /** Resolves when it has ended: by itself, or after `stop`. */
  async run(): Promise<Ended> {
    const { clock, brokers } = this.#deps
    const { forMs } = this.#options
    if (forMs !== null)
      this.#cancelEnd = clock.setTimer(clock.now() + forMs, () => this.#ended.resolve('time'))
    for (const broker of brokers) {
      const listener = this.#deps.listen(broker, this.#wants(broker), {
        messages: (batch) => this.#hear(batch),
        link: (state) => this.#link(broker, state),
        subscribed: (granted, refused) => this.#subscribed(broker, granted, refused),
      })
      this.#listeners.set(broker, listener)
    }
    this.#drawLater()
    const because = await this.#ended.promise
    this.#isOver = true
    this.#cancelTimer?.()
    this.#cancelEnd?.()
    this.#cancelDraw?.()
    this.#screen.end()
    if (this.#options.latest) this.#showLatest()
    await Promise.all([...this.#listeners.values()].map((listener) => listener.stop(stopLimitMs)))
    return { because, messages: this.#messages, leftOut: this.#screen.leftOut, wasOnline: this.#wasOnline }
  }

  stop(): void {
    this.#ended.resolve('stopped')
  }

  /** Takes edited rules; what is remembered of those that stayed the same is kept. */
  replaceRules(program: Program): void {
    if (this.#isOver) return
    this.#dueShown(this.#spectator.replaceRules(program, this.#deps.clock.now()))
    for (const [broker, listener] of this.#listeners) listener.want(this.#wants(broker))
    this.#arm()
  }

  /** What people should know, on its own line; programs get it as an object. */
  note(kind: string, mark: string, style: 'green' | 'red' | 'dim', text: string): void {
    const atMs = this.#deps.clock.now()
    if (this.#options.format === 'json')
      this.#screen.say([
        jsonLine({ type: kind, at: new Date(atMs).toISOString(), message: text }, this.#options.redact),
      ])
    // The live table has its own line for that, and a table behind a pipe is to be a table.
    else if (!this.#isLive && !(this.#options.latest && style === 'green'))
      this.#screen.say(this.#text.note(mark, style, text, atMs))
  }

  get #isLive(): boolean {
    return this.#options.latest && this.#options.isTerminal && this.#options.format === 'text'
  }

  #wants(broker: string): readonly SubscriptionWant[] {
    const { filter } = this.#options
    const { program } = this.#spectator
    const ofRules = this.#spectator.links(broker).flatMap((link) => program.wants(link))
    return filter === null ? ofRules : [{ filter, qos: 1 as const }, ...ofRules]
  }

  // ---- what comes

  #hear(batch: readonly InboundMessage[]): void {
    for (const message of batch) {
      if (this.#isOver) return
      const nowMs = this.#deps.clock.now()
      this.#runTimers(nowMs)
      const seen = this.#spectator.hear(message, nowMs, message.oversizedBytes ?? null)
      if (this.#isWanted(seen)) this.#show(seen)
      if (this.#options.count !== null && this.#messages >= this.#options.count) {
        this.#isOver = true
        this.#ended.resolve('count')
      }
    }
    this.#arm()
  }

  #isWanted(seen: Seen): boolean {
    const { rule } = this.#options
    const { topic } = seen.message
    if (this.#trie !== null && this.#trie.find(topic).numbers.length === 0) return false
    // Where subscriptions were joined, more comes than was asked for.
    if (this.#trie === null && isMetByNothing(seen) && seen.oversizedBytes === null) return false
    if (rule === null) return true
    const { met, notices, undecoded } = seen
    return (
      met.some((one) => one.rule.id === rule) ||
      notices.some((notice) => notice.rule === rule) ||
      undecoded?.rules.includes(rule) === true
    )
  }

  #show(seen: Seen): void {
    const { rule, latest, format } = this.#options
    this.#messages++
    for (const { slice } of seen.met) if (slice !== null && this.#keys.size < keysLimit) this.#keys.add(slice)
    const met = rule === null ? seen.met : seen.met.filter((one) => one.rule.id === rule)
    if (latest) {
      this.#latest.take({ ...seen, met })
      return
    }
    this.#screen.offer(() => {
      const sights = met.map((one) => describeMet(one, seen.atMs, this.#deps.explain))
      const { broker, topic } = seen.message
      const near = isMetByNothing(seen) ? nearMisses(this.#spectator.program, broker, topic) : []
      const shown =
        rule === null
          ? seen
          : {
              ...seen,
              joined: [],
              others: [],
              isForCommands: false,
              notices: seen.notices.filter((one) => one.rule === rule),
            }
      return format === 'json'
        ? [jsonLine(messageJson(shown, sights, near), this.#options.redact)]
        : this.#text.message(shown, sights, near)
    })
  }

  // ---- time

  #runTimers(nowMs: number): void {
    this.#dueShown(this.#spectator.runTimers(nowMs))
  }

  #dueShown(due: readonly Due[]): void {
    const { rule, filter, format, latest, redact } = this.#options
    if (latest) return
    for (const one of due) {
      if (rule !== null && one.met.rule.id !== rule) continue
      const { slice } = one.met
      // With a filter, only what messages that were shown have begun.
      if (filter !== null && slice !== null && this.#keys.size < keysLimit && !this.#keys.has(slice)) continue
      const sight = describeDue(one)
      if (sight === null) continue
      this.#screen.offer(() =>
        format === 'json' ? [jsonLine(dueJson(one.atMs, sight), redact)] : this.#text.due(one.atMs, sight),
      )
    }
  }

  #arm(): void {
    const { clock } = this.#deps
    const dueMs = this.#isOver ? null : this.#spectator.nextDueMs
    if (dueMs === this.#armedForMs) return
    this.#cancelTimer?.()
    this.#cancelTimer = null
    this.#armedForMs = dueMs
    if (dueMs === null) return
    this.#cancelTimer = clock.setTimer(dueMs, () => {
      this.#cancelTimer = null
      this.#armedForMs = null
      this.#runTimers(clock.now())
      this.#arm()
    })
  }

  // ---- links

  #link(broker: string, state: LinkState): void {
    if (this.#isOver) return
    const nowMs = this.#deps.clock.now()
    const before = this.#links.get(broker)
    this.#links.set(broker, state)
    if (state.state === 'online') this.#wasOnline = true
    this.#runTimers(nowMs)
    this.#dueShown(this.#spectator.link(broker, state.state === 'online', nowMs))
    this.#arm()
    // Every attempt fails alike: what is known is not told again.
    const isSame =
      state.state === 'offline' &&
      before?.state === 'offline' &&
      before.failure.message === state.failure.message
    if (isSame) return
    if (this.#options.format === 'json') {
      this.#screen.say([jsonLine(linkJson(nowMs, broker, state), this.#options.redact)])
      return
    }
    if (state.state === 'online')
      this.note(
        'link',
        '●',
        'green',
        `connected to ${broker} (MQTT ${state.protocolVersion === 5 ? '5' : '3.1.1'})`,
      )
    else this.note('link', '●', 'red', `${broker}: ${state.failure.message} ${state.failure.help}`)
  }

  #subscribed(
    broker: string,
    granted: number,
    refused: readonly { filter: string; message: string }[],
  ): void {
    for (const { filter, message } of refused)
      this.note('refused', '✗', 'red', `${broker}: ${filter} cannot be heard. ${message}`)
    if (granted === 0 && refused.length === 0)
      this.note(
        'nothing',
        '✗',
        'red',
        `No rule listens to the broker ${broker}. Give a filter to see its messages, e.g. '#'.`,
      )
  }

  // ---- the table

  #drawLater(): void {
    if (!this.#isLive) return
    const { clock } = this.#deps
    this.#draw()
    this.#cancelDraw = clock.setTimer(clock.now() + drawEveryMs, () => this.#drawLater())
  }

  #draw(): void {
    const { display } = this.#deps
    const rows = Math.max(4, display.rows())
    const lines = [this.#title(), ...this.#table(rows - 2)]
    // Over what was drawn before, in one write, so that nothing flickers.
    const up = this.#drawnLines === 0 ? '' : `\u001b[${this.#drawnLines}F`
    display.write(`${up}${lines.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`)
    this.#drawnLines = lines.length
  }

  #title(): string {
    const offline = [...this.#links].flatMap(([broker, state]) =>
      state.state === 'offline' ? [`${broker}: ${state.failure.message}`] : [],
    )
    const { brokers } = this.#deps
    const waiting = this.#links.size === 0 ? [`connecting to ${brokers.join(', ')}`] : []
    const counts = `${this.#latest.topics.toLocaleString('en')} topics, ${this.#latest.messages.toLocaleString('en')} messages`
    const what = this.#options.filter?.source ?? 'what rules listen to'
    return this.#text.dim([`${what}: ${counts}`, ...waiting, ...offline].join('  ●  '))
  }

  #table(lines: number | null): readonly string[] {
    const { display, brokers, clock } = this.#deps
    const { colour, redact } = this.#options
    return this.#latest.table(this.#spectator, clock.now(), {
      columns: Math.min(widestTable, Math.max(40, display.columns())),
      lines,
      colour,
      redact,
      namesBroker: brokers.length > 1,
    })
  }

  /** What it came to, at the end. */
  #showLatest(): void {
    if (this.#options.format === 'json')
      this.#screen.say(this.#latest.json(this.#spectator).map((row) => jsonLine(row, this.#options.redact)))
    else if (this.#isLive) this.#draw()
    else this.#screen.say(this.#table(null))
  }
}
