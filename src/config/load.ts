/** Loads a configuration directory: every problem of every file at once, with its place, or a configuration. */

import type { CalendarDefinition } from '../core/calendar.ts'
import { makeCalendar } from '../core/calendar.ts'
import { compileRule } from '../core/rules/compile.ts'
import type { Table } from '../core/rules/definition.ts'
import { findZone, type Zone } from '../core/zone.ts'
import type { Action } from '../ports/action.ts'
import type { Channel } from '../ports/channel.ts'
import { type Decoder, defaultDecodeLimits } from '../ports/decoder.ts'
import { checkAlerting } from './check-alerting.ts'
import { actionCompiler, type CompileRule, compileRules, type LintRules } from './compile-rules.ts'
import type { BrokerDefinition, Configuration, Settings } from './configuration.ts'
import type { FoundProblem } from './found-problem.ts'
import { type Entry, type Gathered, gather, type Report } from './gather.ts'
import { configLimits } from './limits.ts'
import { addLiteralSecrets } from './literal-secrets.ts'
import { asSentence, type LocatedProblem, locate } from './locate.ts'
import { isNotYet, type NotYet } from './not-yet.ts'
import { type ParsedFile, parseYaml } from './parse-yaml.ts'
import { type FileProblem, readDirectory } from './read-directory.ts'
import { secretFileReader } from './read-secret-file.ts'
import { Secrets } from './secrets.ts'
import { embeddedPort, readTlsFiles } from './sections/broker.ts'
import { defaultHttp } from './sections/http.ts'
import { defaultWatch } from './sections/watch.ts'
import { SourceText } from './source-text.ts'
import type { SubstitutionSources } from './substitute.ts'

export interface LoadDependencies {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly actions: readonly Action[]
  readonly decoders: readonly Decoder[]
  readonly channels?: readonly Channel[] | undefined
  /** IANA zone of the system, used unless `settings.zone` is given. */
  readonly zone: string
  /** Used under the name `default` when the files name no broker. */
  readonly fallbackBroker?: BrokerDefinition | undefined
  readonly readSecretFile?: SubstitutionSources['readSecretFile']
  readonly compileRule?: CompileRule
  readonly lintRules?: LintRules
  /** Instead of the usual table of what is not available yet. */
  readonly notYet?: NotYet | undefined
}

export interface LoadedConfiguration {
  /** Errors and warnings, in the order of files and lines. */
  readonly problems: readonly LocatedProblem[]
  /** Null when any problem is an error. */
  readonly configuration: Configuration | null
  /** What is sound of it, whatever other parts have problems: enough to ask a Tocsin that runs. */
  readonly sound: Pick<Configuration, 'brokers' | 'settings'>
  /** The files that were read, in order. */
  readonly files: readonly string[]
  readonly secrets: Secrets
}

export function loadConfiguration(directory: string, deps: LoadDependencies): LoadedConfiguration {
  const contents = readDirectory(directory)
  const readSecretFile = deps.readSecretFile ?? secretFileReader(directory)
  const parsed = contents.files.map(({ file, text }) =>
    parseYaml(file, text, { env: deps.env, readSecretFile }),
  )
  const secrets = new Secrets()
  for (const file of parsed)
    for (const uses of file.substituted.values()) for (const use of uses) secrets.add(use)
  for (const file of parsed) addLiteralSecrets(file.value, secrets)

  const found: { parsed: ParsedFile; problem: FoundProblem }[] = []
  const report: Report = (file, problem) => found.push({ parsed: file, problem })
  for (const file of parsed) for (const problem of file.problems) report(file, problem)

  const gathered = gather(parsed, deps, report)
  const brokers = resolveBrokers(gathered, deps, readSecretFile, secrets, report)
  const zone = findZone(gathered.settings.zone ?? deps.zone) ?? utc()
  const calendars = values(
    gathered.calendars,
    (calendar): CalendarDefinition => ({
      ...calendar,
      zone: calendar.zone ?? zone.name,
    }),
  )
  const tables = values(gathered.tables, (table): Table => table)
  const brokerNames = new Set([...gathered.brokers.keys(), ...brokers.keys()])
  if (brokerNames.size === 0) brokerNames.add('default')
  const environment = {
    brokers: brokerNames,
    decoders: new Set(deps.decoders.map(({ name }) => name)),
    // A table or calendar with problems of its own is still there to be named.
    tables: new Map([...gathered.tables].map(([name, { value }]) => [name, value ?? {}])),
    calendars: new Map(
      [...gathered.calendars.keys()].map((name) => {
        const definition = calendars.get(name) ?? { days: [], fromMinute: 0, toMinute: 0, zone: zone.name }
        return [name, makeCalendar(definition, findZone(definition.zone) ?? zone)]
      }),
    ),
    zone,
    compileAction: actionCompiler(deps.actions, {
      brokers: brokerNames,
      receivers: new Set(gathered.receivers.keys()),
      zone: zone.name,
      respondTo: gathered.settings.respond_to ?? defaultRespondTo,
      mqtt311: new Set([...brokers].filter(([, broker]) => speaks311(broker)).map(([name]) => name)),
    }),
  }
  const { definitions, rules, all } = compileRules(
    gathered.rules,
    environment,
    deps.compileRule ?? compileRule,
    deps.lintRules ?? (() => []),
    report,
  )

  if (!isNotYet('file', 'policies', deps.notYet)) checkAlerting(gathered, all, deps.channels ?? [], report)

  const located = place(found, contents.problems, secrets)
  const wholeProblems = contents.problems.map((problem) => wholeFile(problem))
  const problems = sorted(
    [...wholeProblems, ...located],
    directory,
    contents.files.map(({ file }) => file),
  )
  const isGood = !problems.some(({ severity }) => severity === 'error')
  if (isGood && gathered.rules.length === 0) problems.push(noRules(directory))
  const sound = { brokers, settings: settings(gathered, zone) }
  return {
    problems,
    configuration: isGood
      ? { ...sound, ...alerting(gathered), tables, calendars, definitions, rules, secrets }
      : null,
    sound,
    files: contents.files.map(({ file }) => file),
    secrets,
  }
}

