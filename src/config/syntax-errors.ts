/** Says in plain words what keeps a file from being YAML. */
import type { Document, YAMLParseError } from 'yaml'
import { isCollection, isScalar, visit } from 'yaml'
import type { FoundProblem } from './found-problem.ts'
import type { SourceText, Span } from './source-text.ts'

/** The first error of the document as a problem; the others mostly follow from it. */
export function explainSyntaxError(document: Document.Parsed, source: SourceText): FoundProblem | null {
  const error = document.errors[0]
  if (error === undefined) return null
  const [start, end] = error.pos
  const at: Place = {
    source,
    start,
    end,
    line: source.line(source.position(start).line),
    rest: source.text.slice(start, source.lineEnd(start)),
  }
  const said = template(at) ?? explanations[error.code]?.(at, error, document) ?? otherwise(error)
  return {
    code: said.code ?? 'yaml-syntax',
    message: said.message,
    help: said.help,
    path: [],
    severity: 'error',
    span: said.span ?? { start, end },
  }
}

interface Place {
  readonly source: SourceText
  readonly start: number
  readonly end: number
  readonly line: string
  /** The line from the error on. */
  readonly rest: string
}

interface Said {
  readonly code?: 'yaml-syntax' | 'yaml-tab' | 'yaml-documents' | 'yaml-template-unquoted' | 'yaml-alias'
  readonly message: string
  readonly help: string
  readonly span?: Span
}

type Explain = (at: Place, error: YAMLParseError, document: Document.Parsed) => Said | null

const explanations: Readonly<Record<string, Explain>> = {
  TAB_AS_INDENT: () => ({
    code: 'yaml-tab',
    message: 'a tab stands where YAML needs spaces',
    help: 'indent with two spaces for each step',
  }),
  MULTIPLE_DOCS: (at) => ({
    code: 'yaml-documents',
    message: 'the file holds more than one YAML document',
    help: 'remove the line `---`, or make a file of each document',
    span: { start: at.start, end: at.start + 3 },
  }),
  BAD_SCALAR_START: (at) => ({
    message: `a value cannot begin with \`${at.rest.slice(0, 1)}\` in YAML`,
    help: `put it in quotes: ${quoted(at.rest)}`,
    span: { start: at.start, end: at.start + at.rest.length },
  }),
  BAD_ALIAS: (at) => ({
    code: 'yaml-alias',
    message: `\`${at.source.text[at.start] === '&' ? '&' : '*'}\` begins ${at.source.text[at.start] === '&' ? 'an anchor' : 'an alias'} in YAML`,
    help: `if it is text, put it in quotes: ${quoted(at.rest)}`,
  }),
  BAD_DQ_ESCAPE: (at) => ({
    message: `\`${at.source.text.slice(at.start, at.end + (at.end - at.start < 2 ? 1 : 0))}\` means nothing between double quotes`,
    help: "use single quotes, which take a backslash as it is: '\\d+'",
    span: { start: at.start, end: at.start + 2 },
  }),
  BAD_DIRECTIVE: (at) => ({
    message: 'a line that begins with `%` is an instruction to the YAML reader',
    help: `if it is text, put it in quotes: ${quoted(at.rest)}`,
  }),
  MISSING_CHAR: (at, error, document) => missingCharacter(at, error, document),
  MULTILINE_IMPLICIT_KEY: (at) => missingColon(at),
  BLOCK_AS_IMPLICIT_KEY: (at) => nestedMap(at),
  UNEXPECTED_TOKEN: (at, error, document) => unexpected(at, error, document),
  BAD_INDENT: (at, error, document) =>
    /^Flow/.test(error.message) ? unclosedFlow(at, document) : indentation(),
  KEY_OVER_1024_CHARS: () => ({
    message: 'a key is longer than 1,024 characters',
    help: 'a colon may be missing, or a quote may not be closed',
  }),
}

function missingCharacter(at: Place, error: YAMLParseError, document: Document.Parsed): Said | null {
  if (error.message.includes('quote')) {
    const opening = lastQuoted(document, at.start)
    return {
      message: 'the quote that opens here is never closed',
      help: 'end the text with the same quote',
      ...(opening === null ? {} : { span: { start: opening, end: opening + 1 } }),
    }
  }
  if (error.message.includes('Sequence item')) return indentation()
  if (/Flow|,|}|\]/.test(error.message)) return unclosedFlow(at, document)
  const line = at.source.position(at.start)
  const text = at.source.line(line.line).trim() || at.source.line(Math.max(1, line.line - 1)).trim()
  return { message: `a colon is missing after \`${excerpt(text)}\``, help: `write \`${firstWord(text)}: …\`` }
}

function missingColon(at: Place): Said {
  const text = at.rest
  const tight = /^([\w.-]+):(\S.*)$/.exec(text)
  if (tight !== null) {
    return {
      message: `a blank is missing after the colon in \`${excerpt(text)}\``,
      help: `write \`${excerpt(`${tight[1]}: ${tight[2]}`)}\``,
      span: { start: at.start, end: at.start + text.length },
    }
  }
  const word = /^([\w.-]+)(?:\s+(.*))?$/.exec(text)
  const help =
    word?.[2] === undefined
      ? `write \`${firstWord(text)}:\``
      : `write \`${excerpt(`${word[1]}: ${word[2]}`)}\``
  return {
    message: `a colon is missing in \`${excerpt(text)}\``,
    help,
    span: { start: at.start, end: at.start + text.length },
  }
}

