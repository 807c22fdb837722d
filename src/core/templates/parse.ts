/** Reads a template's source into LiquidJS's pieces, or says in plain words why it cannot be read. */
import { LiquidError, type Template, Tokenizer, TypeGuards } from 'liquidjs'
import { closest } from '../conditions/did-you-mean.ts'
import { type Problem, problem, type Result } from '../problem.ts'
import { engine, tagNames } from './engine.ts'
import { maxNesting, maxSourceChars } from './limits.ts'

const openingTags = new Set(['if', 'unless', 'case', 'for', 'capture'])
const partTags = new Set(['else', 'elsif', 'when'])

export function parseTemplate(source: string): Result<Template[]> {
  if (source.length > maxSourceChars) {
    return failed(problem('template-limit', [], `The template is longer than ${maxSourceChars} characters.`))
  }
  try {
    const tokens = new Tokenizer(source, engine.options.operators).readTopLevelTokens(engine.options)
    let depth = 0
    for (const token of tokens) {
      if (!TypeGuards.isTagToken(token)) continue
      if (openingTags.has(token.name)) depth += 1
      else if (token.name.startsWith('end')) depth -= 1
      if (depth > maxNesting) {
        const message = `Tags stand more than ${maxNesting} deep inside each other.`
        return failed(problem('template-limit', [], message, { offset: token.begin }))
      }
    }
    return { ok: true, value: engine.parser.parseTokens(tokens) }
  } catch (error) {
    // Brackets inside brackets are read by recursion: the stack ends before any template worth writing does.
    if (overflowed(error)) return failed(problem('template-limit', [], 'The template is too deeply nested.'))
    if (LiquidError.is(error)) return failed(explain(error, source))
    throw error
  }
}

function overflowed(error: unknown): boolean {
  return error instanceof RangeError || (LiquidError.is(error) && error.originalError instanceof RangeError)
}

function failed(found: Problem): { ok: false; problems: readonly Problem[] } {
  return { ok: false, problems: [found] }
}

function explain(error: LiquidError, source: string): Problem {
  const said = (error.originalError?.message ?? error.message).replace(/, line:\d+, col:\d+$/, '')
  // Here LiquidJS has already passed the character it complains of.
  const offset = said.startsWith('expected "|"') ? error.token.begin - 1 : error.token.begin
  const tag = /^tag "(.*)" not found$/s.exec(said)?.[1]
  if (tag !== undefined) return unknownTag(tag, offset)
  const piece = excerpt(enclosing(source, offset))
  const syntax = (message: string, help: string): Problem =>
    problem('template-syntax', [], message, { help, offset })
  if (/^output .* not closed$/s.test(said)) {
    return syntax(`This {{ is never closed: ${piece}`, 'End it with }}, and close every quote inside it.')
  }
  if (/^(tag|raw) .* not closed$/s.test(said)) {
    const name = /^\{%-?\s*(\w+)/.exec(error.token.getText())?.[1]
    const end = name !== undefined && (openingTags.has(name) || name === 'raw' || name === 'comment')
    return syntax(
      `This tag is never closed: ${piece}`,
      end ? `Add {% end${name} %}, and end every tag with %}.` : 'End it with %}.',
    )
  }
  if (
    said.startsWith('expected filter name') ||
    (said.startsWith('expected "|"') && piece.startsWith('{%'))
  ) {
    return syntax(
      `The template cannot be read here: ${piece}`,
      'Compare with ==, !=, <, >, <=, >= or contains, and join with the words and, or.',
    )
  }
  if (said.startsWith('expected "|" before filter')) {
    return syntax(
      `The template cannot be read here: ${piece}`,
      'Between {{ and }} stands a variable, then filters, each after a |; sums are filters: {{ payload.t | plus: 1 }}.',
    )
  }
  if (said.startsWith('expected ":" after filter name')) {
    return syntax(`A filter's arguments need a colon: ${piece}`, 'Write it like {{ payload.t | round: 1 }}.')
  }
  if (said.startsWith('invalid value expression') || said.includes('value expected')) {
    return syntax(`A value is missing: ${piece}`, 'Write a variable, such as {{ payload.temperature }}.')
  }
  if (said.startsWith('illegal tag')) {
    return syntax(
      `This tag cannot be read: ${piece}`,
      'A loop is written {% for item in payload.list %} … {% endfor %}.',
    )
  }
  return syntax(
    `The template cannot be read here: ${piece} (${said})`,
    'Compare it with the examples of templates.',
  )
}

function unknownTag(tag: string, offset: number): Problem {
  if (tag.startsWith('end') || partTags.has(tag)) {
    const message = `{% ${tag} %} stands alone.`
    const help = tag.startsWith('end')
      ? `Remove it, or open it with {% ${tag.slice(3)} … %}.`
      : 'It belongs inside {% if … %} or {% case … %}.'
    return problem('template-syntax', [], message, { help, offset })
  }
  const near = closest(tag, tagNames)
  const help = near === null ? `The tags are ${tagNames.join(', ')}.` : `Did you mean {% ${near} %}?`
  return problem('template-unknown-tag', [], `There is no tag {% ${excerpt(tag)} %} here.`, { help, offset })
}

/** The `{{ … }}` or `{% … %}` that an offset lies in, as far as it goes. */
function enclosing(source: string, offset: number): string {
  const begin = Math.max(source.lastIndexOf('{{', offset), source.lastIndexOf('{%', offset), 0)
  const end = source.slice(begin).search(/[}%]\}/)
  return end === -1 ? source.slice(begin) : source.slice(begin, begin + end + 2)
}

const maxExcerptChars = 60

export function excerpt(text: string): string {
  return text.length <= maxExcerptChars ? text : `${text.slice(0, maxExcerptChars - 1)}…`
}
