/** Gathers the sections of all files: checks each entry, and tells what is written twice. */
import type { z } from 'zod'
import type { InhibitDefinition } from '../core/alerts/definition.ts'
import type { Path } from '../core/problem.ts'
import type { Table } from '../core/rules/definition.ts'
import type { Channel } from '../ports/channel.ts'
import type { Account, BrokerDefinition } from './configuration.ts'
import { examine } from './examine.ts'
import { name } from './fields.ts'
import type { FoundProblem } from './found-problem.ts'
import { insertValues } from './insert-values.ts'
import { configLimits } from './limits.ts'
import { findNode, placeText } from './locate.ts'
import { isNotYet, type NotYet, notYet, withoutNotYet } from './not-yet.ts'
import type { ParsedFile } from './parse-yaml.ts'
import { placeOf } from './place.ts'
import { schemaProblems, unknownKeyHelp } from './schema-problems.ts'
import { brokerSchema } from './sections/broker.ts'
import { calendarSchema } from './sections/calendar.ts'
import { inhibitSchema } from './sections/inhibit.ts'
import { policySchema, type WrittenPolicy } from './sections/policy.ts'
import { receiverLanguage, receiverSchema, type WrittenReceiver } from './sections/receiver.ts'
import { type RuleParts, ruleLanguage, ruleSchema, type WrittenRule } from './sections/rule.ts'
import { accountSchemas, inbox, settingsShape, type WrittenSettings } from './sections/settings.ts'
import { tableSchema } from './sections/table.ts'
import { spanOf } from './yaml-value.ts'

/** Where something was written. */
export interface Origin {
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
  readonly receivers: ReadonlyMap<string, Entry<WrittenReceiver>>
  readonly policies: ReadonlyMap<string, Entry<WrittenPolicy>>
  readonly inhibits: readonly Entry<InhibitDefinition>[]
  readonly settings: WrittenSettings
  /** Accounts of the channels, by their key below `settings`. */
  readonly accounts: ReadonlyMap<string, Account>
  /** Every setting that is written, also those with problems. */
  readonly settingOrigins: ReadonlyMap<string, Origin>
  readonly rules: readonly RuleEntry[]
}

export interface GatherParts extends RuleParts {
  readonly channels?: readonly Channel[] | undefined
  /** Instead of the usual table. */
  readonly notYet?: NotYet | undefined
}

export type Report = (parsed: ParsedFile, problem: FoundProblem) => void

const sectionNames = [
  'brokers',
  'receivers',
  'policies',
  'inhibit',
  'tables',
  'calendars',
  'settings',
  'rules',
] as const

export function gather(files: readonly ParsedFile[], parts: GatherParts, report: Report): Gathered {
  const gatherer = new Gatherer(parts, report)
  for (const parsed of files) if (!parsed.broken) gatherer.file(parsed)
  return gatherer
}

const nameSchema = name('')
const nothing: ReadonlySet<string> = new Set()

class Gatherer implements Gathered {
  readonly brokers = new Map<string, Entry<BrokerDefinition>>()
  readonly tables = new Map<string, Entry<Table>>()
  readonly calendars = new Map<string, Entry<z.output<typeof calendarSchema>>>()
  readonly receivers = new Map<string, Entry<WrittenReceiver>>()
  readonly policies = new Map<string, Entry<WrittenPolicy>>()
  readonly inhibits: Entry<InhibitDefinition>[] = []
  settings: WrittenSettings = {}
  readonly accounts = new Map<string, Account>()
  readonly settingOrigins = new Map<string, Origin>()
  readonly rules: RuleEntry[] = []
  readonly #ruleOrigins = new Map<string, Origin>()
  readonly #ruleSchema: z.ZodType<WrittenRule>
  readonly #receiverSchema: z.ZodType<WrittenReceiver>
  readonly #accountSchemas: ReadonlyMap<string, z.ZodType<unknown>>
  readonly #notYet: NotYet
  readonly #report: Report

  constructor(parts: GatherParts, report: Report) {
    const { channels = [] } = parts
    this.#ruleSchema = ruleSchema(parts)
    this.#receiverSchema = receiverSchema(channels)
    this.#accountSchemas = accountSchemas(channels)
    this.#notYet = parts.notYet ?? notYet
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
      else if (key === 'receivers') this.#receivers(parsed, value)
      else if (key === 'policies') this.#policies(parsed, value)
      else if (key === 'inhibit') this.#inhibits(parsed, value)
      else if (key === 'tables') this.#entries(parsed, key, value, tableSchema, this.tables)
      else if (key === 'calendars') this.#entries(parsed, key, value, calendarSchema, this.calendars)
      else {
        const known = sectionNames.filter((section) => !isNotYet('file', section, this.#notYet))
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
        this.#duplicate(parsed, path, `the ${placeOf(path)} \`${key}\``, first)
        continue
      }
      into.set(key, { parsed, path, value: this.#examine(parsed, path, schema, content) })
    }
  }

  #receivers(parsed: ParsedFile, value: unknown): void {
    const problems: FoundProblem[] = []
    const inserted = insertValues(parsed, ['receivers'], value, receiverLanguage, problems)
    for (const problem of problems) this.#report(parsed, problem)
    this.#entries(parsed, 'receivers', inserted, this.#receiverSchema, this.receivers)
  }

  #policies(parsed: ParsedFile, value: unknown): void {
    const { none, ...policies } = isMap(value) ? value : {}
    if (none !== undefined) {
      this.#problem(
        parsed,
        'config-name',
        '`none` cannot be the name of a policy: it stands for telling nobody',
        ['policies', 'none'],
        'choose another name',
        { atKey: true },
      )
    }
    this.#entries(parsed, 'policies', isMap(value) ? policies : value, policySchema, this.policies)
  }

