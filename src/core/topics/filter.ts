/** Topic filters as rules write them: MQTT's wildcards, which may be given names (`+device`, `#rest`). */
import { type Problem, problem, type Result } from '../problem.ts'
import { builtInVariables } from '../rules/scope.ts'
import { checkTopicText, quoted } from './topic-text.ts'

export interface Capture {
  /** Null for a wildcard without a name. */
  readonly name: string | null
  /** Which level it stands at, from 0. */
  readonly level: number
  readonly kind: '+' | '#'
}

export interface Filter {
  /** As MQTT subscribes: without the names of captures. */
  readonly text: string
  /** As it was written. */
  readonly source: string
  /** The levels of `text`; a level may be empty [MQTT-4.7.3-1]. */
  readonly levels: readonly string[]
  /** One for each wildcard, named or not, in the order of levels. */
  readonly captures: readonly Capture[]
}

/** After so many problems in one filter the others wait until these are mended. */
export const filterProblemLimit = 10

const captureNamePattern = /^[A-Za-z_][A-Za-z0-9_]*$/

/** Names that mean something else in expressions or templates, or that must never become a key of an object. */
const reservedCaptureNames: ReadonlySet<string> = new Set([
  ...builtInVariables,
  'key',
  ...['true', 'false', 'null', 'and', 'or', 'not', 'in', 'this', 'undefined'],
  ...['nil', 'empty', 'blank', 'contains'],
  ...['__proto__', 'constructor', 'prototype'],
])

/** Reads a filter of a rule. Offsets of problems count UTF-16 units of `text`; their path is empty. */
export function parseFilter(text: string): Result<Filter> {
  return parse(text, true)
}

/** Reads a filter in which wildcards cannot have names: a subscription, an option of the command line. */
export function parsePlainFilter(text: string): Result<Filter> {
  return parse(text, false)
}

