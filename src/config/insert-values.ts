/**
 * What comes from the environment or a file into an expression or a template is a value there, never a part of the
 * language: a secret that holds `{{` is text, and no variable can add a condition.
 */
import type { Path } from '../core/problem.ts'
import type { FoundProblem } from './found-problem.ts'
import { findNode } from './locate.ts'
import type { ParsedFile } from './parse-yaml.ts'
import type { TextPart } from './substitute.ts'
import { spanOf } from './yaml-value.ts'

/** `duration` is one that comes whole from outside, such as 5m; else it is an expression. */
export type Language = 'expression' | 'template' | 'duration'

/** A copy of the value, in which texts of a language have what came from outside put in as values. */
export function insertValues(
  parsed: ParsedFile,
  base: Path,
  value: unknown,
  languageOf: (path: Path) => Language | null,
  problems: FoundProblem[],
): unknown {
  if (parsed.insertions.size === 0) return value
  const visit = (part: unknown, path: Path): unknown => {
    if (Array.isArray(part)) return part.map((item, index) => visit(item, [...path, index]))
    if (typeof part === 'object' && part !== null) {
      return Object.fromEntries(Object.entries(part).map(([key, item]) => [key, visit(item, [...path, key])]))
    }
    if (typeof part !== 'string') return part
    const { node, steps } = findNode(parsed, [...base, ...path])
    const parts = node === null ? undefined : parsed.insertions.get(node)
    if (node === null || parts === undefined || steps !== base.length + path.length) return part
    const language = languageOf(path)
    if (language === null || (language === 'duration' && !/^\s*[A-Za-z_(]/.test(part))) return part
    const inserted = insert(parts, language === 'template' ? templates : expressions)
    if (inserted.ok) return inserted.text
    const { start, end } = spanOf(node)
    problems.push({
      code: 'config-variable-place',
      message: inserted.isWhole
        ? `\`${inserted.label}\` cannot bring a whole expression`
        : `\`${inserted.label}\` cannot be a part of a name`,
      help: inserted.isWhole
        ? 'write the expression here and let only values come from outside, as in payload > ' +
          `${inserted.label}; a text stands in quotes: "'${inserted.label}'"`
        : `it is a value: leave blanks around it, put it into quotes, or write payload[${inserted.label}]`,
      path: [...base, ...path],
      // Said so, the message is known to show nothing of the value.
      span: { start, end: Math.min(end, parsed.source.lineEnd(start)) },
      severity: 'error',
    })
    return part
  }
  return visit(value, [])
}

interface Syntax {
  /** What begins and ends code; null: all is code. */
  readonly code: { readonly begin: RegExp; readonly end: RegExp } | null
  quote(text: string): string
  /** The characters of a text between quotes. */
  inQuotes(text: string): string
  literal(value: string): string
}

const expressions: Syntax = {
  code: null,
  quote: (text) => `"${expressions.inQuotes(text)}"`,
  inQuotes: (text) =>
    text
      .replace(/[\\"']/g, '\\$&')
      .replaceAll('\n', '\\n')
      .replaceAll('\r', '\\r')
      .replaceAll('\t', '\\t'),
  literal: (value) => (value.startsWith('-') ? `(${value})` : value),
}

const templates: Syntax = {
  code: { begin: /\{[{%]$/, end: /[}%]\}$/ },
  quote: (text) => `"${templates.inQuotes(text)}"`,
  inQuotes: (text) =>
    text.replace(
      /[\\"'{}%\u0000-\u001f]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  literal: (value) => value,
}

type Inserted = { ok: true; text: string } | { ok: false; label: string; isWhole: boolean }

function insert(parts: readonly TextPart[], syntax: Syntax): Inserted {
  let text = ''
  let isCode = syntax.code === null
  let quote: string | null = null
  let afterValue = false
  const isWhole = syntax.code === null && parts.filter(({ text }) => text.trim() !== '').length <= 1
  for (const [index, { text: part, label }] of parts.entries()) {
    if (label === null) {
      for (let at = 0; at < part.length; at++) {
        const character = part[at] ?? ''
        text += character
        if (!isCode) isCode = syntax.code?.begin.test(text.slice(-2)) ?? true
        else if (quote !== null) {
          if (character === '\\') text += part[++at] ?? ''
          else if (character === quote) quote = null
        } else if (character === '"' || character === "'") quote = character
        else if (syntax.code?.end.test(text.slice(-2)) === true) isCode = false
      }
      if (part !== '') afterValue = false
      continue
    }
    if (!isCode) text = insertText(text, part)
    else if (quote !== null) text += syntax.inQuotes(part)
    else {
      const literal = isLiteral(part)
      const isJoined =
        afterValue || /[\w.$]/.test(text.slice(-1)) || /^[\w.$([]/.test(parts[index + 1]?.text ?? '')
      if (isJoined || (isWhole && !literal)) return { ok: false, label, isWhole: isWhole && !isJoined }
      text += literal ? syntax.literal(part) : syntax.quote(part)
      afterValue = true
    }
  }
  return { ok: true, text }
}

/** Outside of `{{ … }}` an opening brace is the only character with a meaning, also one that stands right before. */
function insertText(before: string, value: string): string {
  const isJoined = before.endsWith('{') && /^[{%]/.test(value)
  return `${isJoined ? `${before.slice(0, -1)}${brace}` : before}${value.replaceAll('{', brace)}`
}

const brace = '{{ "{" }}'

/** Numbers as people write them, not what only looks like one: 007 and 1e5 are names. */
function isLiteral(text: string): boolean {
  if (text === 'true' || text === 'false') return true
  if (!/^-?(0|[1-9]\d*)(\.\d+)?$/.test(text)) return false
  return text.includes('.') || Number.isSafeInteger(Number(text))
}
