/** Finds the `*.test.yaml` files of a directory and reads them: tests that can run, and problems with their places. */
import { isUtf8 } from 'node:buffer'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { z } from 'zod'
import { examine } from '../../config/examine.ts'
import type { FoundProblem } from '../../config/found-problem.ts'
import { configLimits } from '../../config/limits.ts'
import { type LocatedProblem, locate, placeText } from '../../config/locate.ts'
import { withoutNotYet } from '../../config/not-yet.ts'
import { type ParsedFile, parseYaml } from '../../config/parse-yaml.ts'
import { failureReason } from '../../config/read-directory.ts'
import { unknownKeyHelp } from '../../config/schema-problems.ts'
import { Secrets } from '../../config/secrets.ts'
import { closest } from '../../core/conditions/did-you-mean.ts'
import type { Path } from '../../core/problem.ts'
import type { CompiledRule } from '../../core/rules/compiled-rule.ts'
import { parsePattern } from './patterns.ts'
import { stepSchema, type TestHead, type TestStep, testSchema } from './test-schema.ts'

/** What a test may refer to. */
export interface Known {
  readonly rules: readonly CompiledRule[]
  readonly brokers: readonly string[]
  readonly receivers: readonly string[]
  readonly channels: readonly string[]
}

export interface RuleTest extends Omit<TestHead, 'steps'> {
  readonly file: string
  readonly line: number
  readonly steps: readonly PlacedStep[]
}

export interface PlacedStep extends TestStep {
  /** When, ms since the start. */
  readonly atMs: number
  /** `file:line` of a part of the step, such as `expect`. */
  place(...path: Path): string
}

export interface TestFiles {
  readonly files: readonly string[]
  readonly tests: readonly RuleTest[]
  readonly problems: readonly LocatedProblem[]
}

const noSecrets = new Secrets()
/** Tests say what they mean: nothing comes into them from outside. */
const noSources = {
  env: {},
  readSecretFile: () =>
    ({ ok: false, message: 'a test reads no secret files', help: 'write the value' }) as const,
}

export function readTestFiles(directory: string, known: Known): TestFiles {
  const files = findTestFiles(directory)
  const tests: RuleTest[] = []
  const problems: LocatedProblem[] = []
  for (const file of files) {
    const text = readText(file)
    if (typeof text !== 'string') {
      problems.push(text)
      continue
    }
    const parsed = parseYaml(file, text, noSources)
    const reader = new Reader(parsed, known)
    if (!parsed.broken) reader.read()
    const located = [...parsed.problems, ...reader.problems].flatMap(
      (found) => locate(parsed, found, noSecrets) ?? [],
    )
    problems.push(...located)
    if (located.length === 0) tests.push(...reader.tests)
  }
  return { files, tests, problems }
}

/** In the order of their paths, shown as the directory was given. */
export function findTestFiles(directory: string): string[] {
  const found: string[] = []
  const walk = (folder: string, depth: number): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
      const path = join(folder, entry.name)
      if (entry.isDirectory()) {
        if (depth < configLimits.directoryDepth) walk(path, depth + 1)
      } else if (/\.test\.ya?ml$/.test(entry.name)) found.push(path)
    }
  }
  walk(directory, 0)
  return found.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}

function readText(file: string): string | LocatedProblem {
  const problem = (code: LocatedProblem['code'], message: string, help: string): LocatedProblem => ({
    code,
    message,
    help,
    path: [],
    severity: 'error',
    file,
    line: 1,
    column: 1,
    frame: '',
  })
  try {
    if (statSync(file).size > configLimits.fileSizeBytes) {
      return problem(
        'config-file-too-large',
        `\`${file}\` is larger than 1 MiB.`,
        'Make several files of it.',
      )
    }
    const bytes = readFileSync(file)
    if (!isUtf8(bytes)) {
      return problem('config-encoding', `\`${file}\` is not UTF-8.`, 'Save it as UTF-8 in your editor.')
    }
    return bytes.toString().replace(/^\uFEFF/, '')
  } catch (error) {
    const reason = failureReason(error)
    return problem('config-unreadable', `\`${file}\` cannot be read: ${reason}.`, 'Look at its permissions.')
  }
}

