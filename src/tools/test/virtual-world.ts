/**
 * The engine of production in a world without wires: virtual time, brokers in memory, a log and channels that only
 * record.
 * Everything between two moments of virtual time runs to its end before time goes on.
 */
import { isDeepStrictEqual } from 'node:util'
import type { AlertState } from '../../core/alerts/alert-state.ts'
import type { Matcher } from '../../core/alerts/definition.ts'
import type { Answer } from '../../core/alerts/events.ts'
import type { GroupState } from '../../core/alerts/group-state.ts'
import { alertView } from '../../core/alerts/publish-alert.ts'
import { type SilencesState, silencesSliceId } from '../../core/alerts/silences.ts'
import { type CommandsData, commandsSliceId } from '../../core/commands/command-state.ts'
import { withId } from '../../core/commands/id-place.ts'
import type { LogEffect } from '../../core/effect.ts'
import type { Event } from '../../core/event.ts'
import { keepLinkName } from '../../core/link.ts'
import type { MessageProperties, OutboundMessage } from '../../core/message.ts'
import type { DeadLetter, Decision, Notice, Transition } from '../../core/outcome.ts'
import { payloadBytes } from '../../core/payload-bytes.ts'
import type { Program } from '../../core/program.ts'
import { keyRecord } from '../../core/rules/key.ts'
import type { Phase, RuleState } from '../../core/rules/rule-state.ts'
import { sliceId, sliceIdParts } from '../../core/state.ts'
import { Engine, type EngineBroker, type EngineOptions } from '../../engine/engine.ts'
import type { Observer, Trouble } from '../../ports/observer.ts'
import type { Store } from '../../ports/store.ts'
import { RecordedBroker } from './recorded-broker.ts'
import { type Reach, RecordedChannels, type Told } from './recorded-channels.ts'
import { ClockView, VirtualClock } from './virtual-clock.ts'

export interface WorldOptions {
  readonly program: Program
  /** Names of the configured brokers; the first is meant where none is named. */
  readonly brokers: readonly string[]
  readonly store: Store
  /** Wall clock at the start, ms since the epoch. */
  readonly startMs: number
  /** How people are reached; nobody is unless given. */
  readonly reach?: Reach
  /** What the engine does beside; nothing of it unless given. */
  readonly engine?: Pick<EngineOptions, 'watch' | 'outsideHeartbeat'> & { readonly heartbeatMs?: number }
}

/** A message that a test sends, on the broker of that name. */
export interface SentMessage {
  readonly broker?: string | undefined
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos?: 0 | 1 | undefined
  readonly retain?: boolean | undefined
  readonly properties?: MessageProperties | undefined
}

export interface Published {
  readonly broker: string
  readonly message: OutboundMessage
}

/** Where one key of a rule stands; inactive ones are not listed. */
export interface KeyState {
  readonly rule: string
  readonly key: Readonly<Record<string, string>>
  readonly state: Phase
  readonly episode: number
  readonly isAlert: boolean
}

/** One open alert as it stands. */
export interface OpenAlert {
  readonly rule: string
  readonly key: Readonly<Record<string, string>>
  readonly state: Phase
  readonly episode: number
  readonly severity: string
  readonly summary: string
  readonly description: string | null
  readonly labels: Readonly<Record<string, string>>
  /** Who has acknowledged it. */
  readonly acked: string | null
  readonly silenced: boolean
  readonly inhibited: boolean
  readonly flapping: boolean
}

export interface Decided {
  readonly topic: string
  readonly payload: Uint8Array
  readonly decisions: readonly Decision[]
}

/** What happened since it was last asked for. */
export interface Happened {
  /** What reached a broker, by the action that it comes from. */
  readonly publish: Published[]
  readonly respond: Published[]
  readonly forward: Published[]
  readonly command: Published[]
  readonly log: LogEffect[]
  readonly notify: Told[]
  readonly transitions: Transition[]
  readonly deadLetters: DeadLetter[]
  readonly notices: Notice[]
  readonly refused: { readonly what: string; readonly message: string }[]
  readonly troubles: Trouble[]
  /** Attempts to tell somebody that failed, in words. */
  readonly unsent: string[]
  readonly decided: Decided[]
}