  #inhibits(parsed: ParsedFile, value: unknown): void {
    if (value === null) return
    if (!Array.isArray(value)) {
      const help = 'begin each item with `- `, such as - { when: { rule: … }, mute: { rule: … } }'
      this.#problem(parsed, 'config-type', '`inhibit` must be a list', ['inhibit'], help)
      return
    }
    for (const [index, item] of value.entries()) {
      const path = ['inhibit', index]
      if (this.inhibits.length >= configLimits.inhibits) {
        const most = configLimits.inhibits.toLocaleString('en')
        const help = 'use fewer, with lists and patterns as values'
        this.#problem(parsed, 'config-value', `\`inhibit\` has more than ${most} items`, path, help)
        return
      }
      this.inhibits.push({ parsed, path, value: this.#examine(parsed, path, inhibitSchema, item) })
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
      const accountSchema = this.#accountSchemas.get(key)
      if (!isSetting(key) && accountSchema === undefined) {
        const known = [...Object.keys(settingsShape), ...this.#accountSchemas.keys()]
        const help = unknownKeyHelp(
          'settings',
          key,
          known.filter((one) => !isNotYet('settings', one, this.#notYet)),
        )
        this.#problem(parsed, 'config-unknown-key', `\`${key.slice(0, 60)}\` is not a setting`, path, help, {
          atKey: true,
        })
        continue
      }
      const first = this.settingOrigins.get(key)
      if (first !== undefined) {
        this.#duplicate(parsed, path, `the setting \`${key}\``, first)
        continue
      }
      this.settingOrigins.set(key, { parsed, path })
      if (accountSchema !== undefined) this.#account(parsed, path, key, accountSchema, content)
      else if (isSetting(key)) {
        const schema: z.ZodType<unknown> = settingsShape[key]
        const setting = this.#examine(parsed, path, schema, content)
        if (setting !== null) this.settings = { ...this.settings, [key]: setting }
      }
    }
  }

  #account(parsed: ParsedFile, path: Path, key: string, schema: z.ZodType<unknown>, content: unknown): void {
    if (content === inbox) {
      this.accounts.set(key, { kind: 'inbox' })
      return
    }
    if (typeof content === 'string') {
      const help = 'write the account as a map, or inbox to keep and show what would be sent'
      this.#problem(parsed, 'config-type', `\`${key}\` must be an account, or the word inbox`, path, help)
      return
    }
    const account = this.#examine(parsed, path, schema, content)
    if (account !== null) this.accounts.set(key, { kind: 'account', account })
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
    const problems: FoundProblem[] = []
    const available = (value: unknown, at: Path) =>
      withoutNotYet(value, at, problems, undefined, this.#notYet)
    let rule = available(insertValues(parsed, path, item, ruleLanguage, problems), path)
    if (isMap(rule)) {
      this.#noteId(parsed, path, rule.id)
      if (isMap(rule.alert)) {
        rule = { ...rule, alert: available(rule.alert, [...path, 'alert']) }
      }
      if (isMap(rule) && isMap(rule.with)) {
        const joins: Record<string, unknown> = {}
        for (const [key, entry] of Object.entries(rule.with)) {
          const place = [...path, 'with', key]
          const count = problems.length
          const rest = available(entry, place)
          if (count === problems.length) joins[key] = rest
        }
        rule = { ...rule, with: joins }
      }
    }
    const value = examine(parsed, path, this.#ruleSchema, rule, problems, this.#notYet)
    for (const problem of problems) this.#report(parsed, problem)
    if (hasFailed(parsed, path)) return { value: null, leftOut: nothing }
    // What is missing from a rule would make problems that only follow from it: see what the rest says.
    const leftOut = new Set(problems.map((problem) => String(problem.path[path.length] ?? '')))
    if (value !== null || !isMap(rule) || leftOut.has('')) return { value, leftOut }
    const rest = Object.fromEntries(Object.entries(rule).filter(([key]) => !leftOut.has(key)))
    return { value: examine(parsed, path, this.#ruleSchema, rest, [], this.#notYet), leftOut }
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
    const rest = withoutNotYet(value, path, problems, undefined, this.#notYet)
    for (const problem of problems) this.#report(parsed, problem)
    return isMap(rest) ? rest : {}
  }

  #examine<T>(parsed: ParsedFile, path: Path, schema: z.ZodType<T>, value: unknown): T | null {
    const problems: FoundProblem[] = []
    const examined = examine(parsed, path, schema, value, problems, this.#notYet)
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
