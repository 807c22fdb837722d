/**
 * Runs one scenario: engines that start, die and start again over brokers and a disk that outlive them, on virtual
 * time. Everything the engine asks of the world is answered by an event of its own, so that between any two of
 * them the process can die, a link can be cut or the disk can fail.
 */
import type { Effect } from '../../src/core/effect.ts'
import type { Transition } from '../../src/core/outcome.ts'
import { makeProgram, type Program } from '../../src/core/program.ts'
import type { CompiledRule } from '../../src/core/rules/compiled-rule.ts'
import { decoders } from '../../src/decoders/index.ts'
import { Engine } from '../../src/engine/engine.ts'
import type { Delivered } from '../../src/engine/outgoing-line.ts'
import type { Broker } from '../../src/ports/broker.ts'
import { defaultDecodeLimits } from '../../src/ports/decoder.ts'
import type { Observer } from '../../src/ports/observer.ts'
import type { Slice, Store } from '../../src/ports/store.ts'
import { createMemoryStore } from '../../src/stores/memory/memory-store.ts'
import { ClockView, VirtualClock } from '../../src/tools/test/virtual-clock.ts'
import { compileRules, type RuleParts } from '../support/rules.ts'
import { Random } from './random.ts'
import type { BrokerName, Happening, Scenario } from './scenario.ts'
import { type Life, SimulatedBroker } from './simulated-broker.ts'
import { type Disk, SimulatedStore } from './simulated-store.ts'

/** How a world may differ from the sound one: for stores on a real disk, and for parts that lie. */
export interface Surroundings {
  /** Makes the store that survives; `reopen` is called when a process has ended. */
  readonly disk?: () => Promise<{ store: Store; reopen(): Promise<Store>; close(): Promise<void> }>
  readonly wrapStore?: (store: Store) => Store
  readonly wrapBroker?: (broker: Broker) => Broker
  /** Told of everything that happens, in words. */
  readonly tell?: (line: string) => void
}

export interface Output {
  /** The broker or the log that it reached. */
  readonly where: string
  readonly topic: string
  readonly text: string
  readonly atMs: number
}

/** When the engine told of it, and how many messages it had told of by then. */
export interface Told {
  readonly toldMs: number
  readonly heard: number
}

export interface Heard {
  readonly topic: string
  readonly atMs: number
}

/** What could be seen from outside, and what was left. Times are ms since the start. */
export interface Run {
  readonly outputs: readonly Output[]
  /** Texts of the device messages of which the broker received the acknowledgement. */
  readonly acknowledged: ReadonlySet<string>
  /** Moments after which a copy may be excused. */
  readonly incidents: readonly number[]
  readonly transitions: readonly (Transition & Told)[]
  readonly heard: readonly Heard[]
  /** From when to when the engine was up with its link to the default broker. */
  readonly online: readonly { readonly fromMs: number; toMs: number }[]
  /** What was wrong in itself, whatever the scenario. */
  readonly faults: readonly string[]
  readonly slices: readonly Slice[]
  readonly audit: readonly unknown[]
  readonly deadLetters: readonly string[]
  readonly touches: number
}

const startMs = Date.UTC(2026, 10, 22)
/** After the last fault everything must come to rest within this time. */
const restMs = 75_000
const heartbeatMs = 5_000
const stopLimitMs = 2_000
/** More events than this, and the engine is taken to run in circles. */
const eventLimit = 200_000

const decode = new Map(
  decoders.map((decoder) => {
    const prepared = decoder.prepare(defaultDecodeLimits)
    if (!prepared.ok) throw new Error(`no decoder ${decoder.name}`)
    return [decoder.name, prepared.value] as const
  }),
)
const compiled = new Map<string, CompiledRule>()

function programOf(parts: readonly RuleParts[]): Program {
  // Compiling is slow beside a simulation, and most rules come again under other seeds.
  const rules = parts.map((part, order) => {
    const key = `${order} ${JSON.stringify(part)}`
    const known = compiled.get(key)
    if (known !== undefined) return known
    const [rule] = compileRules([part])
    if (rule === undefined) throw new Error('no rule')
    const placed = { ...rule, order }
    compiled.set(key, placed)
    return placed
  })
  return makeProgram(rules, decode)
}

export async function run(scenario: Scenario, surroundings: Surroundings = {}): Promise<Run> {
  const world = new World(scenario, surroundings)
  return await world.run()
}

interface Process {
  readonly life: Life
  readonly engine: Engine
  readonly view: ClockView
  readonly store: SimulatedStore
}

