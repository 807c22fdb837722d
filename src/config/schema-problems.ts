/** Turns what a zod schema finds wrong into problems in plain words, with what to write instead. */
import { isScalar } from 'yaml'
import type { z } from 'zod'
import { closest } from '../core/conditions/did-you-mean.ts'
import type { Path } from '../core/problem.ts'
import { type ProblemCode, problemCatalogue } from '../core/problem-catalogue.ts'
import type { FoundProblem } from './found-problem.ts'
import { habit } from './habits.ts'
import { findNode } from './locate.ts'
import { isNotYet, type NotYet, notYetProblem } from './not-yet.ts'
import type { ParsedFile } from './parse-yaml.ts'
import { type Place, placeOf } from './place.ts'
import { descriptionAt, keysAt } from './schema-keys.ts'
import { spanOf } from './yaml-value.ts'

type Issue = z.core.$ZodIssue
type Schema = z.core.$ZodType

export interface Examined {
  readonly parsed: ParsedFile
  /** Where the examined value stands in the file. */
  readonly base: Path
  readonly schema: Schema
  readonly value: unknown
  /** Instead of the usual table. */
  readonly notYet?: NotYet | undefined
}

export function schemaProblems(examined: Examined, issues: readonly Issue[]): FoundProblem[] {
  const problems = issues.flatMap((issue) => explain(examined, issue, pathOf(issue)))
  const explained = new Set(problems.flatMap(({ explains }) => explains ?? []))
  return problems
    .filter(({ path }) => !explained.has(JSON.stringify(path)))
    .map(({ explains: _, ...found }) => found)
}

/** Also the paths whose own problems only follow from this one. */
type Explained = FoundProblem & { readonly explains?: readonly string[] }

function pathOf(issue: Issue): Path {
  return issue.path.map((part) => (typeof part === 'number' ? part : String(part)))
}

function explain(examined: Examined, issue: Issue, path: Path): Explained[] {
  const report = (
    code: ProblemCode,
    message: string,
    help?: string,
    more: Partial<FoundProblem> = {},
  ): Explained[] => [
    {
      code,
      message,
      ...(help === undefined ? {} : { help }),
      path: [...examined.base, ...path],
      severity: 'error',
      ...more,
    },
  ]
  const name = nameOf([...examined.base, ...path])
  const value = valueAt(examined.value, path)
  const ownMessage = /^(Invalid |Too (big|small)|Unrecognized |Number must|expected:)/.test(issue.message)
    ? null
    : issue.message

  if (issue.code === 'unrecognized_keys') return issue.keys.flatMap((key) => unknownKey(examined, path, key))
  if (issue.code === 'invalid_union') return unionProblem(examined, issue, path)
  if (issue.code === 'invalid_key')
    return issue.issues
      .flatMap((inner) => explain(examined, inner, path))
      .map((found) => ({ ...found, atKey: true }))
  if (issue.code === 'custom') {
    const { code, help, offset } = paramsOf(issue)
    const expected = /^expected:(\w+)$/.exec(issue.message)?.[1]
    if (expected !== undefined) return wrongType(examined, path, [expected], report)
    return report(code ?? 'config-value', issue.message, help, offset === undefined ? {} : { offset })
  }
  if (issue.code === 'invalid_type' && (value === undefined || value === null || ownMessage === null)) {
    return wrongType(examined, path, [issue.expected], report)
  }
  if (value === null) return wrongType(examined, path, [], report)
  if (ownMessage !== null) return report('config-value', ownMessage)
  switch (issue.code) {
    case 'invalid_value': {
      if (path.at(-1) === 'qos' && value === 2) return report('config-value', ...qosTwo)
      const options = issue.values.map(String)
      if (path.at(-1) === 'decode' && isNotYet('decode', String(value), examined.notYet)) {
        return [notYetProblem([...examined.base, ...path], String(value), false)]
      }
      const near = typeof value === 'string' ? closest(value, options) : null
      return report(
        'config-value',
        `${name} must be ${oneOf(options)}; this is ${shown(examined, path)}`,
        near === null ? undefined : `did you mean \`${near}\`?`,
      )
    }
    case 'too_small':
    case 'too_big':
      return report('config-value', `${name} ${bound(issue)}; this is ${shown(examined, path)}`)
    case 'invalid_format':
      return report(
        'config-value',
        `${name} is not written as it must be: ${shown(examined, path)}`,
        describeKey(examined, path),
      )
    case 'not_multiple_of':
      return report(
        'config-value',
        `${name} must be a multiple of ${issue.divisor}; this is ${shown(examined, path)}`,
      )
    default:
      return report('config-value', `${name} cannot be used as it is`, describeKey(examined, path))
  }
}