/** More timers than this in one leap of time, and the test is taken to run for ever. */
export const timerLimit = 1_000_000

/** A test that cannot go on, in words for its author. */
export class WorldFailure extends Error {}

export class VirtualWorld {
  readonly #options: WorldOptions
  readonly #clock: VirtualClock
  readonly #brokers = new Map<string, RecordedBroker>()
  #view: ClockView
  #engine: Engine
  #program: Program
  /** Wall clock minus virtual time, ms: what the test's clock jumps add up to. */
  #wallOffsetMs = 0
  #happened = nothing()
  readonly channels: RecordedChannels

  constructor(options: WorldOptions) {
    this.#options = options
    this.#program = options.program
    this.#clock = new VirtualClock(options.startMs)
    for (const name of options.brokers) {
      this.#brokers.set(name, new RecordedBroker(name, () => this.#view.now()))
    }
    this.channels = new RecordedChannels(options.reach ?? { channels: [], target: () => null }, {
      told: (told) => void this.#happened.notify.push(told),
      failed: (message) => void this.#happened.unsent.push(message),
    })
    this.#view = new ClockView(this.#clock, 0)
    this.#engine = this.#newEngine()
  }

  get engine(): Engine {
    return this.#engine
  }

  /** Virtual time since the start, ms. */
  get elapsedMs(): number {
    return this.#clock.now() - this.#options.startMs
  }

  get store(): Store {
    return this.#options.store
  }

  broker(name?: string): RecordedBroker {
    const broker = name === undefined ? this.#brokers.values().next().value : this.#brokers.get(name)
    if (broker === undefined) throw new Error(`no broker is named ${name}`)
    return broker
  }

  async start(): Promise<void> {
    const failure = await this.#engine.start()
    if (failure !== null) throw new WorldFailure(failure.message)
    await this.settle()
  }

  /** Lets time pass to a moment since the start; the timers on the way run, those due at that moment too. */
  async advanceTo(elapsedMs: number): Promise<void> {
    const atMs = this.#options.startMs + elapsedMs
    for (let timers = 0; ; timers++) {
      const next = this.#clock.nextMs
      if (next === null || next > atMs) break
      if (timers >= timerLimit) {
        const most = timerLimit.toLocaleString('en')
        throw new WorldFailure(`more than ${most} timers ran within one step; let it span less time`)
      }
      this.#clock.runNext()
      await this.settle()
    }
    this.#clock.moveTo(atMs)
  }

  async advance(ms: number): Promise<void> {
    await this.advanceTo(this.elapsedMs + ms)
  }

  /** Some client publishes. */
  async send(message: SentMessage): Promise<void> {
    const { broker, qos = 1, retain = false } = message
    this.broker(broker).receive({ ...message, qos, retain })
    await this.settle()
  }

  /** A device acknowledges the command that has waited longest on a topic. False when none waits there. */
  async acknowledge(topic: string, payload: unknown, broker = this.broker().name): Promise<boolean> {
    const id = commandsSliceId(broker, topic)
    const loaded = await this.#options.store.load([id])
    if (!loaded.ok) throw new WorldFailure(loaded.failure.message)
    const [oldest] = (loaded.value.get(id)?.data as CommandsData | undefined)?.pending ?? []
    if (oldest === undefined) return false
    const { idAt } = oldest
    const isField = idAt !== null && idAt !== 'correlation_data'
    const content = isField ? (withId(payload ?? {}, idAt, oldest.id) ?? payload) : (payload ?? '')
    await this.send({
      broker,
      topic,
      payload: payloadBytes(content),
      ...(idAt === 'correlation_data' ? { properties: { correlationData: Buffer.from(oldest.id) } } : {}),
    })
    return true
  }

  async setLink(up: boolean, broker?: string): Promise<void> {
    for (const [name, one] of this.#brokers) {
      if (broker === undefined || name === broker || name === keepLinkName(broker)) one.setLink(up)
    }
    await this.settle()
  }

