/** What the doctor looks at in a configuration: each broker, receivers, files, the web server, the clock. */
import type { WebhookTarget } from '../channels/webhook/schema.ts'
import type { BrokerDefinition, Configuration } from '../config/configuration.ts'
import type { LoadedConfiguration } from '../config/load.ts'
import { embeddedPort } from '../config/sections/broker.ts'
import { undeliverable } from '../config/undeliverable.ts'
import { answersBelow, makeMayAnswer } from '../core/requests/answer-place.ts'
import type { CompiledRule } from '../core/rules/compiled-rule.ts'
import { resolveOptions } from '../mqtt/connect-options.ts'
import { probeSqlite } from '../stores/index.ts'
import { askRunning, type Running } from '../tools/doctor/ask-running.ts'
import type { Listener } from '../tools/doctor/broker/broker-world.ts'
import { brokerSection } from '../tools/doctor/broker/examine-broker.ts'
import type { Section } from '../tools/doctor/finding.ts'
import { clockSection } from '../tools/doctor/local/clock.ts'
import { httpSection } from '../tools/doctor/local/http-port.ts'
import { storageSection } from '../tools/doctor/local/storage.ts'
import { type AccountWorld, receiversSection, type WebhookWorld } from '../tools/doctor/receivers.ts'
import { brokerOptions } from './broker-options.ts'
import { homeBroker } from './home-broker.ts'
import type { Parts, Surroundings } from './parts.ts'
import { counted } from './problem-report.ts'
import { requestBroker } from './service.ts'

export interface DoctorOptions {
  /** How long to listen for messages, ms. */
  readonly listenMs: number
  /** How long to watch whether another client takes the client id, ms. */
  readonly watchMs: number
  readonly thorough: boolean
  readonly mosquittoConf: string
}

/** Where systemd says whether the clock is kept right. */
const timesyncDirectory = '/run/systemd/timesync'

export function doctorSections(
  directory: string,
  loaded: LoadedConfiguration,
  options: DoctorOptions,
  parts: Parts,
  surroundings: Surroundings,
): readonly Section[] {
  const { settings } = loaded.sound
  const written = loaded.sound.brokers.size > 0
  const brokers = written ? loaded.sound.brokers : new Map([['default', homeBroker(surroundings)]])
  const rules = loaded.configuration?.rules ?? []
  const running = runningTocsin(brokers, settings.respondTo, parts)
  const ahead = Promise.withResolvers<{ whose: string; ms: number } | null>()
  const receivers = receiversSection({
    accounts: accountsOf(loaded, parts),
    webhooks: loaded.configuration === null ? [] : webhooksOf(loaded.configuration),
    clockSeen: (whose, ms) => ahead.resolve({ whose, ms }),
  })
  const writesLogs = rules.some((rule) => [...rule.then, ...rule.resolved].some(({ kind }) => kind === 'log'))
  return [
    configurationSection(directory, loaded),
    ...[...brokers].map(([name, definition]) =>
      brokerSection({
        name,
        settings: resolveOptions(brokerOptions(name, definition)),
        embedded: embeddedPort(definition.url) !== null,
        written,
        listeners: listenersOf(rules, name),
        targets: targetsOf(rules, name),
        running,
        clock: parts.clock,
        ...options,
      }),
    ),
    {
      ...receivers,
      async run(tell) {
        await receivers.run(tell)
        ahead.resolve(null)
      },
    },
    storageSection({
      storage: settings.storage,
      logDirectory: writesLogs ? settings.logDirectory : null,
      probe: probeSqlite,
      running,
    }),
    httpSection({ listen: settings.http.listen, written: settings.http.written }),
    clockSection({
      wallNow: Date.now,
      steadyNow: () => performance.now(),
      zone: settings.zone,
      timesyncDirectory,
      aheadMs: ahead.promise,
    }),
  ]
}

