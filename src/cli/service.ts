/** A running Tocsin: the configuration of a directory, its brokers and the engine between them, kept up to date. */
import type { BrokerDefinition, Configuration } from '../config/configuration.ts'
import { type LoadedConfiguration, loadConfiguration } from '../config/load.ts'
import { lintRules } from '../core/lint/lint-rules.ts'
import { type DecodeFunction, makeProgram, type Program } from '../core/program.ts'
import { Engine, type EngineOptions } from '../engine/engine.ts'
import type { LineTarget } from '../engine/outgoing-line.ts'
import type { LogWriter } from '../files/log-writer.ts'
import type { Observer } from '../ports/observer.ts'
import { brokerOptions } from './broker-options.ts'
import type { Parts, Surroundings } from './parts.ts'
import { watchRules } from './watch-rules.ts'

export interface ServiceOptions {
  readonly directory: string
  /** Used under the name `default` when the files name no broker. */
  readonly fallbackBroker?: BrokerDefinition
  /** Instead of `settings.storage`. */
  readonly storage?: string
  readonly observer: (configuration: Configuration) => Observer
  /** The rules were loaded again, or could not be. */
  readonly reloaded: (loaded: LoadedConfiguration, notes: readonly string[]) => void
}

/** Changes of files that follow each other so closely are one change. */
const settleMs = 200
const stopLimitMs = 5_000
const heartbeatMs = 5_000

export function load(
  directory: string,
  parts: Parts,
  surroundings: Surroundings,
  fallbackBroker?: BrokerDefinition,
): LoadedConfiguration {
  return loadConfiguration(directory, {
    env: surroundings.env,
    actions: parts.actions,
    decoders: parts.decoders,
    zone: surroundings.zone,
    fallbackBroker,
    lintRules,
  })
}

export class Service {
  readonly #options: ServiceOptions
  readonly #parts: Parts
  readonly #surroundings: Surroundings
  readonly #engine: Engine
  readonly #logWriter: LogWriter
  readonly #observer: Observer
  #configuration: Configuration
  #stopWatching: () => void = () => {}
  #reloading: Promise<void> = Promise.resolve()

  constructor(
    configuration: Configuration,
    options: ServiceOptions,
    parts: Parts,
    surroundings: Surroundings,
  ) {
    this.#configuration = configuration
    this.#options = options
    this.#parts = parts
    this.#surroundings = surroundings
    this.#observer = options.observer(configuration)
    this.#logWriter = parts.createLogWriter({ directory: configuration.settings.logDirectory })
    const brokers = [...configuration.brokers].map(([name, definition]) => {
      const wanted = brokerOptions(name, definition)
      const broker = parts.createBroker(wanted, { clock: parts.clock, random: Math.random })
      return { broker, clientId: wanted.clientId }
    })
    this.#engine = new Engine({
      program: programOf(configuration, parts),
      brokers,
      store: parts.createStore(options.storage ?? configuration.settings.storage),
      clock: parts.clock,
      wallNow: Date.now,
      log: logTarget(this.#logWriter),
      observer: this.#observer,
      heartbeatMs,
      version: parts.version,
      requests: requestsOn(configuration),
    })
  }

  get engine(): Engine {
    return this.#engine
  }

  /** Null, or in words why it cannot run. */
  async start(): Promise<{ message: string; help: string } | null> {
    const failure = await this.#engine.start()
    if (failure !== null) return failure
    this.#watch()
    return null
  }

  /** Loads the directory again. The running rules stay until the new ones are valid. */
  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload())
    return this.#reloading
  }

  async stop(): Promise<void> {
    this.#stopWatching()
    await this.#reloading
    await this.#engine.stop(stopLimitMs)
    await this.#logWriter.close()
  }

  async #reload(): Promise<void> {
    const { directory, fallbackBroker, reloaded } = this.#options
    const loaded = load(directory, this.#parts, this.#surroundings, fallbackBroker)
    const next = loaded.configuration
    if (next === null) {
      reloaded(loaded, [])
      return
    }
    const notes: string[] = []
    const before = this.#configuration
    if (!same([...before.brokers], [...next.brokers]) || !same(before.settings, next.settings)) {
      notes.push('Changes under `brokers` and `settings` take effect when Tocsin is started again.')
    }
    await this.#engine.reload(programOf(next, this.#parts))
    this.#logWriter.reconfigured()
    this.#configuration = next
    reloaded(loaded, notes)
  }

  #watch(): void {
    const reload = () => void this.reload()
    const stopWatching = watchRules(this.#options.directory, {
      clock: this.#parts.clock,
      settleMs,
      changed: reload,
      blind: (message) => {
        const help = 'Edited rules are taken over when Tocsin gets SIGHUP (kill -HUP), or is started again.'
        this.#observer.trouble({ kind: 'watch', message, help })
      },
    })
    const stopHangup = this.#surroundings.onHangup(reload)
    this.#stopWatching = () => {
      stopWatching()
      stopHangup()
    }
  }
}

export function programOf(configuration: Configuration, parts: Pick<Parts, 'decoders'>): Program {
  const { payloadBytes, depth, keys } = configuration.settings.limits
  const decoders = new Map<string, DecodeFunction>()
  for (const decoder of parts.decoders) {
    const prepared = decoder.prepare({ sizeBytes: payloadBytes, depth, keys })
    if (!prepared.ok) throw new Error(`the decoder ${decoder.name} cannot be prepared`)
    decoders.set(decoder.name, prepared.value)
  }
  return makeProgram(configuration.rules, decoders)
}

/** Where requests are listened to: the broker named default, else the first one. */
export function requestBroker(brokers: Configuration['brokers']): string | null {
  return brokers.has('default') ? 'default' : ([...brokers.keys()][0] ?? null)
}

/** Without a place where answers may go, nobody listens to requests. */
function requestsOn({ brokers, settings }: Configuration): EngineOptions['requests'] {
  const broker = requestBroker(brokers)
  if (broker === null || settings.respondTo.length === 0) return undefined
  return { broker, respondTo: settings.respondTo }
}

function logTarget(writer: LogWriter): LineTarget {
  return {
    name: 'log',
    ready: () => true,
    async deliver(effect) {
      if (effect.kind !== 'log')
        return { ok: false, kind: 'permanent', message: 'the log writes no messages' }
      const [outcome] = await writer.write([effect])
      return outcome ?? { ok: true }
    },
  }
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
