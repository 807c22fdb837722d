/** `tocsin watch [filter] [dir]`: shows messages as they come, and what the rules make of them. */
import type { BrokerDefinition, Configuration } from '../../config/configuration.ts'
import { closest } from '../../core/conditions/did-you-mean.ts'
import { printable } from '../../core/printable.ts'
import { ruleExplainer } from '../../core/rules/explain-rule.ts'
import { type Filter, parsePlainFilter } from '../../core/topics/filter.ts'
import { findZone } from '../../core/zone.ts'
import { startListener } from '../../tools/watch/listener.ts'
import { Watch } from '../../tools/watch/watch.ts'
import { defaultDirectory, isDirectory } from '../arguments.ts'
import { brokerOptions } from '../broker-options.ts'
import { homeBroker } from '../home-broker.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { problemReport } from '../problem-report.ts'
import { load, programOf } from '../service.ts'
import { UsageError } from '../usage-error.ts'
import { watchRules } from '../watch-rules.ts'

export interface WatchFlags {
  readonly rule?: string
  readonly broker?: string
  readonly latest?: boolean
  readonly count?: number
  /** Milliseconds. */
  readonly for?: number
  readonly format: 'text' | 'json'
}

/** Changes of files that follow each other so closely are one change. */
const settleMs = 200
/** Lines behind a pipe are not cut to a terminal, but none is endless. */
const columnsOfPipe = 1_000
const defaultRows = 24

export async function watch(
  words: readonly string[],
  flags: WatchFlags,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stdout, stderr } = surroundings
  const { filter, directory } = readWords(words)
  const loadRules = () => load(directory, parts, surroundings, homeBroker(surroundings))
  const report = (problems: Parameters<typeof problemReport>[0]) =>
    stderr.write(problemReport(problems, { colour: stderr.isTTY === true }))
  const loaded = loadRules()
  const { configuration } = loaded
  if (configuration === null) {
    report(loaded.problems)
    return 1
  }
  checkRule(flags.rule, configuration)
  const zone = findZone(configuration.settings.zone)
  if (zone === null)
    throw new Error(`the platform does not know the time zone ${configuration.settings.zone}`)
  const brokers = brokersToWatch(flags.broker, configuration)
  const isTerminal = stdout.isTTY === true
  const noColour = surroundings.env.NO_COLOR !== undefined && surroundings.env.NO_COLOR !== ''
  const watching = new Watch(
    programOf(configuration, parts),
    {
      filter,
      rule: flags.rule ?? null,
      latest: flags.latest === true,
      format: flags.format,
      count: flags.count ?? null,
      forMs: flags.for ?? null,
      isTerminal,
      colour: isTerminal && !noColour,
      zone: configuration.settings.zone,
      redact: (text) => configuration.secrets.redact(text),
    },
    {
      clock: parts.clock,
      display: {
        write: (text) => stdout.write(text),
        onDrain: (callback) => void stdout.once('drain', callback),
        columns: () => (isTerminal ? (stdout.columns ?? 0) || 80 : columnsOfPipe),
        rows: () => (stdout.rows ?? 0) || defaultRows,
      },
      explain: ruleExplainer((atMs) => zone.localTime(atMs)),
      brokers: [...brokers.keys()],
      listen: (name, wants, sink) => {
        const {
          clientId: _,
          statusTopic: __,
          ...options
        } = brokerOptions(name, brokers.get(name) ?? homeBroker(surroundings))
        return startListener(options, wants, { clock: parts.clock, random: Math.random }, sink)
      },
    },
  )
  const where = [...brokers].map(([name, { url }]) => `${name} (${url})`).join(', ')
  if (flags.format === 'text') {
    const what = filter === null ? `what the rules of ${directory} listen to` : filter.source
    const text = `Watching ${what} on ${where}. Nothing is published; what rules remember (holds, windows, silences) begins now.`
    stderr.write(`${printable(text)}\n`)
  }
  const stopWatching = watchRules(directory, {
    clock: parts.clock,
    settleMs,
    changed: () => {
      const next = loadRules()
      if (next.configuration === null) {
        watching.note(
          'rules',
          '✗',
          'red',
          'The edited rules have problems; those of before stay. `tocsin check` shows them.',
        )
        return
      }
      watching.replaceRules(programOf(next.configuration, parts))
      watching.note('rules', '●', 'green', `rules loaded again: ${next.configuration.rules.length}`)
    },
    blind: (message) => watching.note('rules', '✗', 'red', `${message} Edited rules are not noticed.`),
  })
  void surroundings.stopRequested().then(() => watching.stop())
  const ended = await watching.run()
  stopWatching()
  if (flags.format === 'text' && ended.leftOut > 0)
    stderr.write(
      `${ended.messages.toLocaleString('en')} messages, of which ${ended.leftOut.toLocaleString('en')} were not shown.\n`,
    )
  return ended.because !== 'stopped' && !ended.wasOnline ? 1 : 0
}

/** `[filter] [dir]`. A word alone that is a directory and no pattern is the directory. */
function readWords(words: readonly string[]): { readonly filter: Filter | null; readonly directory: string } {
  const [first, second] = words
  if (first === undefined) return { filter: null, directory: defaultDirectory }
  if (second === undefined && !/[+#]/.test(first) && isDirectory(first))
    return { filter: null, directory: first }
  const parsed = parsePlainFilter(first)
  if (!parsed.ok)
    throw new UsageError(
      parsed.problems.map(({ message, help }) => `${message}. ${help ?? ''}`.trim()).join('\n'),
    )
  return { filter: parsed.value, directory: second ?? defaultDirectory }
}

function checkRule(id: string | undefined, { rules, definitions }: Configuration): void {
  if (id === undefined || rules.some((rule) => rule.id === id)) return
  if (definitions.some((definition) => definition.id === id))
    throw new UsageError(`The rule ${printable(id)} is not enabled.`)
  const near = closest(
    id,
    rules.map((rule) => rule.id),
  )
  throw new UsageError(`There is no rule ${printable(id)}.${near === null ? '' : ` Did you mean ${near}?`}`)
}

/** The one that was asked for, else all. */
function brokersToWatch(
  name: string | undefined,
  { brokers }: Configuration,
): ReadonlyMap<string, BrokerDefinition> {
  if (name === undefined) return brokers
  const broker = brokers.get(name)
  if (broker === undefined)
    throw new UsageError(
      `There is no broker ${printable(name)}. There is: ${[...brokers.keys()].join(', ')}.`,
    )
  return new Map([[name, broker]])
}