type Report = (code: ProblemCode, message: string, help?: string) => Explained[]

const qosTwo = [
  'QoS 2 is not offered: messages are received and published at QoS 1 at most',
  'write 1 (at least once), and let receivers bear a message that comes twice',
] as const

function paramsOf(issue: Issue): { code?: ProblemCode; help?: string; offset?: number } {
  if (issue.code !== 'custom' || issue.params === undefined) return {}
  const { code, help, offset } = issue.params
  return {
    ...(isProblemCode(code) ? { code } : {}),
    ...(typeof help === 'string' ? { help } : {}),
    ...(typeof offset === 'number' ? { offset } : {}),
  }
}

function isProblemCode(value: unknown): value is ProblemCode {
  return typeof value === 'string' && Object.hasOwn(problemCatalogue, value)
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: '`true` or `false`',
  array: 'a list',
  object: 'a map (lines of `key: value`)',
  record: 'a map (lines of `key: value`)',
  null: 'empty',
  duration: 'a duration such as 90s or 5m',
  size: 'a size such as 256KiB or 10MiB',
  expression: 'an expression',
  time: 'a time of day such as "22:00"',
}

function wrongType(examined: Examined, path: Path, expected: readonly string[], report: Report): Explained[] {
  const full = [...examined.base, ...path]
  const name = nameOf(full)
  const value = valueAt(examined.value, path)
  if (value === undefined)
    return report('config-missing-key', `${name} is missing`, describeKey(examined, path))
  const wanted = oneOf([...new Set(expected.flatMap((kind) => kinds[kind] ?? []))])
  if (value === null) {
    const trap = emptyTrap(examined.parsed, full)
    return report(
      'config-empty',
      `${name} is empty`,
      trap ?? (wanted === '' ? 'remove the key, or give it a value' : `write ${wanted}, or remove the key`),
    )
  }
  const message = `${name} must be ${wanted}; this is ${shown(examined, path)}`
  return report('config-type', message, typeHelp(examined, full, value, new Set(expected)))
}