function resolveBrokers(
  gathered: Gathered,
  deps: LoadDependencies,
  readFile: SubstitutionSources['readSecretFile'],
  secrets: Secrets,
  report: Report,
): ReadonlyMap<string, BrokerDefinition> {
  const brokers = new Map<string, BrokerDefinition>()
  for (const [name, { parsed, path, value }] of gathered.brokers) {
    if (value === null) continue
    const { broker, problems } = readTlsFiles(value, readFile)
    for (const problem of problems) report(parsed, { ...problem, path: [...path, ...problem.path] })
    // Also what stands in the file itself is not for logs.
    for (const secret of [broker.password, broker.tls?.key]) {
      if (secret !== undefined) secrets.add({ label: '•••', value: secret })
    }
    brokers.set(name, broker)
  }
  if (gathered.brokers.size === 0 && deps.fallbackBroker !== undefined)
    brokers.set('default', deps.fallbackBroker)
  return brokers
}

/** Whether the broker speaks MQTT 3.1.1 for certain: the built-in one knows nothing else. */
function speaks311({ url, protocol }: BrokerDefinition): boolean {
  return protocol === '3.1.1' || embeddedPort(url) !== null
}

function values<V, T>(entries: ReadonlyMap<string, Entry<V>>, make: (value: V) => T): ReadonlyMap<string, T> {
  const result = new Map<string, T>()
  for (const [name, { value }] of entries) if (value !== null) result.set(name, make(value))
  return result
}

function alerting(gathered: Gathered): Pick<Configuration, 'receivers' | 'policies' | 'inhibits'> {
  const named = <V extends object>(entries: ReadonlyMap<string, Entry<V>>) =>
    new Map([...entries].flatMap(([name, { value }]) => (value === null ? [] : [[name, { name, ...value }]])))
  return {
    receivers: named(gathered.receivers),
    policies: named(gathered.policies),
    inhibits: gathered.inhibits.flatMap(({ value }) => value ?? []),
  }
}

function settings(gathered: Gathered, zone: Zone): Settings {
  const {
    log_directory,
    log_fsync,
    storage,
    respond_to,
    limits,
    http,
    watch = defaultWatch,
  } = gathered.settings
  const watcher = watch.policy ?? (gathered.policies.has('default') ? 'default' : 'none')
  return {
    zone: zone.name,
    logDirectory: log_directory ?? 'logs',
    logFsync: log_fsync !== 'never',
    storage: storage ?? 'data/tocsin.db',
    respondTo: respond_to ?? defaultRespondTo,
    accounts: Object.fromEntries(gathered.accounts),
    http: http ?? defaultHttp,
    watch: { ...watch, policy: watcher === 'none' ? null : watcher },
    limits: limits ?? {
      payloadBytes: defaultDecodeLimits.sizeBytes,
      depth: defaultDecodeLimits.depth,
      keys: defaultDecodeLimits.keys,
    },
  }
}

const defaultRespondTo: readonly string[] = ['response/#']

function utc(): Zone {
  const zone = findZone('UTC')
  if (zone === null) throw new Error('the platform has no time zones')
  return zone
}

/** Problems with their places, each once, and not more than anybody reads. */
function place(
  found: readonly { parsed: ParsedFile; problem: FoundProblem }[],
  unreadable: readonly FileProblem[],
  secrets: Secrets,
): LocatedProblem[] {
  const located = new Map<string, LocatedProblem>()
  for (const { parsed, problem } of found) {
    if (located.size + unreadable.length >= configLimits.problems) {
      const last = locate(parsed, { ...problem, ...tooManyProblems }, secrets)
      if (last !== null) located.set('', last)
      break
    }
    const one = locate(parsed, problem, secrets)
    if (one !== null)
      located.set(JSON.stringify([one.file, one.line, one.column, one.code, one.message]), one)
  }
  return [...located.values()]
}

const tooManyProblems = {
  code: 'config-too-many-problems',
  severity: 'error',
  message: `there are more than ${configLimits.problems.toLocaleString('en')} problems; the others are not shown`,
  help: 'solve the first ones, then check again',
} as const

function wholeFile({ file, code, message, help, before }: FileProblem): LocatedProblem {
  const at = before === undefined ? null : new SourceText(file, before).position(before.length)
  return {
    code,
    message: asSentence(message),
    help: asSentence(help),
    path: [],
    severity: 'error',
    file,
    line: at?.line ?? 1,
    column: at?.column ?? 1,
    frame: '',
  }
}

function noRules(directory: string): LocatedProblem {
  return {
    ...wholeFile({
      file: directory,
      code: 'config-no-rules',
      message: `there is no rule in \`${directory}\``,
      help: 'write one: rules: [{ id: …, topic: …, when: …, then: … }]',
    }),
    severity: 'warning',
  }
}

function sorted(problems: LocatedProblem[], directory: string, files: readonly string[]): LocatedProblem[] {
  const order = new Map([directory, ...files].map((file, index) => [file, index]))
  const rank = ({ file }: LocatedProblem) => order.get(file) ?? -1
  return problems.sort((a, b) => {
    const byFile = rank(a) - rank(b) || (a.file < b.file ? -1 : a.file > b.file ? 1 : 0)
    return byFile || a.line - b.line || a.column - b.column
  })
}