  /** The wall clock of the machine is set to another time; virtual time goes on as before. */
  async jumpClock(byMs: number): Promise<void> {
    this.#wallOffsetMs += byMs
    this.#engine.beat()
    await this.settle()
  }

  /** The process dies without a word; another takes over the same store `afterMs` later, maybe with other rules. */
  async restart(afterMs = 0, program = this.#program): Promise<void> {
    this.#engine.beat()
    await this.settle()
    this.#view.end()
    for (const broker of this.#brokers.values()) broker.abandon()
    await this.advance(afterMs)
    this.#program = program
    this.#view = new ClockView(this.#clock, this.#wallOffsetMs)
    this.#engine = this.#newEngine()
    await this.start()
  }

  /** The rules were edited. */
  async reload(program: Program): Promise<void> {
    this.#program = program
    await this.#engine.reload(program)
    await this.settle()
  }

  /** A key is no longer watched. False when nothing was known of it. */
  async forget(rule: string, key: readonly string[]): Promise<boolean> {
    const names = this.#program.rule(rule)?.key.names ?? []
    const parts = Object.fromEntries(names.map((name, index) => [name, key[index] ?? '']))
    const asked = await this.#engine.control.forget(rule, parts)
    await this.settle()
    return asked.ok && asked.value.forgotten
  }

  /** Somebody acts on alerts; null when the configuration has no alerting. */
  async ask(event: Event): Promise<Answer | null> {
    const answer = await this.#engine.notifying.ask(event)
    await this.settle()
    return answer
  }

  /** What happened since this was last asked. */
  take(): Happened {
    const happened = this.#happened
    this.#happened = nothing()
    return happened
  }

  /** All keys of all rules that are not inactive, in the order of rules and keys. */
  async states(): Promise<KeyState[]> {
    const states: KeyState[] = []
    for (const rule of this.#program.rules) {
      if (rule.kind === 'each') continue
      for (const { id, data } of await this.#slices(sliceId('rule', rule.id))) {
        const { phase, key, episode } = data as RuleState
        const shape = sliceIdParts(id)[2]
        if (phase === 'inactive' || shape !== rule.keyShape.toString(36)) continue
        states.push({
          rule: rule.id,
          key: keyRecord(rule.key.names, key),
          state: phase,
          episode,
          isAlert: rule.alert !== null,
        })
      }
    }
    return states
  }

  /** All alerts that are open, in the order of rules and keys. */
  async alerts(): Promise<OpenAlert[]> {
    const rules = new Map((await this.states()).map((state) => [alertId(state), state]))
    const groups = new Map<string, GroupState>()
    for (const { id, data } of await this.#slices('group')) groups.set(id, data as GroupState)
    const alerts: OpenAlert[] = []
    for (const { data } of await this.#slices('alert')) {
      const alert = data as AlertState
      if (alert.state === 'resolved') continue
      const rule = rules.get(alertId(alert))
      const { rule: id, key, severity, summary, description, labels } = alert
      const group = alert.group === null ? null : (groups.get(alert.group) ?? null)
      const { ack } = alertView(alert, group)
      alerts.push({
        rule: id,
        key,
        // Its rule says whether it is about to resolve.
        state: alert.state === 'firing' && rule?.state === 'clearing' ? 'clearing' : alert.state,
        episode: rule?.episode ?? 0,
        severity,
        summary,
        description,
        labels,
        acked: typeof ack === 'object' && ack !== null && 'by' in ack ? String(ack.by) : null,
        silenced: alert.silence !== null,
        inhibited: alert.inhibitedBy !== null,
        flapping: alert.flappingUntilMs !== null,
      })
    }
    return alerts
  }

  /** Ids of the silences that last and have exactly this matcher. */
  async silences(matcher: Matcher): Promise<string[]> {
    const loaded = await this.#options.store.load([silencesSliceId])
    if (!loaded.ok) throw new WorldFailure(loaded.failure.message)
    const state = loaded.value.get(silencesSliceId)?.data as SilencesState | undefined
    const silences = (state?.list ?? []).filter((one) => isDeepStrictEqual(one.matcher, matcher))
    return silences.map(({ id }) => id)
  }

  /** Slices with that id or below it. */
  async #slices(id: string): Promise<{ id: string; data: unknown }[]> {
    const found: { id: string; data: unknown }[] = []
    for (let after: string | null = null; ; ) {
      const page = await this.#options.store.scan(`${id}/`, after, 1_000)
      if (!page.ok) throw new WorldFailure(page.failure.message)
      if (page.value.length === 0) return found
      found.push(...page.value)
      after = page.value.at(-1)?.id ?? null
    }
  }

  /** Lets everything run that needs no more time. */
  async settle(): Promise<void> {
    // Nothing here waits for anything but promises, so that all has run when the event loop comes round.
    await new Promise<void>((resolve) => setImmediate(resolve))
    for (const broker of this.#brokers.values()) {
      const topic = broker.settled()
      if (topic !== null) {
        throw new WorldFailure(
          `rules feed each other without end: what they publish, lately to ${topic}, makes them publish again`,
        )
      }
    }
    const looped = this.#happened.notices.find(({ kind }) => kind === 'looped')
    if (looped !== undefined) throw new WorldFailure(`rules feed each other without end: ${looped.message}`)
  }

  #newEngine(): Engine {
    return new Engine({
      program: this.#program,
      brokers: this.#options.brokers.map((name) => ({
        ...connected(this.broker(name)),
        makeKeeper: () => connected(this.#keeper(name)),
      })),
      store: this.#options.store,
      clock: this.#view,
      wallNow: () => this.#clock.now() + this.#wallOffsetMs,
      log: {
        name: 'log',
        ready: () => true,
        deliver: async (effect) => {
          if (effect.kind === 'log') this.#happened.log.push(effect)
          return { ok: true }
        },
      },
      observer: this.#observer(),
      outreach: this.channels.connect(this.#view),
      heartbeatMs: null,
      ...this.#options.engine,
    })
  }

  /** The session at that broker which shows RETAIN as it was published. */
  #keeper(name: string): RecordedBroker {
    const link = keepLinkName(name)
    const keeper = this.#brokers.get(link) ?? this.broker(name).session(link)
    this.#brokers.set(link, keeper)
    return keeper
  }

  #observer(): Observer {
    return {
      watchesDecisions: true,
      decided: ({ topic, payload }, decisions) => {
        this.#happened.decided.push({ topic, payload, decisions })
        if (this.#happened.decided.length > keptDecisions) this.#happened.decided.shift()
      },
      transition: (transition) => void this.#happened.transitions.push(transition),
      notice: (notice) => void this.#happened.notices.push(notice),
      deadLetter: (letter) => void this.#happened.deadLetters.push(letter),
      refused: (effect, message) => {
        const what = effect.kind === 'publish' ? effect.message.topic : effect.file
        this.#happened.refused.push({ what, message })
      },
      trouble: (trouble) => void this.#happened.troubles.push(trouble),
      carriedOut: (effect) => {
        // Tocsin's own topics are told as what they say: the alerts.
        if (effect.kind !== 'publish' || effect.message.topic.startsWith('tocsin/')) return
        const { broker, message, via } = effect
        this.#happened[via?.kind ?? 'publish'].push({ broker, message })
      },
      link: () => {},
      subscribed: () => {},
      kept: () => {},
    }
  }
}

/** The latest messages whose decisions are kept, as a hint when a test fails. */
const keptDecisions = 20

function alertId({ rule, key }: Pick<KeyState, 'rule' | 'key'>): string {
  return sliceId(rule, ...Object.values(key))
}

function connected(broker: RecordedBroker): EngineBroker {
  return { broker, clientId: `tocsin-${broker.name}` }
}

function nothing(): Happened {
  return {
    publish: [],
    respond: [],
    forward: [],
    command: [],
    log: [],
    notify: [],
    transitions: [],
    deadLetters: [],
    notices: [],
    refused: [],
    troubles: [],
    unsent: [],
    decided: [],
  }
}
