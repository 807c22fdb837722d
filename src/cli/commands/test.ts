/** `tocsin test [DIR]`: runs the rule tests that stand beside the rules, on virtual time and without a broker. */
import { existsSync } from 'node:fs'
import type { Configuration } from '../../config/configuration.ts'
import { resultsJson, resultsJunit } from '../../tools/test/report-machine.ts'
import { resultText, summaryText, type TextOptions } from '../../tools/test/report-text.ts'
import { type RunDependencies, runTest, type TestResult } from '../../tools/test/run-test.ts'
import { type Known, readTestFiles } from '../../tools/test/test-files.ts'
import { Addresses, alertingDefinition } from '../alerting.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { problemReport, problemsJson } from '../problem-report.ts'
import { load, programOf } from '../service.ts'
import { watchRules } from '../watch-rules.ts'

export interface TestOptions {
  readonly format: 'text' | 'json' | 'junit'
  /** Only tests whose name or file contains this text. */
  readonly filter?: string | undefined
  readonly watch?: boolean | undefined
}

/** Changes of files that follow each other so closely are one change. */
const settleMs = 150
const clearScreen = '\u001b[2J\u001b[3J\u001b[H'
const defaultColumns = 110

export async function test(
  directory: string,
  options: TestOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  if (options.watch !== true) return runAll(directory, options, parts, surroundings)
  return watchAll(directory, options, parts, surroundings)
}

async function runAll(
  directory: string,
  options: TestOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stdout, stderr } = surroundings
  const isText = options.format === 'text'
  const { problems, configuration } = load(directory, parts, surroundings)
  const report = (found: typeof problems) => {
    if (found.length === 0) return
    if (options.format === 'json') stdout.write(`${problemsJson(found)}\n`)
    else (isText ? stdout : stderr).write(problemReport(found, { colour: isText && stdout.isTTY === true }))
  }
  if (configuration === null) {
    report(problems)
    return 1
  }
  const { known, deps } = testing(configuration, parts)
  const read = readTestFiles(directory, known)
  const { filter } = options
  const tests = read.tests.filter(
    ({ name, file }) => filter === undefined || name.includes(filter) || file.includes(filter),
  )
  report(read.problems)
  if (read.problems.length > 0 && !isText) return 1
  if (tests.length === 0) {
    if (read.problems.length === 0) stderr.write(nothingToRun(directory, read.files.length, filter))
    return 1
  }
  const began = performance.now()
  const text: TextOptions = { colour: stdout.isTTY === true, columns: stdout.columns ?? defaultColumns }
  const results: TestResult[] = []
  let file = ''
  for (const one of tests) {
    const result = await runTest(one, deps)
    results.push(result)
    if (!isText) continue
    if (one.file !== file) stdout.write(`${file === '' ? '' : '\n'}${one.file}\n`)
    file = one.file
    stdout.write(resultText(result, text))
  }
  if (options.format === 'json') stdout.write(`${resultsJson(results)}\n`)
  else if (options.format === 'junit') stdout.write(`${resultsJunit(results)}\n`)
  else stdout.write(`\n${summaryText(results, performance.now() - began, text)}`)
  const isGood = results.every(({ failure }) => failure === null) && read.problems.length === 0
  return isGood ? 0 : 1
}

/** What the tests of a configuration may name, and what they run on: the parts of production, but for the wires. */
export function testing(
  configuration: Configuration,
  parts: Pick<Parts, 'decoders' | 'channels' | 'createStore'>,
): { readonly known: Known; readonly deps: RunDependencies } {
  const { rules, receivers } = configuration
  const brokers = brokerNames([...configuration.brokers.keys()])
  const addresses = new Addresses(configuration, parts.channels, 'written')
  const written = alertingDefinition(configuration, addresses)
  // Alerts are published in tests too, for rules that look at them.
  const alerting = { ...written, broker: written.broker ?? brokers[0] ?? null }
  const channels = parts.channels.map((channel) => {
    const { accountName } = channel
    const account = accountName === null ? undefined : configuration.settings.accounts[accountName]
    return { channel, account: account?.kind === 'account' ? account.account : null }
  })
  return {
    known: {
      rules,
      brokers,
      receivers: [...receivers.keys()],
      channels: parts.channels.map(({ name }) => name),
    },
    deps: {
      rules,
      brokers,
      makeProgram: (some) => programOf({ ...configuration, rules: some }, parts, alerting),
      createStore: () => parts.createStore('memory'),
      reach: {
        channels,
        target: (receiver, channel, address) => addresses.target(receiver, channel, address),
      },
    },
  }
}

async function watchAll(
  directory: string,
  options: TestOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stdout } = surroundings
  const { clock } = parts
  let code: ExitCode = 1
  let running = Promise.resolve()
  const run = () => {
    running = running.then(async () => {
      if (stdout.isTTY === true) stdout.write(clearScreen)
      code = await runAll(directory, options, parts, surroundings)
      stdout.write(`Waiting for a change in ${directory} (Ctrl-C ends)\n`)
    })
  }
  if (!existsSync(directory)) return runAll(directory, options, parts, surroundings)
  run()
  await running
  const stopWatching = watchRules(directory, {
    clock,
    settleMs,
    changed: run,
    blind: (message) => void stdout.write(`${message}\n`),
  })
  await surroundings.stopRequested()
  stopWatching()
  await running
  return code
}

/** The default broker first; where none is configured rules listen to one of that name. */
function brokerNames(names: readonly string[]): readonly string[] {
  if (names.length === 0) return ['default']
  return names.includes('default') ? ['default', ...names.filter((name) => name !== 'default')] : names
}

function nothingToRun(directory: string, files: number, filter: string | undefined): string {
  if (files > 0 && filter !== undefined)
    return `No test in ${directory} has "${filter}" in its name or file.\n`
  if (files > 0) return `The test files in ${directory} hold no test.\n`
  return `There are no tests in ${directory}.
help: put them beside the rules, into a file such as my-rules.test.yaml:

tests:
  - name: tells everybody when a sensor is too warm
    steps:
      - send: { topic: sensors/s1/temperature, payload: 36 }
        expect:
          publish: [{ topic: sensors/s1/alert }]
`
}