/** YAML reads `topic: #` and `topic: &x` as nothing at all. */
function emptyTrap(parsed: ParsedFile, path: Path): string | null {
  const { node, key } = findNode(parsed, path)
  const from = key === null ? null : spanOf(key).end
  const line = from === null ? '' : parsed.source.text.slice(from, parsed.source.lineEnd(from))
  const rest = /^["']?\s*:\s*(\S.*)$/.exec(line)?.[1]
  if (rest?.startsWith('#') === true) {
    return `\`#\` begins a comment in YAML; put the text in quotes: "${rest}"`
  }
  if (rest?.startsWith('&') === true)
    return `\`&\` begins an anchor in YAML; put the text in quotes: "${rest}"`
  if (isScalar(node) && node.source !== undefined && node.source !== '') {
    return `\`${node.source}\` means nothing in YAML; if it is text, put it in quotes: "${node.source}"`
  }
  return null
}

function typeHelp(
  examined: Examined,
  path: Path,
  value: unknown,
  expected: ReadonlySet<string>,
): string | undefined {
  const text = sourceText(examined.parsed, path)
  if (expected.has('string') && (typeof value === 'number' || typeof value === 'boolean')) {
    return `put it in quotes: "${text}"`
  }
  if (typeof value === 'string') {
    if (expected.has('boolean')) {
      const meant = /^(yes|on|y|true|1)$/i.test(value)
        ? 'true'
        : /^(no|off|n|false|0)$/i.test(value)
          ? 'false'
          : null
      return meant === null
        ? undefined
        : `write ${meant}${/^(true|false)$/i.test(value) ? ', without quotes' : ''}`
    }
    if ((expected.has('number') || expected.has('int')) && /^[-+]?\d+(\.\d+)?$/.test(value.trim()))
      return `write ${value.trim()}, without quotes`
    if (expected.has('array')) return `write it as a list: [${text}]`
  }
  if (expected.has('array') && isMap(value)) return 'begin each item with `- `'
  if (expected.has('object') || expected.has('record')) {
    const last = path.at(-1)
    if (last === 'key' && typeof value === 'string') {
      const part = /([A-Za-z_]\w*)$/.exec(value)?.[1] ?? 'name'
      return `give the part a name: key: { ${part}: ${value} }`
    }
    if (Array.isArray(value)) return 'write `name: value` lines without `- `'
    const keys = keysAt(examined.schema, path.slice(examined.base.length)).slice(0, 4)
    return keys.length === 0
      ? undefined
      : `write { ${keys[0]}: … }; it has the keys ${keys.map((key) => `\`${key}\``).join(', ')}`
  }
  return undefined
}

function unknownKey(examined: Examined, path: Path, key: string): Explained[] {
  const parent = [...examined.base, ...path]
  const place = placeOf(parent)
  if (isNotYet(place, key, examined.notYet))
    return [{ ...notYetProblem([...parent, key], key, true), explains: [JSON.stringify(parent)] }]
  const found: FoundProblem = {
    code: 'config-unknown-key',
    message: `\`${key.slice(0, 60)}\` is not a key of ${placeName(place, parent)}`,
    path: [...parent, key],
    severity: 'error',
    atKey: true,
  }
  const known = keysAt(examined.schema, path).filter((one) => !isNotYet(place, one, examined.notYet))
  const empty = ['action', 'following', 'rule'].includes(place)
    ? emptyOwner(examined, path, key, known)
    : null
  if (empty !== null) {
    return [
      {
        ...found,
        help: `indent \`${key}\` two blanks further, so that it stands below \`${empty}\``,
        explains: [JSON.stringify([...parent, empty])],
      },
    ]
  }
  const help = unknownKeyHelp(place, key, known)
  // A key that is written under another name is not missing as well, nor is an action whose name is unknown.
  const meant = /^(?:did you mean|here it is) `(\w+)/.exec(help ?? '')?.[1]
  return [
    {
      ...found,
      ...(help === null ? {} : { help }),
      explains: [
        JSON.stringify(parent),
        ...(meant === undefined || meant === key ? [] : [JSON.stringify([...parent, meant])]),
      ],
    },
  ]
}

export function unknownKeyHelp(place: Place, key: string, known: readonly string[]): string | null {
  const instead = habit(place, key)
  if (instead !== null) return `here it is ${instead}`
  const near = closest(key, known) ?? abbreviated(key, known)
  if (near !== null) return `did you mean \`${near}\`?`
  return known.length === 0
    ? null
    : `it has ${list(
        known.map((one) => `\`${one}\``),
        'and',
      )}`
}

/** `desc` for `description`, `topics` for `topic`. */
function abbreviated(key: string, known: readonly string[]): string | null {
  if (key.length < 3) return null
  return known.find((one) => one.length >= 3 && (one.startsWith(key) || key.startsWith(one))) ?? null
}

/** What stands beside the key, is empty and has such a key; an answer may have any. */
function emptyOwner(examined: Examined, path: Path, key: string, owners: readonly string[]): string | null {
  const item = valueAt(examined.value, path)
  if (!isMap(item)) return null
  return (
    owners.find(
      (name) =>
        Object.hasOwn(item, name) &&
        item[name] === null &&
        (name === 'respond' || keysAt(examined.schema, [...path, name]).includes(key)),
    ) ?? null
  )
}

function unionProblem(
  examined: Examined,
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: Path,
): Explained[] {
  const branches = issue.errors
  const isKind = (one: Issue) =>
    one.path.length === 0 &&
    (one.code === 'invalid_type' || (one.code === 'custom' && one.message.startsWith('expected:')))
  // The branch that fits the value's kind says what is wrong inside it.
  const fitting = branches.filter((branch) => !branch.some(isKind))
  const values = fitting.flat().filter((one) => one.path.length === 0 && one.code === 'invalid_value')
  if (values.length > 1 && values.length === fitting.flat().length) {
    const merged = [
      ...new Set(values.flatMap((one) => (one.code === 'invalid_value' ? one.values : [])).map(String)),
    ]
    return explain(examined, { code: 'invalid_value', values: merged, path: [], message: 'Invalid ' }, path)
  }
  const best = [...fitting].sort((a, b) => a.length - b.length)[0]
  if (best !== undefined)
    return best.flatMap((inner) => explain(examined, inner, [...path, ...pathOf(inner)]))
  const expected = branches.flatMap((branch) =>
    branch.flatMap((one) => (isKind(one) && one.code === 'invalid_type' ? one.expected : [])),
  )
  return wrongType(examined, path, expected, (code, message, help) => [
    {
      code,
      message,
      ...(help === undefined ? {} : { help }),
      path: [...examined.base, ...path],
      severity: 'error',
    },
  ])
}

function bound(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>): string {
  const limit = Number(issue.code === 'too_small' ? issue.minimum : issue.maximum)
  const sign = issue.code === 'too_small' ? 'at least' : 'at most'
  switch (issue.origin) {
    case 'string':
      return limit === 1 && issue.code === 'too_small'
        ? 'cannot be empty'
        : `must have ${sign} ${limit} characters`
    case 'array':
      return `must have ${sign} ${limit} item${limit === 1 ? '' : 's'}`
    default:
      return `must be ${sign} ${limit.toLocaleString('en')}`
  }
}

function describeKey(examined: Examined, path: Path): string | undefined {
  const description = descriptionAt(examined.schema, path)
  const key = path.at(-1)
  return description === null || key === undefined
    ? undefined
    : `\`${key}\` says: ${description.slice(0, 200)}`
}

