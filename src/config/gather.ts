/** Gathers the sections of all files: checks each entry, and tells what is written twice. */
import type { z } from 'zod'
import type { Path } from '../core/problem.ts'
import type { Table } from '../core/rules/definition.ts'
import type { BrokerDefinition } from './configuration.ts'
import { examine } from './examine.ts'
import { name } from './fields.ts'
import type { FoundProblem } from './found-problem.ts'
import { configLimits } from './limits.ts'
import { findNode, placeText } from './locate.ts'
import { isNotYet, withoutNotYet } from './not-yet.ts'
import type { ParsedFile } from './parse-yaml.ts'
import { schemaProblems, unknownKeyHelp } from './schema-problems.ts'
import { brokerSchema } from './sections/broker.ts'
import { calendarSchema } from './sections/calendar.ts'
import { type RuleParts, ruleSchema, type WrittenRule } from './sections/rule.ts'
import { settingsShape, type WrittenSettings } from './sections/settings.ts'
import { tableSchema } from './sections/table.ts'
import { spanOf } from './yaml-value.ts'

/** Where something was written. */
interface Origin {
  readonly parsed: ParsedFile
  readonly path: Path
}

export interface Entry<T> extends Origin {
  /** Null when it was written but has problems: others may still refer to it. */
  readonly value: T | null
}

/** A rule, or as much of it as could be read. */
export interface RuleEntry extends Entry<WrittenRule> {
  /** Keys that had problems of their own and are left out of the value; the rule is compiled only to find more. */
  readonly leftOut: ReadonlySet<string>
}

export interface Gathered {
  readonly brokers: ReadonlyMap<string, Entry<BrokerDefinition>>
  readonly tables: ReadonlyMap<string, Entry<Table>>
  readonly calendars: ReadonlyMap<string, Entry<z.output<typeof calendarSchema>>>
  readonly settings: WrittenSettings
  readonly rules: readonly RuleEntry[]
}

export type Report = (parsed: ParsedFile, problem: FoundProblem) => void

const sectionNames = ['brokers', 'tables', 'calendars', 'settings', 'rules'] as const

export function gather(files: readonly ParsedFile[], parts: RuleParts, report: Report): Gathered {
  const gatherer = new Gatherer(ruleSchema(parts), report)
  for (const parsed of files) if (!parsed.broken) gatherer.file(parsed)
  return gatherer
}

const nameSchema = name('')
const nothing: ReadonlySet<string> = new Set()

class Gatherer implements Gathered {
  readonly brokers = new Map<string, Entry<BrokerDefinition>>()
  readonly tables = new Map<string, Entry<Table>>()
  readonly calendars = new Map<string, Entry<z.output<typeof calendarSchema>>>()
  settings: WrittenSettings = {}
  readonly rules: RuleEntry[] = []
  readonly #settingOrigins = new Map<string, Origin>()
  readonly #ruleOrigins = new Map<string, Origin>()
  readonly #ruleSchema: z.ZodType<WrittenRule>
  readonly #report: Report

  constructor(schema: z.ZodType<WrittenRule>, report: Report) {
    this.#ruleSchema = schema
    this.#report = report
  }

