/** A running Tocsin: the configuration of a directory, its brokers and the engine between them, kept up to date. */
import type { TwilioAccount } from '../channels/sms/account.ts'
import type { BrokerDefinition, Configuration } from '../config/configuration.ts'
import { type LoadedConfiguration, loadConfiguration } from '../config/load.ts'
import { undeliverable } from '../config/undeliverable.ts'
import type { AlertingDefinition } from '../core/alerts/alerting.ts'
import { keepLinkName } from '../core/link.ts'
import { lintRules } from '../core/lint/lint-rules.ts'
import { type DecodeFunction, makeProgram, type Program } from '../core/program.ts'
import { Engine, type EngineOptions } from '../engine/engine.ts'
import { keepInJournal } from '../engine/inbox.ts'
import type { Outreach } from '../engine/notifying.ts'
import type { LogWriter } from '../files/log-writer.ts'
import type { Observer } from '../ports/observer.ts'
import type { WebServer } from '../web/server.ts'
import { Addresses, alertingDefinition, connectChannels, type InboxUse, smsNumbers } from './alerting.ts'
import { brokerOptions } from './broker-options.ts'
import { logTarget } from './log-target.ts'
import type { Parts, Surroundings } from './parts.ts'
import { twilioRoutes } from './twilio-routes.ts'
import { watchRules } from './watch-rules.ts'

export interface ServiceOptions {
  readonly directory: string
  /** Used under the name `default` when the files name no broker. */
  readonly fallbackBroker?: BrokerDefinition
  /** Instead of `settings.storage`. */
  readonly storage?: string
  /** What is kept instead of sent; what the settings say unless given. */
  readonly inbox?: InboxUse
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
    channels: parts.channels,
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
  readonly #connections: Outreach['connections']
  readonly #accounts: Configuration['settings']['accounts']
  #web: WebServer | null = null
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
    this.#accounts = configuration.settings.accounts
    this.#options = options
    this.#parts = parts
    this.#surroundings = surroundings
    this.#observer = options.observer(configuration)
    const { logDirectory, logFsync } = configuration.settings
    this.#logWriter = parts.createLogWriter({ directory: logDirectory, fsync: logFsync })
    const brokers = [...configuration.brokers].map(([name, definition]) => {
      const wanted = brokerOptions(name, definition)
      const connect = (options: typeof wanted) => ({
        broker: parts.createBroker(options, { clock: parts.clock, random: Math.random }),
        clientId: options.clientId,
      })
      const beside = { name: keepLinkName(name), clientId: `${wanted.clientId}-keep`, statusTopic: null }
      return { ...connect(wanted), makeKeeper: () => connect({ ...wanted, ...beside }) }
    })
    const store = parts.createStore(options.storage ?? configuration.settings.storage)
    const keep = keepInJournal(store, this.#observer, Date.now)
    this.#connections = connectChannels(configuration, parts.channels, this.#inbox, keep, Date.now)
    const addresses = new Addresses(configuration, parts.channels, this.#inbox)
    this.#engine = new Engine({
      program: programOf(configuration, parts, alertingDefinition(configuration, addresses)),
      brokers,
      store,
      clock: parts.clock,
      wallNow: Date.now,
      log: logTarget(this.#logWriter, this.#observer, parts.clock),
      observer: this.#observer,
      heartbeatMs,
      version: parts.version,
      requests: requestsOn(configuration),
      outreach: this.#outreach(addresses),
      publicUrl: configuration.settings.http.publicUrl,
      watch: configuration.settings.watch,
      outsideHeartbeat: this.#outsideHeartbeat(),
    })
  }

  get engine(): Engine {
    return this.#engine
  }