function nestedMap(at: Place): Said {
  const span = { start: at.start, end: at.start + at.rest.length }
  if (/^[^"'].*:(\s|$)/.test(at.rest)) {
    return {
      message: 'the text has a colon and a blank in it, which YAML reads as another key',
      help: `put it in quotes: ${quoted(at.rest)}`,
      span,
    }
  }
  if (at.rest.startsWith('?')) {
    return {
      message: 'a value cannot begin with `? ` in YAML',
      help: `put it in quotes: ${quoted(at.rest)}`,
      span,
    }
  }
  return {
    message: 'the line after this one is indented further, as if it belonged below this value',
    help: 'give keys that belong together the same indentation',
    span,
  }
}

function unexpected(at: Place, error: YAMLParseError, document: Document.Parsed): Said | null {
  const before = at.source.text.slice(0, at.start)
  if (/[:-]\s+[|>][-+\d]*\s*$/.test(before)) {
    const sign = /[|>](?=[-+\d]*\s*$)/.exec(before)?.[0] ?? '>'
    const value = before.slice(before.lastIndexOf(sign)) + at.rest
    return {
      message: `a value that begins with \`${sign}\` is a block of text in YAML`,
      help: `put it in quotes: ${quoted(value)}`,
    }
  }
  if (error.message.includes('block-seq-ind')) {
    return {
      message: 'a list cannot begin on the line of its key',
      help: 'put each `- ` on a line of its own below the key, or write [a, b]',
    }
  }
  const quotedBefore = /(?:^|[:\-[{,]\s*)((["'])(?:(?!\2).)*\2\s*)$/.exec(
    at.source.text.slice(0, at.start).split('\n').at(-1) ?? '',
  )
  if (quotedBefore !== null) {
    const whole = (quotedBefore[1] ?? '') + at.rest
    return {
      message: 'there is more text after the closing quote',
      help: `put the whole value in quotes: ${quoted(whole)}`,
      span: { start: at.start, end: at.start + at.rest.length },
    }
  }
  if (/flow-(map|seq)-(start|end)|at node end/.test(error.message)) {
    return {
      message: `\`${excerpt(at.rest)}\` does not fit here`,
      help: 'inside { } and [ ], put text that contains , [ ] { } in quotes; and close each bracket once',
    }
  }
  return unclosedFlow(at, document)
}

/** The bracket that is still open where reading failed. */
function unclosedFlow(at: Place, document: Document.Parsed): Said | null {
  let opening: number | null = null
  visit(document, {
    Collection(_, node) {
      const start = node.range?.[0]
      if (isCollection(node) && node.flow === true && start !== undefined && start < at.start) opening = start
    },
  })
  if (opening === null) return null
  const bracket = at.source.text[opening] ?? '{'
  return {
    message: `the \`${bracket}\` that opens here is not closed`,
    help: `end it with \`${bracket === '[' ? ']' : '}'}\`; inside, put text that contains , [ ] { } in quotes`,
    span: { start: opening, end: opening + 1 },
  }
}

function indentation(): Said {
  return {
    message: 'the indentation of this line fits none of the lines above it',
    help: 'give keys that belong together the same indentation, and indent with spaces',
  }
}

function template(at: Place): Said | null {
  const match = /(?:^\s*|[:\-[,{]\s+|\[)(\{\{.*)$/.exec(at.line)
  const value = match?.[1]
  if (value === undefined) return null
  const lineStart = at.source.text.lastIndexOf('\n', at.start - 1) + 1
  const start = lineStart + at.line.indexOf(value)
  return {
    code: 'yaml-template-unquoted',
    message: 'a value that begins with `{{` must be in quotes',
    help: `write ${quoted(value)}`,
    span: { start, end: start + value.trimEnd().length },
  }
}

function otherwise(error: YAMLParseError): Said {
  const text = error.message.slice(0, 1).toLowerCase() + error.message.slice(1, 200)
  return { message: `this is not YAML: ${text}`, help: 'look for a missing quote, colon or indentation here' }
}

function lastQuoted(document: Document.Parsed, before: number): number | null {
  let opening: number | null = null
  visit(document, {
    Scalar(_, node) {
      const isQuoted = isScalar(node) && (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE')
      if (isQuoted && node.range != null && node.range[0] <= before) opening = node.range[0]
    },
  })
  return opening
}

/** The text as a YAML scalar in quotes, without a comment behind it. */
export function quoted(text: string): string {
  const value = text.replace(/\s+#.*$/, '').trim()
  const short = value.length > 60 ? `${value.slice(0, 60)}…` : value
  if (!short.includes('"') && !short.includes('\\')) return `"${short}"`
  return `'${short.replaceAll("'", "''")}'`
}

function excerpt(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}

function firstWord(text: string): string {
  return excerpt(/^(?:- )?(\S+)/.exec(text)?.[1] ?? text)
}