class World {
  readonly #scenario: Scenario
  readonly #surroundings: Surroundings
  readonly #clock = new VirtualClock(startMs)
  readonly #brokers: Record<BrokerName, SimulatedBroker>
  readonly #random: Random
  readonly #byTouch = new Map<number, Happening[]>()
  readonly #outputs: Output[] = []
  readonly #acknowledged = new Set<string>()
  readonly #incidents: number[] = []
  readonly #transitions: (Transition & Told)[] = []
  readonly #heard: Heard[] = []
  readonly #online: { fromMs: number; toMs: number }[] = []
  readonly #faults: string[] = []
  #disk: Disk = { store: createMemoryStore(), trouble: null, ghost: null }
  #reopen: () => Promise<Store> = async () => this.#disk.store
  #closeDisk: () => Promise<void> = async () => {}
  #process: Process | null = null
  #guests: readonly number[] = []
  #wallOffsetMs = 0
  #logIsBroken = false
  #touches = 0
  #due: Happening[] = []
  #settled = false
  #calm = false

  constructor(scenario: Scenario, surroundings: Surroundings) {
    this.#scenario = scenario
    this.#surroundings = surroundings
    this.#random = new Random(scenario.seed, 1)
    const broker = (name: BrokerName, stream: number) =>
      new SimulatedBroker(name, this.#clock, new Random(scenario.seed, stream), scenario.brokers[name], {
        touched: () => this.#touch(),
        took: (topic, text) => this.#outputs.push({ where: name, topic, text, atMs: this.#nowMs }),
        acknowledged: (message) => {
          this.#tell(`${name}: ${message.topic} ${message.payload} is acknowledged`)
          this.#acknowledged.add(message.payload)
        },
        violated: (what) => this.#faults.push(what),
        troubled: () => this.#incidents.push(this.#nowMs),
        tell: (what) => this.#tell(what),
      })
    this.#brokers = { default: broker('default', 2), cloud: broker('cloud', 3) }
    for (const happening of scenario.happenings) {
      if (happening.touch === undefined) continue
      const same = this.#byTouch.get(happening.touch)
      if (same === undefined) this.#byTouch.set(happening.touch, [happening])
      else same.push(happening)
    }
  }

  get #nowMs(): number {
    return this.#clock.now() - startMs
  }

  async run(): Promise<Run> {
    const rejected = (reason: unknown) => {
      this.#faults.push(`unhandled: ${reason instanceof Error ? reason.stack : String(reason)}`)
    }
    process.on('unhandledRejection', rejected)
    try {
      await this.#open()
      this.#begin()
      // Devices speak when the first subscriptions stand: what is said before nobody has promised anything for.
      for (const happening of this.#scenario.happenings) {
        const { atMs } = happening
        if (atMs !== undefined)
          this.#clock.setTimer(startMs + settleMs + atMs, () => void this.#due.push(happening))
      }
      this.#clock.setTimer(startMs + settleMs, () => {
        this.#settled = true
      })
      this.#clock.setTimer(startMs + settleMs + this.#scenario.calmMs, () => this.#beCalm())
      await this.#runUntil(startMs + settleMs + this.#scenario.calmMs + restMs)
      return await this.#result()
    } finally {
      process.off('unhandledRejection', rejected)
      await this.#closeDisk()
    }
  }

  async #open(): Promise<void> {
    const made = await this.#surroundings.disk?.()
    if (made !== undefined) {
      this.#disk = { store: made.store, trouble: null, ghost: null }
      this.#reopen = made.reopen
      this.#closeDisk = made.close
    }
    await this.#disk.store.open()
  }

  async #runUntil(endMs: number): Promise<void> {
    await settle()
    for (let events = 0; ; events++) {
      for (let next = this.#due.shift(); next !== undefined; next = this.#due.shift()) {
        await this.#happen(next)
        await settle()
      }
      const { nextMs } = this.#clock
      if (nextMs === null || nextMs > endMs) return
      if (events > eventLimit) {
        this.#faults.push(`more than ${eventLimit} events: it runs in circles`)
        return
      }
      this.#clock.runNext()
      await settle()
    }
  }

  #touch(): void {
    if (!this.#settled) return
    this.#touches++
    if (this.#calm || this.#byTouch.size === 0) return
    this.#due.push(...(this.#byTouch.get(this.#touches) ?? []))
  }

  #tell(what: string): void {
    this.#surroundings.tell?.(`${String(this.#nowMs).padStart(7)}  ${what}`)
  }

  // ---- what happens

  async #happen(happening: Happening): Promise<void> {
    if (happening.kind === 'send') {
      this.#tell(`device: ${happening.message.topic} ${happening.message.payload}`)
      this.#brokers[happening.broker].publish(happening.message)
      return
    }
    if (this.#calm) return
    this.#tell(`fault: ${JSON.stringify(happening)}`)
    const later = (forMs: number, run: () => void) => this.#clock.setTimer(this.#clock.now() + forMs, run)
    switch (happening.kind) {
      case 'crash':
        await this.#crash(happening.downMs)
        return
      case 'stop':
        await this.#stop(happening.downMs)
        return
      case 'cut':
        this.#incident()
        this.#brokers[happening.broker].cut(happening.link)
        return
      case 'away':
        this.#incident()
        this.#brokers[happening.broker].setReachable(false)
        later(happening.forMs, () => this.#brokers[happening.broker].setReachable(true))
        return
      case 'forget':
        this.#incident()
        this.#brokers[happening.broker].forgetSession()
        return
      case 'disk':
        this.#disk.trouble = happening.trouble
        later(happening.forMs, () => {
          this.#disk.trouble = null
        })
        return
      case 'log':
        this.#incident()
        this.#logIsBroken = true
        later(happening.forMs, () => {
          this.#logIsBroken = false
        })
        return
      case 'reload':
        this.#guests = happening.guests
        this.#process?.engine.reload(this.#program()).catch((error: unknown) => {
          this.#faults.push(`reload: ${String(error)}`)
        })
        return
      case 'jump':
        this.#wallOffsetMs += happening.byMs
        return
    }
  }

  #incident(): void {
    this.#incidents.push(this.#nowMs)
  }

  #beCalm(): void {
    this.#tell('from here on everything works')
    this.#calm = true
    for (const broker of Object.values(this.#brokers)) broker.calm()
    this.#disk.trouble = null
    this.#logIsBroken = false
  }

  // ---- the process

  #program(): Program {
    const { rules, guests } = this.#scenario
    return programOf([
      ...rules.map(({ parts }) => parts),
      ...this.#guests.flatMap((index) => guests[index] ?? []),
    ])
  }

  #begin(): void {
    const life: Life = { alive: true }
    const view = new ClockView(this.#clock, this.#wallOffsetMs)
    const { store: habits, seed } = this.#scenario
    const random = new Random(seed, 100 + this.#incidents.length)
    const store = new SimulatedStore(this.#disk, life, this.#clock, random, habits, () => this.#touch())
    const { wrapStore, wrapBroker } = this.#surroundings
    const wrap = wrapBroker ?? ((broker) => broker)
    const engine = new Engine({
      program: this.#program(),
      brokers: Object.values(this.#brokers).map((broker) => ({
        broker: wrap(broker.port(life, () => view.now())),
        clientId: `tocsin-${broker.name}`,
      })),
      store: wrapStore?.(store) ?? store,
      clock: view,
      wallNow: () => this.#clock.now() + this.#wallOffsetMs,
      log: { name: 'log', ready: () => true, deliver: (effect) => this.#log(life, effect) },
      observer: this.#observer(life),
      heartbeatMs,
    })
    const begun = { life, engine, view, store }
    this.#process = begun
    this.#tell('the engine starts')
    engine.start().then(
      (failure) => {
        if (failure !== null && life.alive) {
          this.#tell(`the engine does not start: ${failure.message}`)
          void this.#end(begun, 100)
        }
      },
      (error: unknown) => this.#faults.push(`start: ${error instanceof Error ? error.stack : String(error)}`),
    )
  }

  async #crash(downMs: number): Promise<void> {
    const dying = this.#process
    if (dying === null) return
    this.#incident()
    await this.#end(dying, downMs)
  }

  async #end(dying: Process, downMs: number): Promise<void> {
    if (!dying.life.alive) return
    this.#tell('the engine is gone')
    dying.life.alive = false
    this.#process = null
    this.#offline()
    dying.view.end()
    for (const broker of Object.values(this.#brokers)) broker.abandon()
    await dying.store.die()
    this.#disk.store = await this.#reopen()
    this.#clock.setTimer(this.#clock.now() + downMs, () => this.#begin())
  }

  async #stop(downMs: number): Promise<void> {
    const stopping = this.#process
    if (stopping === null) return
    // What is not acknowledged when the limit is reached comes again.
    this.#incident()
    stopping.engine.stop(stopLimitMs).then(
      () => void this.#end(stopping, downMs),
      (error: unknown) => this.#faults.push(`stop: ${String(error)}`),
    )
  }

  #log(life: Life, effect: Effect): Promise<Delivered> {
    this.#touch()
    return new Promise((resolve) => {
      const later = (run: () => void) =>
        this.#clock.setTimer(this.#clock.now() + this.#random.whole(0, 3), () => {
          if (life.alive) run()
        })
      later(() => {
        if (this.#logIsBroken) resolve({ ok: false, kind: 'temporary', message: 'The disk is full.' })
        else {
          if (effect.kind === 'log') {
            const text = JSON.stringify(effect.values)
            this.#tell(`log: ${effect.file} ${text}`)
            this.#outputs.push({ where: 'log', topic: effect.file, text, atMs: this.#nowMs })
          }
          later(() => resolve({ ok: true }))
        }
      })
    })
  }

  #offline(): void {
    const last = this.#online.at(-1)
    if (last !== undefined && last.toMs === Number.POSITIVE_INFINITY) last.toMs = this.#nowMs
  }

  #observer(life: Life): Observer {
    const tells = this.#surroundings.tell !== undefined
    return {
      watchesDecisions: true,
      decided: ({ topic, payload }, decisions) => {
        // A redelivery of what was done already meets no rule.
        if (decisions.length > 0) this.#heard.push({ topic, atMs: this.#nowMs })
        if (!tells) return
        const verdicts = decisions.map(({ rule, verdict }) => `${rule} ${verdict}`).join(', ')
        this.#tell(`engine: ${topic} ${Buffer.from(payload).toString()}: ${verdicts}`)
      },
      transition: (transition) => {
        this.#transitions.push({ ...transition, toldMs: this.#nowMs, heard: this.#heard.length })
        const { rule, key, from, to, episode } = transition
        if (tells) this.#tell(`engine: ${rule} ${JSON.stringify(key)} ${from} → ${to} (${episode})`)
      },
      link: (broker, { state }) => {
        if (broker !== 'default' || !life.alive) return
        if (state === 'online') this.#online.push({ fromMs: this.#nowMs, toMs: Number.POSITIVE_INFINITY })
        else this.#offline()
        this.#tell(`engine: the link is ${state}`)
      },
      trouble: ({ message }) => this.#tell(`engine: ${message}`),
      refused: (effect, message) => this.#faults.push(`refused ${JSON.stringify(effect)}: ${message}`),
      notice: ({ kind, rule, message }) => {
        if (kind === 'rule-failed') this.#faults.push(`rule ${rule} failed: ${message}`)
      },
      deadLetter: () => {},
      carriedOut: () => {},
      subscribed: () => {},
      kept: () => {},
    }
  }

  // ---- afterwards

  async #result(): Promise<Run> {
    const { engine } = this.#process ?? {}
    if (engine === undefined) this.#faults.push('no engine runs')
    else {
      const { events, outgoing } = engine.backlog()
      if (events > 0) this.#faults.push(`${events} events still wait`)
      for (const [line, rows] of Object.entries(outgoing)) {
        if (rows !== 0) this.#faults.push(`${line} believes that ${rows} rows wait`)
      }
    }
    const { store } = this.#disk
    const sizes = await store.outboxSizes()
    if (!sizes.ok) this.#faults.push('the outbox cannot be read')
    else for (const [line, rows] of sizes.value) if (rows > 0) this.#faults.push(`${line} keeps ${rows} rows`)
    for (const broker of Object.values(this.#brokers)) {
      if (broker.held > 0) this.#faults.push(`${broker.name} still holds ${broker.held} messages`)
    }
    const slices = await allSlices(store)
    for (const name of ['default', 'cloud'] as const) {
      const marks = slices.filter(({ id }) => id.startsWith(`mark/${name}/`)).length
      const { lastPacketId } = this.#scenario.brokers[name]
      if (marks > lastPacketId) this.#faults.push(`${marks} marks for ${lastPacketId} packet identifiers`)
    }
    const audit = await store.journal('audit', { limit: 10_000 })
    const letters = await store.journal('dead-letter', { limit: 10_000 })
    return {
      outputs: this.#outputs,
      acknowledged: this.#acknowledged,
      incidents: this.#incidents,
      transitions: this.#transitions,
      heard: this.#heard,
      online: this.#online,
      faults: this.#faults,
      slices,
      audit: audit.ok ? audit.value.map(({ data }) => data) : [],
      deadLetters: letters.ok ? letters.value.map(({ data }) => textOfLetter(data)) : [],
      touches: this.#touches,
    }
  }
}

/** Time for the first start and the first subscriptions, ms. */
export const settleMs = 2_000

function textOfLetter(data: unknown): string {
  const { payload } = data as { payload: Uint8Array }
  return Buffer.from(payload).toString()
}

async function allSlices(store: Store): Promise<Slice[]> {
  const found: Slice[] = []
  for (let after: string | null = null; ; ) {
    const page = await store.scan('', after, 1_000)
    if (!page.ok || page.value.length === 0) return found
    found.push(...page.value)
    after = page.value.at(-1)?.id ?? null
  }
}

/** Everything waits for nothing but promises and virtual time: when the event loop comes round, all has run. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