  /** Null, or in words why it cannot run. */
  async start(): Promise<{ message: string; help: string } | null> {
    const failure = (await this.#engine.start()) ?? (await this.#listen())
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
    await this.#web?.close()
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
    const unreachable = this.#unreachable(next)
    if (unreachable.length > 0) {
      reloaded({ ...loaded, configuration: null }, unreachable)
      return
    }
    const notes: string[] = []
    const before = this.#configuration
    if (!same([...before.brokers], [...next.brokers]) || !same(before.settings, next.settings)) {
      notes.push('Changes under `brokers` and `settings` take effect when Tocsin is started again.')
    }
    const addresses = new Addresses(next, this.#parts.channels, this.#inbox)
    this.#engine.notifying.replaceOutreach(this.#outreach(addresses))
    await this.#engine.reload(programOf(next, this.#parts, alertingDefinition(next, addresses)))
    this.#logWriter.reconfigured()
    this.#configuration = next
    reloaded(loaded, notes)
  }

  /** Accounts are those of the start: a message to whom they do not reach would be lost. */
  #unreachable(next: Configuration): string[] {
    if (this.#inbox !== 'written') return []
    const { channels } = this.#parts
    const atNextStart = undeliverable(next, channels)
    const settings = { ...next.settings, accounts: this.#accounts }
    return undeliverable({ ...next, settings }, channels).map(({ receiver, channel, why, help }) =>
      atNextStart.some((one) => one.receiver === receiver && one.channel === channel)
        ? `The receiver \`${receiver}\` cannot be reached: ${why}; ${help}.`
        : `The receiver \`${receiver}\` cannot be reached until Tocsin is started again: changes under \`settings\` take effect then.`,
    )
  }

  get #inbox(): InboxUse {
    return this.#options.inbox ?? 'written'
  }

  /** What only keeps what it would send gives no sign of life either. */
  #outsideHeartbeat(): EngineOptions['outsideHeartbeat'] {
    const { brokers, settings } = this.#configuration
    const { heartbeat } = settings.watch
    const broker = requestBroker(brokers)
    if (heartbeat === null || broker === null || this.#inbox !== 'written') return undefined
    return { broker, everyMs: heartbeat.everyMs, ping: this.#parts.createPing(heartbeat.url) }
  }

  #outreach(addresses: Addresses): Outreach {
    return {
      connections: this.#connections,
      target: (receiver, channel, address) => addresses.target(receiver, channel, address),
    }
  }

  /** A port that is taken is a reason not to run only when the files ask for it. */
  async #listen(): Promise<{ message: string; help: string } | null> {
    const { http, zone, accounts } = this.#configuration.settings
    if (http.listen === null) return null
    const { host, port } = http.listen
    const twilio = accounts.twilio
    const routes =
      twilio?.kind === 'account' && this.#inbox !== 'all'
        ? twilioRoutes(
            twilio.account as TwilioAccount,
            () => smsNumbers(this.#configuration, this.#parts.channels),
            this.#engine.notifying,
          )
        : []
    const healthy = async () => {
      const status = await this.#engine.control.status()
      return this.#engine.storeWorks && status.ok && status.value.brokers.some(({ receives }) => receives)
    }
    const { notifying } = this.#engine
    try {
      this.#web = await this.#parts.startWebServer({
        host,
        port,
        routes,
        zone,
        trustProxy: http.trustProxy,
        control: {
          openLink: (token) => notifying.openLink(token),
          ackLink: (token) => notifying.ackLink(token),
          healthy,
        },
      })
      return null
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? ''
      const why = code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be listened on (${code})`
      const message = `The address ${host}:${port} ${why}.`
      const help = 'Choose another one: settings: { http: { listen: 127.0.0.1:8081 } }, or listen: off.'
      if (http.written) {
        await this.stop()
        return { message, help }
      }
      this.#observer.trouble({ kind: 'http', message: `${message} Links and callbacks do not work.`, help })
      return null
    }
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

export function programOf(
  configuration: Configuration,
  parts: Pick<Parts, 'decoders'>,
  alerting: AlertingDefinition | null = null,
): Program {
  const { payloadBytes, depth, keys } = configuration.settings.limits
  const decoders = new Map<string, DecodeFunction>()
  for (const decoder of parts.decoders) {
    const prepared = decoder.prepare({ sizeBytes: payloadBytes, depth, keys })
    if (!prepared.ok) throw new Error(`the decoder ${decoder.name} cannot be prepared`)
    decoders.set(decoder.name, prepared.value)
  }
  return makeProgram(configuration.rules, decoders, alerting)
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

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