class Reader {
  readonly tests: RuleTest[] = []
  readonly problems: FoundProblem[] = []
  readonly #parsed: ParsedFile
  readonly #known: Known
  readonly #ruleIds: readonly string[]

  constructor(parsed: ParsedFile, known: Known) {
    this.#parsed = parsed
    this.#known = known
    this.#ruleIds = known.rules.map(({ id }) => id)
  }

  read(): void {
    const top = this.#parsed.value
    if (top === null) return
    if (!isMap(top)) {
      this.#problem(
        'config-type',
        'a test file holds a list below `tests:`',
        [],
        'write `tests:` above the list',
      )
      return
    }
    for (const key of Object.keys(top)) {
      if (key === 'tests') continue
      const help = unknownKeyHelp('test file', key, ['tests']) ?? 'remove it'
      this.#problem(
        'config-unknown-key',
        `\`${key.slice(0, 60)}\` is not a key of a test file`,
        [key],
        help,
        true,
      )
    }
    const { tests } = top
    if (tests === undefined || tests === null) return
    if (!Array.isArray(tests)) {
      this.#problem('config-type', '`tests` must be a list', ['tests'], 'begin each test with `- name: …`')
      return
    }
    for (const [index, test] of tests.entries()) this.#test(['tests', index], test)
  }

  #test(path: Path, value: unknown): void {
    const head = this.#examine(path, testSchema, value)
    if (head === null) return
    const { rules } = head
    for (const [index, id] of (rules ?? []).entries()) this.#checkRule(id, [...path, 'rules', index])
    const steps: PlacedStep[] = []
    let latestMs = 0
    for (const [index, written] of head.steps.entries()) {
      const place = [...path, 'steps', index]
      const step = this.#step(place, written)
      if (step === null) continue
      const atMs = step.at ?? latestMs
      if (atMs < latestMs) {
        const help = 'steps stand in the order of time; `at` counts from the start of the test'
        this.#problem(
          'config-value',
          '`at` is earlier than the step before has ended',
          [...place, 'at'],
          help,
        )
      }
      latestMs = Math.max(latestMs, atMs) + (step.restart ?? 0)
      steps.push({ ...step, atMs, place: (...below) => this.#place([...place, ...below]) })
    }
    const [file = '', line = '1'] = splitPlace(placeText(this.#parsed, path, false))
    this.tests.push({ ...head, file, line: Number(line), steps })
  }

  #step(path: Path, value: unknown): TestStep | null {
    const rest = withoutNotYet(value, path, this.problems, 'test.step')
    const body =
      isMap(rest) && isMap(rest.expect)
        ? { ...rest, expect: this.#availableExpectations([...path, 'expect'], rest.expect) }
        : rest
    const step = this.#examine(path, stepSchema, body)
    if (step === null) return null
    for (const [index, { broker }] of (step.send ?? []).entries()) {
      if (broker === undefined || this.#known.brokers.includes(broker)) continue
      const place = isMap(value) && Array.isArray(value.send) ? ['send', index] : ['send']
      const help = `there is: ${this.#known.brokers.join(', ')}`
      this.#problem(
        'rule-unknown-broker',
        `there is no broker named "${broker}"`,
        [...path, ...place, 'broker'],
        help,
      )
    }
    if (typeof step.link === 'object') {
      for (const name of Object.keys(step.link))
        this.#checkName('broker', name, this.#known.brokers, [...path, 'link', name])
    }
    if (step.forget !== undefined) this.#checkKey(step.forget, [...path, 'forget'])
    for (const act of ['ack', 'resolve'] as const) {
      const { rule, key } = step[act] ?? {}
      if (rule !== undefined) this.#checkKey({ rule, key }, [...path, act])
    }
    const { receivers, channels } = this.#known
    const { latest } = step.ack ?? {}
    if (latest !== undefined) this.#checkName('receiver', latest, receivers, [...path, 'ack', 'latest'])
    for (const name of Object.keys(step.channel ?? {}))
      this.#checkName('channel', name, channels, [...path, 'channel', name])
    const { some, ...lists } = step.expect ?? {}
    for (const [base, part] of [
      [['expect'], lists],
      [['expect', 'some'], some ?? {}],
    ] as const) {
      for (const list of ['alerts', 'states', 'transitions', 'notices'] as const) {
        for (const [index, { rule }] of (part[list] ?? []).entries()) {
          if (rule !== undefined) this.#checkRule(rule, [...path, ...base, list, index, 'rule'])
        }
      }
      for (const [index, { receiver, channel }] of (part.notify ?? []).entries()) {
        const place = [...path, ...base, 'notify', index]
        this.#checkText('receiver', receiver, receivers, [...place, 'receiver'])
        this.#checkText('channel', channel, channels, [...place, 'channel'])
      }
    }
    return step
  }

  #availableExpectations(path: Path, value: Record<string, unknown>): unknown {
    const rest = withoutNotYet(value, path, this.problems, 'test.expect')
    if (!isMap(rest) || !isMap(rest.some)) return rest
    return { ...rest, some: withoutNotYet(rest.some, [...path, 'some'], this.problems, 'test.expect') }
  }

  #checkRule(id: string, path: Path): void {
    if (this.#ruleIds.includes(id)) return
    const near = closest(id, this.#ruleIds)
    const help = near === null ? 'name a rule of this directory that is enabled' : `did you mean \`${near}\`?`
    this.#problem('config-value', `there is no rule \`${id.slice(0, 60)}\``, path, help)
  }

  /** A name of the configuration, unless it is a pattern. */
  #checkText(kind: string, text: string | undefined, known: readonly string[], path: Path): void {
    if (text !== undefined && parsePattern(text) === null) this.#checkName(kind, text, known, path)
  }

  #checkName(kind: string, name: string, known: readonly string[], path: Path): void {
    if (known.includes(name)) return
    const near = closest(name, known)
    const there = known.length === 0 ? 'there is none' : `there is: ${known.join(', ')}`
    const help = near === null ? there : `did you mean \`${near}\`?`
    this.#problem('config-value', `there is no ${kind} \`${name.slice(0, 60)}\``, path, help)
  }

  /** Without a key the rule alone is looked at. */
  #checkKey(
    { rule: id, key }: { readonly rule: string; readonly key?: Readonly<Record<string, string>> | undefined },
    path: Path,
  ): void {
    this.#checkRule(id, [...path, 'rule'])
    if (key === undefined) return
    const names = this.#known.rules.find((rule) => rule.id === id)?.key.names
    if (names === undefined) return
    const given = Object.keys(key)
    if (given.length === names.length && names.every((name) => given.includes(name))) return
    const help = `write key: { ${names.map((name) => `${name}: …`).join(', ')} }`
    this.#problem('config-value', `the keys of \`${id}\` have other parts`, [...path, 'key'], help)
  }

  #examine<T>(path: Path, schema: z.ZodType<T>, value: unknown): T | null {
    return examine(this.#parsed, path, schema, value, this.problems)
  }

  #place(path: Path): string {
    return splitPlace(placeText(this.#parsed, path, true))
      .slice(0, 2)
      .join(':')
  }

  #problem(code: FoundProblem['code'], message: string, path: Path, help: string, atKey = false): void {
    this.problems.push({ code, message, path, help, severity: 'error', ...(atKey ? { atKey } : {}) })
  }
}

/** File, line and column; a file's name may hold colons itself. */
function splitPlace(place: string): string[] {
  const match = /^(.*):(\d+):(\d+)$/s.exec(place)
  return match === null ? [place] : [match[1] ?? '', match[2] ?? '', match[3] ?? '']
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