  file(parsed: ParsedFile): void {
    const top = parsed.value
    if (top === null) return
    if (!isMap(top)) {
      const help = Array.isArray(top)
        ? 'write `rules:` above the list, and indent it'
        : 'begin with the name of a section, such as `rules:`'
      this.#problem(parsed, 'config-type', 'a file holds sections such as `rules:` and `brokers:`', [], help)
      return
    }
    const sections = this.#delivered(parsed, top, [])
    for (const [key, value] of Object.entries(sections)) {
      if (key === 'rules') this.#rules(parsed, value)
      else if (key === 'settings') this.#settings(parsed, value)
      else if (key === 'brokers') this.#entries(parsed, key, value, brokerSchema, this.brokers)
      else if (key === 'tables') this.#entries(parsed, key, value, tableSchema, this.tables)
      else if (key === 'calendars') this.#entries(parsed, key, value, calendarSchema, this.calendars)
      else {
        const known = sectionNames.filter((section) => !isNotYet('file', section))
        const help = unknownKeyHelp('file', key, known)
        const more = { atKey: true }
        this.#problem(
          parsed,
          'config-unknown-key',
          `\`${key.slice(0, 60)}\` is not a section`,
          [key],
          help,
          more,
        )
      }
    }
  }

  #entries<T>(
    parsed: ParsedFile,
    section: string,
    value: unknown,
    schema: z.ZodType<T>,
    into: Map<string, Entry<T>>,
  ): void {
    if (value === null) return
    if (!isMap(value)) {
      const help = `write a name for each: ${section}: { default: … }`
      this.#problem(parsed, 'config-type', `\`${section}\` must be a map of names`, [section], help)
      return
    }
    for (const [key, content] of Object.entries(value)) {
      const path = [section, key]
      const named = nameSchema.safeParse(key)
      if (!named.success) {
        const found = schemaProblems(
          { parsed, base: path, schema: nameSchema, value: key },
          named.error.issues,
        )
        for (const one of found) this.#report(parsed, { ...one, atKey: true })
      }
      const first = into.get(key)
      if (first !== undefined) {
        this.#duplicate(parsed, path, `the ${section.slice(0, -1)} \`${key}\``, first)
        continue
      }
      into.set(key, { parsed, path, value: this.#examine(parsed, path, schema, content) })
    }
  }

  #settings(parsed: ParsedFile, value: unknown): void {
    if (value === null) return
    if (!isMap(value)) {
      this.#problem(
        parsed,
        'config-type',
        '`settings` must be a map',
        ['settings'],
        'write lines of `key: value`',
      )
      return
    }
    for (const [key, content] of Object.entries(this.#delivered(parsed, value, ['settings']))) {
      const path = ['settings', key]
      if (!isSetting(key)) {
        const help = unknownKeyHelp(
          'settings',
          key,
          Object.keys(settingsShape).filter((one) => !isNotYet('settings', one)),
        )
        this.#problem(parsed, 'config-unknown-key', `\`${key.slice(0, 60)}\` is not a setting`, path, help, {
          atKey: true,
        })
        continue
      }
      const first = this.#settingOrigins.get(key)
      if (first !== undefined) {
        this.#duplicate(parsed, path, `the setting \`${key}\``, first)
        continue
      }
      this.#settingOrigins.set(key, { parsed, path })
      const schema: z.ZodType<unknown> = settingsShape[key]
      const setting = this.#examine(parsed, path, schema, content)
      if (setting !== null) this.settings = { ...this.settings, [key]: setting }
    }
  }

  #rules(parsed: ParsedFile, value: unknown): void {
    if (value === null) return
    if (!Array.isArray(value)) {
      this.#problem(
        parsed,
        'config-type',
        '`rules` must be a list',
        ['rules'],
        'begin each rule with `- id: …`',
      )
      return
    }
    for (const [index, item] of value.entries()) {
      const path = ['rules', index]
      if (this.rules.length >= configLimits.rules) {
        const most = configLimits.rules.toLocaleString('en')
        this.#problem(
          parsed,
          'config-too-many-rules',
          `there are more than ${most} rules`,
          path,
          'use fewer, with captures such as +device',
        )
        return
      }
      this.rules.push({ parsed, path, ...this.#rule(parsed, path, item) })
    }
  }

  #rule(parsed: ParsedFile, path: Path, item: unknown): Pick<RuleEntry, 'value' | 'leftOut'> {
    const notYet: FoundProblem[] = []
    let rule = withoutNotYet(item, path, notYet)
    if (isMap(rule)) {
      this.#noteId(parsed, path, rule.id)
      if (isMap(rule.alert)) {
        rule = { ...rule, alert: withoutNotYet(rule.alert, [...path, 'alert'], notYet) }
      }
      if (isMap(rule) && isMap(rule.with)) {
        const joins: Record<string, unknown> = {}
        for (const [key, entry] of Object.entries(rule.with)) {
          const place = [...path, 'with', key]
          const count = notYet.length
          const rest = withoutNotYet(entry, place, notYet)
          if (count === notYet.length) joins[key] = rest
        }
        rule = { ...rule, with: joins }
      }
    }
    const problems = [...notYet]
    const value = examine(parsed, path, this.#ruleSchema, rule, problems)
    for (const problem of problems) this.#report(parsed, problem)
    if (hasFailed(parsed, path)) return { value: null, leftOut: nothing }
    // What is missing from a rule would make problems that only follow from it: see what the rest says.
    const leftOut = new Set(problems.map((problem) => String(problem.path[path.length] ?? '')))
    if (value !== null || !isMap(rule) || leftOut.has('')) return { value, leftOut }
    const rest = Object.fromEntries(Object.entries(rule).filter(([key]) => !leftOut.has(key)))
    return { value: examine(parsed, path, this.#ruleSchema, rest, []), leftOut }
  }

  #noteId(parsed: ParsedFile, path: Path, id: unknown): void {
    if (typeof id !== 'string') return
    const idPath = [...path, 'id']
    const first = this.#ruleOrigins.get(id)
    if (first !== undefined) this.#duplicate(parsed, idPath, `the rule id \`${id}\``, first)
    else this.#ruleOrigins.set(id, { parsed, path: idPath })
  }

  #delivered(parsed: ParsedFile, value: Record<string, unknown>, path: Path): Record<string, unknown> {
    const problems: FoundProblem[] = []
    const rest = withoutNotYet(value, path, problems)
    for (const problem of problems) this.#report(parsed, problem)
    return isMap(rest) ? rest : {}
  }

  #examine<T>(parsed: ParsedFile, path: Path, schema: z.ZodType<T>, value: unknown): T | null {
    const problems: FoundProblem[] = []
    const examined = examine(parsed, path, schema, value, problems)
    for (const problem of problems) this.#report(parsed, problem)
    return examined
  }

  #duplicate(parsed: ParsedFile, path: Path, what: string, first: Origin): void {
    const code = path[0] === 'settings' ? 'config-duplicate-setting' : 'config-duplicate-id'
    const isValue = path[0] === 'rules'
    const where = placeText(first.parsed, first.path, !isValue)
    const message = `${what} is written twice; the first is at ${where}`
    this.#problem(
      parsed,
      code,
      message,
      path,
      path[0] === 'settings' ? 'remove one of the two' : 'rename or remove one of the two',
      {
        atKey: !isValue,
      },
    )
  }

  #problem(
    parsed: ParsedFile,
    code: FoundProblem['code'],
    message: string,
    path: Path,
    help: string | null,
    more: Partial<FoundProblem> = {},
  ): void {
    this.#report(parsed, {
      code,
      message,
      path,
      severity: 'error',
      ...(help === null ? {} : { help }),
      ...more,
    })
  }
}

/** Whether a problem of the YAML itself, such as a variable that is not set, lies within. */
function hasFailed(parsed: ParsedFile, path: Path): boolean {
  if (parsed.failed.size === 0) return false
  const { node } = findNode(parsed, path)
  if (node === null) return true
  const { start, end } = spanOf(node)
  return [...parsed.failed].some((failed) => spanOf(failed).start >= start && spanOf(failed).end <= end)
}

function isSetting(key: string): key is keyof typeof settingsShape {
  return Object.hasOwn(settingsShape, key)
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