/** The value as it is written; what came from outside is never shown. */
function shown(examined: Examined, relative: Path): string {
  const path = [...examined.base, ...relative]
  const { node } = findNode(examined.parsed, path)
  const value = valueAt(examined.value, relative)
  const text = sourceText(examined.parsed, path)
  if (node !== null && examined.parsed.substituted.has(node)) return `the value of \`${text}\``
  if (typeof value === 'number') return `the number ${text}`
  if (typeof value === 'boolean') return `\`${value}\``
  if (typeof value === 'string')
    return value === '' ? 'empty' : `the text \`${value.length > 40 ? `${value.slice(0, 40)}…` : value}\``
  return Array.isArray(value) ? 'a list' : 'a map'
}

function sourceText(parsed: ParsedFile, path: Path): string {
  const { node } = findNode(parsed, path)
  if (node === null) return ''
  const { start, end } = spanOf(node)
  return parsed.source.text.slice(start, Math.min(end, start + 60)).trim()
}

/** The last key of the path; for an item of a list, the list's key and the number of the item. */
function nameOf(path: Path): string {
  const last = path.at(-1)
  if (typeof last !== 'number') return last === undefined ? 'the file' : `\`${last}\``
  const key = path.findLast((part) => typeof part === 'string')
  if (path.length === 2 && key === 'rules') return `rule ${last + 1}`
  return `item ${last + 1} of \`${key ?? ''}\``
}

function placeName(place: Place, path: Path): string {
  if (place === 'file') return 'the file'
  if (place === 'rule') return 'a rule'
  if (place === 'action' || place === 'following') return 'an action’s list item'
  if (place === 'with') return 'a `with` entry'
  if (place === 'policy.steps') return 'a step'
  if (place === 'policy.mute') return 'an item of `mute`'
  if (place === 'inhibit') return 'an item of `inhibit`'
  if (['broker', 'calendar', 'table', 'receiver', 'policy'].includes(place)) return `a ${place}`
  return nameOf(path)
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value
  for (const part of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, part)) return undefined
    current = Reflect.get(current, part)
  }
  return current
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function oneOf(options: readonly string[]): string {
  return list(options, 'or')
}

function list(words: readonly string[], conjunction: string): string {
  return words.length < 2
    ? (words[0] ?? '')
    : `${words.slice(0, -1).join(', ')} ${conjunction} ${words.at(-1)}`
}
