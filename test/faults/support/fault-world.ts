/**
 * The engine with real channels over real sockets, on virtual time: days of a dead mail server pass in seconds. What
 * is asked of the network takes real time, during which virtual time stands.
 */
import { actions } from '../../../src/actions/index.ts'
import { channels } from '../../../src/channels/index.ts'
import { Addresses, alertingDefinition, connectChannels } from '../../../src/cli/alerting.ts'
import { problemReport } from '../../../src/cli/problem-report.ts'
import { programOf } from '../../../src/cli/service.ts'
import type { Configuration } from '../../../src/config/configuration.ts'
import { loadConfiguration } from '../../../src/config/load.ts'
import type { DeliveryState } from '../../../src/core/deliveries/delivery-state.ts'
import type { OutboundMessage } from '../../../src/core/message.ts'
import { decoders } from '../../../src/decoders/index.ts'
import { Engine } from '../../../src/engine/engine.ts'
import type { PublishOutcome } from '../../../src/ports/broker.ts'
import type { Observer } from '../../../src/ports/observer.ts'
import type { Store } from '../../../src/ports/store.ts'
import { RecordedBroker } from '../../../src/tools/test/recorded-broker.ts'
import { ClockView, VirtualClock } from '../../../src/tools/test/virtual-clock.ts'
import { makeDirectory } from '../../support/tocsin.ts'
import { MortalStore } from './mortal-store.ts'

export const second = 1_000
export const minute = 60_000
export const hour = 3_600_000

export interface FaultWorldOptions {
  /** As in a file; without `brokers` and `storage`. */
  readonly yaml: string
  readonly store: Store
}

export class FaultWorld {
  readonly clock: VirtualClock
  readonly startMs: number
  /** Of each kind how many. */
  readonly notices: Record<string, number> = {}
  /** An attempt that takes longer than this is not waited for: time goes on meanwhile. Real ms. */
  patienceMs = 10_000
  readonly #options: FaultWorldOptions
  readonly #configuration: Configuration
  #view: ClockView
  #store: MortalStore
  readonly #broker: ForgetfulBroker
  #engine: Engine
  #close: () => Promise<unknown> = async () => {}

  private constructor(options: FaultWorldOptions) {
    this.#options = options
    this.#configuration = configurationOf(options.yaml)
    // Twilio's stand-in dates its messages by the real clock: the virtual one begins there.
    this.startMs = Date.now()
    this.clock = new VirtualClock(this.startMs)
    this.#view = new ClockView(this.clock, 0)
    this.#store = new MortalStore(options.store)
    this.#broker = new ForgetfulBroker(
      'default',
      () => this.#view.now(),
      () => {},
    )
    this.#engine = this.#newEngine()
  }

  static async open(options: FaultWorldOptions): Promise<FaultWorld> {
    const world = new FaultWorld(options)
    await world.#begin()
    return world
  }

  get elapsedMs(): number {
    return this.clock.now() - this.startMs
  }

  get engine(): Engine {
    return this.#engine
  }

  /** Readings of devices, all of one moment. */
  async reads(temperatures: Readonly<Record<string, number>>): Promise<void> {
    for (const [device, temperature] of Object.entries(temperatures)) {
      const payload = Buffer.from(JSON.stringify({ temperature }))
      this.#broker.receive({ topic: `sensors/${device}/data`, payload, qos: 1, retain: false })
    }
    await this.settle()
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.clock.now() + ms
    for (;;) {
      const next = this.clock.nextMs
      if (next === null || next > untilMs) break
      this.clock.runNext()
      await this.settle()
    }
    this.clock.moveTo(untilMs)
  }

  async until(elapsedMs: number): Promise<void> {
    await this.advance(elapsedMs - this.elapsedMs)
  }

  /** The process dies where it stands: nothing more of it reaches the store. Another begins on what is there. */
  async crash(downMs = 0): Promise<void> {
    this.#store.die()
    this.#view.end()
    this.#broker.abandon()
    const close = this.#close
    void close()
    await this.advance(downMs)
    this.#view = new ClockView(this.clock, 0)
    this.#store = new MortalStore(this.#options.store)
    this.#engine = this.#newEngine()
    await this.#begin()
  }

  async end(): Promise<void> {
    await this.#close()
  }

  async deliveries(): Promise<DeliveryState[]> {
    const found: DeliveryState[] = []
    for (let after: string | null = null; ; ) {
      const page = await this.#options.store.scan('delivery/', after, 1_000)
      if (!page.ok) throw new Error(page.failure.message)
      if (page.value.length === 0) return found
      found.push(...page.value.map(({ data }) => data as DeliveryState))
      after = page.value.at(-1)?.id ?? null
    }
  }

  /** Waits for what goes on without more virtual time, but not for the network beyond its patience. */
  async settle(): Promise<void> {
    const endAt = performance.now() + this.patienceMs
    for (let quiet = 0; quiet < 3; ) {
      await this.#engine.idle()
      this.#broker.settled()
      const attempts = Object.values(this.#engine.notifying.load).reduce((sum, count) => sum + count, 0)
      const isBusy = attempts > 0 && performance.now() < endAt
      quiet = isBusy ? 0 : quiet + 1
      await new Promise<void>((resolve) => (isBusy ? setTimeout(resolve, 1) : setImmediate(resolve)))
    }
  }

  async #begin(): Promise<void> {
    const failure = await this.#engine.start()
    if (failure !== null) throw new Error(failure.message)
    await this.settle()
  }

  #newEngine(): Engine {
    const configuration = this.#configuration
    const addresses = new Addresses(configuration, channels)
    const view = this.#view
    const keep = async () => ({ ok: true, value: undefined }) as const
    const connections = connectChannels(configuration, channels, 'written', keep, () => view.now())
    this.#close = () => Promise.all([...connections.values()].map((connection) => connection.close()))
    return new Engine({
      program: programOf(configuration, { decoders }, alertingDefinition(configuration, addresses)),
      brokers: [{ broker: this.#broker, clientId: 'tocsin' }],
      store: this.#store,
      clock: view,
      wallNow: () => view.now(),
      log: { name: 'log', ready: () => true, deliver: async () => ({ ok: true }) },
      observer: this.#observer(),
      outreach: {
        connections,
        target: (receiver, channel, address) => addresses.target(receiver, channel, address),
      },
      publicUrl: configuration.settings.http.publicUrl,
      heartbeatMs: null,
    })
  }

  #count(kind: string): void {
    this.notices[kind] = (this.notices[kind] ?? 0) + 1
  }

  #observer(): Observer {
    return {
      watchesDecisions: false,
      decided: () => {},
      transition: () => {},
      notice: ({ kind }) => this.#count(kind),
      deadLetter: () => {},
      carriedOut: () => {},
      refused: () => {},
      link: () => {},
      subscribed: () => {},
      kept: () => {},
      trouble: ({ kind }) => this.#count(kind),
    }
  }
}

/** Keeps nothing of what is published to it: what grows is the engine's own. */
class ForgetfulBroker extends RecordedBroker {
  override publish(message: OutboundMessage): Promise<PublishOutcome> {
    return super.publish({ ...message, retain: false })
  }
}

function configurationOf(yaml: string): Configuration {
  const directory = makeDirectory({
    'rules.yaml': `brokers: { default: { url: "mqtt://127.0.0.1:1" } }\n${yaml}`,
  })
  const options = { env: {}, actions, decoders, channels, zone: 'UTC' }
  const { configuration, problems } = loadConfiguration(directory.path, options)
  directory.remove()
  if (configuration === null) throw new Error(problemReport(problems, { colour: false }))
  return configuration
}