function configurationSection(
  directory: string,
  { configuration, problems, files }: LoadedConfiguration,
): Section {
  const errors = problems.filter(({ severity }) => severity === 'error').length
  const rules = configuration?.rules.length ?? 0
  const next = `See above, or run \`tocsin check ${directory}\`.`
  return {
    title: 'Configuration',
    async run(tell) {
      const check = 'files'
      const good = `${counted(rules, 'rule')} in ${counted(files.length, 'file')} of ${directory}`
      if (configuration === null) {
        const what = `${counted(errors, 'error')}: Tocsin does not start with these rules. What can be tried without them follows.`
        tell({ check, state: 'fail', what, next })
      } else if (problems.length > 0)
        tell({ check, state: 'warn', what: `${good}, with ${counted(problems.length, 'warning')}.`, next })
      else tell({ check, state: 'ok', what: `${good}.` })
    },
  }
}

/** Nobody answers where answers may not go. */
async function runningTocsin(
  brokers: ReadonlyMap<string, BrokerDefinition>,
  respondTo: readonly string[],
  { clock }: Parts,
): Promise<Running> {
  const name = requestBroker(brokers)
  const definition = brokers.get(name ?? '')
  if (name === null || definition === undefined || !makeMayAnswer(respondTo)(`${answersBelow}any`))
    return { answers: false }
  const { name: _, clientId: __, ...options } = brokerOptions(name, definition)
  return askRunning(name, options, clock)
}

function listenersOf(rules: readonly CompiledRule[], broker: string): readonly Listener[] {
  return rules.flatMap((rule) => [
    ...rule.filters
      .filter(() => rule.definition.broker === broker)
      .map(({ filter }) => ({ rule: rule.id, filter, triggers: true })),
    ...rule.joins
      .flatMap((join) => (join.kind === 'topic' && join.source.broker === broker ? [join.source] : []))
      .map(({ filter }) => ({ rule: rule.id, filter, triggers: false })),
  ])
}

function targetsOf(rules: readonly CompiledRule[], broker: string): readonly string[] {
  const actions = rules.flatMap((rule) => [...rule.then, ...rule.resolved])
  const targets = actions
    .flatMap(({ publishesTo }) => publishesTo)
    .filter((target) => target.broker === broker)
  return [...new Set(targets.map(({ filter }) => filter))]
}

function accountsOf(
  { configuration, sound }: LoadedConfiguration,
  { channels }: Parts,
): readonly AccountWorld[] {
  const receivers = [...(configuration?.receivers.values() ?? [])]
  const stranded = configuration === null ? [] : undeliverable(configuration, channels)
  return channels.flatMap((channel): AccountWorld[] => {
    const { name, accountName } = channel
    if (accountName === null) return []
    const about = { channel: name, setting: `settings.${accountName}` }
    const users = receivers.filter((one) => one.channels.some((place) => place.channel === name))
    const names = users.map((one) => one.name)
    const written = sound.settings.accounts[accountName]
    if (written === undefined) {
      const missed = stranded.filter((one) => one.channel === name).map(({ receiver }) => receiver)
      return missed.length === 0 ? [] : [{ ...about, account: 'missing', receivers: missed, connect: null }]
    }
    if (written.kind === 'inbox') return [{ ...about, account: 'inbox', receivers: names, connect: null }]
    const connect = () => channel.connect(written.account, { nowMs: Date.now })
    return [{ ...about, account: 'account', receivers: names, connect }]
  })
}

/** One for each server; nothing of a URL but its host, as the rest is often secret. */
function webhooksOf({ receivers }: Configuration): readonly WebhookWorld[] {
  const servers = new Map<string, WebhookWorld>()
  for (const receiver of receivers.values()) {
    for (const { channel, target } of receiver.channels) {
      if (channel !== 'webhook') continue
      // The channel's own schema made it.
      const { url, ca, verify, allowPrivate } = target as WebhookTarget
      const { hostname, port, protocol } = new URL(url)
      const secure = protocol === 'https:'
      const server = {
        host: hostname.replace(/^\[|\]$/g, ''),
        port: port === '' ? (secure ? 443 : 80) : Number(port),
        ...{ secure, ca, verify, allowPrivate },
      }
      const key = JSON.stringify(server)
      const before = servers.get(key)?.receivers ?? []
      servers.set(key, { ...server, receivers: [...new Set([...before, receiver.name])] })
    }
  }
  return [...servers.values()]
}
