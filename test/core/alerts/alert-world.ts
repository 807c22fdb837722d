/**
 * Alerts on virtual time: real rules, the engine's line, a store that outlives restarts, and channels that answer as
 * a test says. Reads as a story: `send`, `advance`, `told`.
 */

import type { AlertState } from '../../../src/core/alerts/alert-state.ts'
import type { AlertingDefinition, ReceiverAddress } from '../../../src/core/alerts/alerting.ts'
import type { InhibitDefinition, PolicyDefinition } from '../../../src/core/alerts/definition.ts'
import type { Answer, Deliver, Recheck } from '../../../src/core/alerts/events.ts'
import { fingerprintOf } from '../../../src/core/alerts/fingerprint.ts'
import type { GroupState } from '../../../src/core/alerts/group-state.ts'
import { compileMatcher } from '../../../src/core/alerts/matcher.ts'
import { type CalendarDefinition, makeCalendar } from '../../../src/core/calendar.ts'
import type { Caps } from '../../../src/core/deliveries/caps.ts'
import type { SendOutcome } from '../../../src/core/deliveries/send-outcome.ts'
import { formatDuration } from '../../../src/core/duration.ts'
import type { Event } from '../../../src/core/event.ts'
import { makeProgram, type Program } from '../../../src/core/program.ts'
import { findZone } from '../../../src/core/zone.ts'
import { decoders } from '../../../src/decoders/index.ts'
import { Counters } from '../../../src/engine/counters.ts'
import { Line } from '../../../src/engine/line.ts'
import { OutgoingLine } from '../../../src/engine/outgoing-line.ts'
import { defaultDecodeLimits } from '../../../src/ports/decoder.ts'
import type { Observer } from '../../../src/ports/observer.ts'
import type { Store } from '../../../src/ports/store.ts'
import { createMemoryStore } from '../../../src/stores/memory/memory-store.ts'
import { ClockView, VirtualClock } from '../../../src/tools/test/virtual-clock.ts'
import { compileRules, type RuleParts } from '../../support/rules.ts'

export const second = 1_000
export const minute = 60_000
export const hour = 3_600_000

export interface WorldOptions {
  readonly rules?: readonly RuleParts[]
  readonly policy?: Partial<PolicyDefinition>
  readonly policies?: readonly PolicyDefinition[]
  readonly inhibits?: readonly InhibitDefinition[]
  /** Receiver → what its addresses have beside the usual. */
  readonly receivers?: Readonly<Record<string, Partial<ReceiverAddress>>>
  readonly calendars?: Readonly<Record<string, CalendarDefinition>>
  readonly smsCaps?: Caps
  readonly startMs?: number
  readonly broker?: string | null
}

/** What the channel says; `lost`: nothing, as when the process dies before it hears. */
export type Channel = (deliver: Deliver) => SendOutcome | 'lost' | 'not made'

export const arrives: SendOutcome = { ok: true, providerId: null, state: 'delivered' }

export function failure(
  kind: 'permanent' | 'temporary' | 'ambiguous',
  reason: Extract<SendOutcome, { ok: false }>['reason'] = 'server-error',
): SendOutcome {
  return { ok: false, kind, reason, message: 'it failed' }
}

export function policyOf(parts: Partial<PolicyDefinition> = {}): PolicyDefinition {
  return {
    name: 'default',
    groupBy: ['rule'],
    groupWaitMs: 0,
    groupIntervalMs: 5 * minute,
    steps: [
      { afterMs: 0, notify: ['email'] },
      { afterMs: 5 * minute, notify: ['sms'] },
      { afterMs: 20 * minute, notify: ['manager'] },
    ],
    repeat: null,
    ackTimeoutMs: null,
    resolved: true,
    mute: [],
    ...parts,
  }
}

export const hot: RuleParts = {
  id: 'hot',
  topic: 's/+device',
  value: 'payload.t',
  when: 'value > 35',
  alert: { severity: 'critical', summary: '{{ device }} is at {{ value }} °C' },
}

const decode = new Map(
  decoders.map((decoder) => {
    const prepared = decoder.prepare(defaultDecodeLimits)
    if (!prepared.ok) throw new Error(`no decoder ${decoder.name}`)
    return [decoder.name, prepared.value] as const
  }),
)

export class AlertWorld {
  readonly clock: VirtualClock
  readonly store: Store = createMemoryStore()
  readonly startMs: number
  channel: Channel = () => arrives
  /** Every attempt. */
  readonly attempts: (Deliver & { atMs: number })[] = []
  readonly notices: string[] = []
  readonly published: { topic: string; payload: string }[] = []
  readonly #options: WorldOptions
  #program: Program
  #view: ClockView
  #line: Line
  #told = 0
  #generation = 0