/** What is wrong with a topic that is to be published to; null when nothing is. */
export function checkTopicName(text: string): Problem | null {
  const bad = checkTopicText(text, 'topic')
  if (bad !== null) return bad
  const offset = text.search(/[+#]/)
  if (offset < 0) return null
  // [MQTT-3.3.2-2]
  return problem(
    'topic-wildcard-in-name',
    [],
    `The topic ${quoted(text)} contains the wildcard ${text.charAt(offset)}`,
    { help: 'Write the topic in full: a message is published to one topic.', offset },
  )
}

/**
 * What each wildcard of the filter stands for, in the order of `filter.captures`. `#` stands for all remaining
 * levels, and for the empty string where `a/#` matches `a` itself. The topic must match the filter.
 */
export function captureValues(filter: Filter, topic: string): string[] {
  if (filter.captures.length === 0) return []
  const levels = topic.split('/')
  return filter.captures.map(({ kind, level }) =>
    kind === '+' ? (levels[level] ?? '') : levels.slice(level).join('/'),
  )
}

function parse(source: string, named: boolean): Result<Filter> {
  const bad = checkTopicText(source, 'filter')
  if (bad !== null) return { ok: false, problems: [bad] }

  const written = source.split('/')
  // A shared subscription begins with $share [MQTT-4.8.2-1]; as an ordinary level it is lost to MQTT 5.
  if (written[0] === '$share') {
    const inner = written.slice(2).join('/')
    const help = `Write ${inner === '' ? 'the plain filter' : quoted(inner)}: how the work is shared between several Tocsins is a setting.`
    return {
      ok: false,
      problems: [
        problem('topic-shared-subscription', [], `${quoted(source)} is a shared subscription`, {
          help,
          offset: 0,
        }),
      ],
    }
  }

  const problems: Problem[] = []
  const levels: string[] = []
  const captures: Capture[] = []
  const names = new Set<string>()
  let offset = 0
  for (let level = 0; level < written.length && problems.length < filterProblemLimit; level++) {
    const part = written[level]!
    const found = readLevel(part)
    const report = (code: Problem['code'], message: string, help: string, at = 0) =>
      problems.push(problem(code, [], message, { help, offset: offset + at }))
    const rewritten = (...parts: string[]) => quoted([...written.slice(0, level), ...parts].join('/'))

    if (found.kind === 'misplaced') {
      const wildcard = part.charAt(found.at)
      report(
        'topic-wildcard-placement',
        `${quoted(source)}: a wildcard must fill a whole level, and ${quoted(part)} mixes ${wildcard} with other text`,
        wildcard === '+'
          ? `Write ${rewritten('+', ...written.slice(level + 1))} and sort out the rest with a condition.`
          : `Write ${rewritten('#')} and sort out the rest with a condition.`,
        found.at,
      )
    } else if (found.kind === 'literal') {
      levels.push(part)
    } else {
      const { kind, name } = found
      if (kind === '#' && level < written.length - 1) {
        report(
          'topic-wildcard-placement',
          `${quoted(source)}: # must come last, since it stands for all remaining levels`,
          `Write ${rewritten(part)}, or + for a single level: ${rewritten('+', ...written.slice(level + 1))}.`,
        )
      }
      if (name !== null) {
        const refusal = named ? checkCaptureName(kind, name, names) : plainWildcardOnly(kind, name)
        if (refusal !== null) report(refusal.code, `${quoted(source)}: ${refusal.message}`, refusal.help, 1)
        names.add(name)
      }
      levels.push(kind)
      captures.push({ name, level, kind })
    }
    offset += part.length + 1
  }
  if (problems.length > 0) return { ok: false, problems }
  return { ok: true, value: { text: levels.join('/'), source, levels, captures } }
}

type Level =
  | { readonly kind: 'literal' }
  | { readonly kind: '+' | '#'; readonly name: string | null }
  | { readonly kind: 'misplaced'; readonly at: number }

function readLevel(part: string): Level {
  const first = part.charAt(0)
  if (first !== '+' && first !== '#') {
    const at = part.search(/[+#]/)
    return at < 0 ? { kind: 'literal' } : { kind: 'misplaced', at }
  }
  const name = part.slice(1)
  if (/[+#]/.test(name)) return { kind: 'misplaced', at: 1 + name.search(/[+#]/) }
  return { kind: first, name: name === '' ? null : name }
}

type NameRefusal = { readonly code: Problem['code']; readonly message: string; readonly help: string }

function checkCaptureName(kind: '+' | '#', name: string, taken: ReadonlySet<string>): NameRefusal | null {
  const code = 'topic-capture-name'
  if (!captureNamePattern.test(name)) {
    const mended = name.replace(/[^A-Za-z0-9_]+/g, '_').replace(/^(?=[0-9])/, '_')
    const help = /[A-Za-z0-9]/.test(mended)
      ? `Write ${kind}${quoted(mended).slice(1, -1)}, or ${kind} alone.`
      : `Write ${kind} alone, or give it a name such as ${kind}device.`
    const message = `${quoted(name)} cannot be the name of a capture, which has letters a-z, digits and _ and does not begin with a digit`
    return { code, message, help }
  }
  if (reservedCaptureNames.has(name)) {
    const message = `a capture cannot be named ${quoted(name)}, which already means something in conditions and texts`
    return { code, message, help: `Choose another name, such as ${kind}${name.replaceAll('__', '')}_level.` }
  }
  if (taken.has(name)) {
    const message = `the name ${quoted(name)} is given to two captures`
    return {
      code,
      message,
      help: `Give each its own name, such as ${kind}${quoted(`${name}_2`).slice(1, -1)}.`,
    }
  }
  return null
}

function plainWildcardOnly(kind: '+' | '#', name: string): NameRefusal {
  return {
    code: 'topic-wildcard-placement',
    message: `a wildcard must fill a whole level, and only the topic of a rule can name it (${quoted(kind + name)})`,
    help: `Write ${kind} alone.`,
  }
}