  constructor(options: WorldOptions = {}) {
    this.#options = options
    this.startMs = options.startMs ?? Date.UTC(2026, 10, 23, 12)
    this.clock = new VirtualClock(this.startMs)
    this.#program = programOf(options)
    this.#view = new ClockView(this.clock, 0)
    this.#line = this.#newLine()
    this.#loopGuard(this.store)
  }

  /** A timer that is due again at once, again and again, would never let the test end. */
  #loopGuard(store: Store): Store {
    const due = store.due.bind(store)
    let atMs = 0
    let turns = 0
    store.due = async (nowMs, limit) => {
      turns = nowMs === atMs ? turns + 1 : 0
      atMs = nowMs
      const found = await due(nowMs, limit)
      if (turns < 5_000 || !found.ok) return found
      this.notices.push(`alert-failed: timers run in circles: ${found.value.slice(0, 5).join(' ')}`)
      return { ok: true, value: [] }
    }
    return store
  }

  static async open(options: WorldOptions = {}): Promise<AlertWorld> {
    const world = new AlertWorld(options)
    await world.#begin()
    return world
  }

  get line(): Line {
    return this.#line
  }

  get elapsedMs(): number {
    return this.clock.now() - this.startMs
  }

  /** Readings: device → temperature, all of one moment. */
  async send(readings: Readonly<Record<string, number | string>>, topic = 's'): Promise<void> {
    await this.push(
      Object.entries(readings).map(([device, t]): Event => {
        const payload = Buffer.from(typeof t === 'string' ? t : JSON.stringify({ t }))
        const message = {
          broker: 'default',
          topic: `${topic}/${device}`,
          payload,
          qos: 1,
          retain: false,
          dup: false,
          packetId: 0,
          receivedAt: this.clock.now(),
          properties: null,
        } as const
        return { type: 'message', message }
      }),
    )
  }

  async push(events: readonly Event[]): Promise<Answer[]> {
    const answers: Answer[] = []
    this.#line.push(events.map((event) => ({ event, answered: (given) => answers.push(...given) })))
    await this.settle()
    return answers
  }

  async ask(event: Event): Promise<Answer> {
    const [answer] = await this.push([event])
    if (answer === undefined) throw new Error('nobody answered')
    return answer
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.clock.now() + ms
    for (let turns = 0; ; turns++) {
      const next = this.clock.nextMs
      if (next === null || next > untilMs) break
      if (turns > 20_000) throw new Error('timers run in circles')
      this.clock.runNext()
      await this.settle()
    }
    this.clock.moveTo(untilMs)
  }

  /** Advances to a moment since the start. */
  async until(elapsedMs: number): Promise<void> {
    await this.advance(elapsedMs - this.elapsedMs)
  }

  /** The process dies, and another begins after a while. */
  async restart(afterMs = 0, options: WorldOptions = this.#options): Promise<void> {
    this.#generation++
    this.#line.holdTimers()
    this.#view.end()
    await this.advance(afterMs)
    this.#program = programOf({ ...this.#options, ...options })
    this.#view = new ClockView(this.clock, 0)
    this.#line = this.#newLine()
    await this.#begin()
  }

  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet++) {
      await this.#line.idle()
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }

  /** What was sent since this was last asked: `time receiver kind: title [number of alerts]`. */
  told(): string[] {
    const since = this.attempts.slice(this.#told)
    this.#told = this.attempts.length
    return since.map(({ atMs, receiver, notification: { kind, title, alerts, more } }) => {
      const count = alerts.length + more
      return `${formatDuration(atMs - this.startMs)} ${receiver} ${kind}: ${title}${count > 1 ? ` [${count}]` : ''}`
    })
  }

  get last(): Deliver['notification'] {
    const last = this.attempts.at(-1)
    if (last === undefined) throw new Error('nothing was sent')
    return last.notification
  }

  async slices<T>(prefix: string): Promise<T[]> {
    const page = await this.store.scan(prefix, null, 1_000_000)
    if (!page.ok) throw new Error(page.failure.message)
    return page.value.map(({ data }) => data as T)
  }

  alerts(): Promise<AlertState[]> {
    return this.slices<AlertState>('alert/')
  }

  async alert(device: string, rule = 'hot'): Promise<AlertState | undefined> {
    const fingerprint = fingerprintOf(rule, [device])
    return (await this.alerts()).find((alert) => alert.fingerprint === fingerprint)
  }

  async group(): Promise<GroupState> {
    const [group] = await this.slices<GroupState>('group/')
    if (group === undefined) throw new Error('there is no group')
    return group
  }

  async audit(): Promise<string[]> {
    const page = await this.store.journal('audit', { limit: 100_000 })
    if (!page.ok) throw new Error(page.failure.message)
    return page.value.reverse().flatMap(({ data }) => {
      const { what } = data as { what?: string }
      return what === undefined ? [] : [what]
    })
  }

  #newLine(): Line {
    const generation = this.#generation
    const counters = new Counters()
    const clock = this.#view
    const target = {
      name: 'broker:default',
      ready: () => true,
      deliver: async (effect: Parameters<OutgoingLine['direct']>[0]) => {
        if (effect.kind === 'publish') {
          const { topic, payload } = effect.message
          this.published.push({ topic, payload: Buffer.from(payload).toString() })
        }
        return { ok: true } as const
      },
    }
    const outgoing = new OutgoingLine(target, this.store, clock, {
      carriedOut: () => {},
      refused: () => {},
      storeFailed: () => {},
      expired: () => {},
      dropped: () => {},
    })
    const observer: Observer = {
      watchesDecisions: false,
      decided: () => {},
      transition: () => {},
      notice: (notice) => this.notices.push(`${notice.kind}: ${notice.message}`),
      deadLetter: () => {},
      carriedOut: () => {},
      refused: () => {},
      link: () => {},
      subscribed: () => {},
      kept: () => {},
      trouble: (trouble) => this.notices.push(`trouble: ${trouble.message}`),
    }
    return new Line(this.#program, {
      store: this.store,
      clock,
      observer,
      counters,
      lineFor: () => outgoing,
      nowMs: () => clock.now(),
      wallOffsetMs: () => 0,
      deliver: (deliver) => {
        if (generation === this.#generation) this.#attempt(deliver, generation)
      },
      recheck: (recheck) => {
        void this.#recheck(recheck)
      },
    })
  }

  #attempt(deliver: Deliver, generation: number): void {
    this.attempts.push({ ...deliver, atMs: this.clock.now() })
    const said = this.channel(deliver)
    if (said === 'lost' || generation !== this.#generation) return
    const { delivery, attempt } = deliver
    const outcome = said === 'not made' ? null : said
    this.#line.push([{ event: { type: 'attempt', delivery, attempt, outcome } }])
  }

  async #recheck({ matcher, group }: Recheck): Promise<void> {
    const compiled = compileMatcher(matcher)
    if (!compiled.ok) throw new Error(compiled.message)
    const page = await this.store.scan('alert/', null, 1_000_000)
    if (!page.ok) return
    const found = page.value.filter(({ data }) => {
      const alert = data as AlertState
      return compiled.value.matches(alert.labels) && (group === undefined || alert.group === group)
    })
    this.#line.push(found.map(({ id }) => ({ event: { type: 'recheck', slice: id } })))
  }

  async #begin(): Promise<void> {
    await this.store.open()
    await this.#line.allowTimers()
    const page = await this.store.scan('alert/', null, 1_000_000)
    if (page.ok) this.#line.push(page.value.map(({ id }) => ({ event: { type: 'recheck', slice: id } })))
    await this.settle()
  }
}

function programOf(options: WorldOptions): Program {
  const zone = (name: string) => {
    const found = findZone(name)
    if (found === null) throw new Error(`no zone ${name}`)
    return found
  }
  const receivers = { email: {}, sms: {}, manager: {}, ...options.receivers }
  const alerting: AlertingDefinition = {
    policies: options.policies ?? [policyOf(options.policy)],
    inhibits: options.inhibits ?? [],
    receivers: new Map(
      Object.entries(receivers).map(([name, parts]): [string, ReceiverAddress[]] => {
        const channel = name === 'email' ? 'email' : 'sms'
        const caps = channel === 'sms' ? (options.smsCaps ?? null) : null
        const usual = { channel, address: name, caps, price: null, confirms: false, keepsStatus: false }
        return [name, [{ ...usual, ...parts }]]
      }),
    ),
    calendars: new Map(
      Object.entries(options.calendars ?? {}).map(([name, one]) => [name, makeCalendar(one, zone(one.zone))]),
    ),
    zone: 'UTC',
    broker: options.broker === undefined ? 'default' : options.broker,
  }
  return makeProgram(compileRules(options.rules ?? [hot]), decode, alerting)
}
