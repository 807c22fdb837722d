/**
 * Reads the text of an expression into a syntax tree, with jsep's tokens, strings, member access and `?:`.
 * The binary operators are read here, because of `and`, `or`, `not`, `not in`, and to say what to write instead
 * of operators that other languages have; so are brackets, where jsep lets missing commas pass.
 */
import jsep from 'jsep'
import { logicLimits } from './logic.ts'

export type Syntax = jsep.Expression

/** A problem at a place of the text; the expression's reader makes a Problem of it. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError'
  readonly offset: number
  readonly help: string | undefined
  readonly code:
    | 'expr-syntax'
    | 'expr-limit'
    | 'expr-unknown-operator'
    | 'expr-arguments'
    | 'expr-unknown-variable'

  constructor(message: string, offset: number, help?: string, code: ExpressionError['code'] = 'expr-syntax') {
    super(message)
    this.offset = offset
    this.help = help
    this.code = code
  }
}

/** Where a node begins, and whether it stood in parentheses of its own. */
export interface Place {
  readonly offset: number
  readonly grouped: boolean
}

/** jsep's parser class, whose methods are meant to be extended but are not in its types. */
interface JsepParser {
  index: number
  readonly expr: string
  readonly code: number
  gobbleSpaces(): void
  gobbleExpression(): Syntax | false | undefined
  gobbleToken(): Syntax | false
  throwError(message: string): never
}

const BaseParser = (jsep as unknown as { Jsep: new (text: string) => JsepParser }).Jsep

/** Calls inside each other: a level of parentheses takes two, one of `?:` or `not` takes one. */
const parserDepth = 3 * logicLimits.depth

/** The binding strength of `not`: weaker than a comparison, stronger than `and`. */
const notStrength = 4
const comparisonStrength = 5

/** Binary operators with how strongly they bind. `and`, `or` become && and ||. */
const strengths: ReadonlyMap<string, number> = new Map([
  ['??', 1],
  ['||', 2],
  ['or', 2],
  ['&&', 3],
  ['and', 3],
  ...['==', '!=', '===', '!==', '<', '<=', '>', '>=', 'in', 'not in'].map((operator): [string, number] => [
    operator,
    comparisonStrength,
  ]),
  ['+', 6],
  ['-', 6],
  ['*', 7],
  ['/', 7],
  ['%', 7],
])

/** What other languages write, and what it is here. */
const foreign: ReadonlyMap<string, string> = new Map([
  ['=', 'Use == to compare.'],
  ['=>', 'Write the expression alone: inside some(list, …) the element is “item”.'],
  ['=~', 'Use matches(text, "pattern").'],
  ['<>', 'Use != for “is not”.'],
  ['&', 'Use “and”.'],
  ['|', 'Use “or”. Filters such as “| round” belong to templates.'],
  ['^', 'Multiply with * instead.'],
  ['**', 'Multiply with * instead.'],
  ['<<', 'Use < to compare.'],
  ['>>', 'Use > to compare.'],
  ['>>>', 'Use > to compare.'],
  ['++', 'Variables cannot be changed; use + 1.'],
  ['--', 'Variables cannot be changed; use - 1.'],
  ['+=', 'Variables cannot be changed.'],
  ['-=', 'Variables cannot be changed.'],
  [':=', 'Use == to compare.'],
  ['AND', 'Write “and” in small letters.'],
  ['OR', 'Write “or” in small letters.'],
  ['NOT', 'Write “not” in small letters.'],
  ['IN', 'Write “in” in small letters.'],
  ['is', 'Use == to compare.'],
  ['contains', 'Turn it round: “item in list”.'],
])

const symbolsAtEnd = /[=<>!&|^*+\-/%?:~]+/y
const wordAt = /[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*/y

function matchAt(pattern: RegExp, text: string, index: number): string {
  pattern.lastIndex = index
  return pattern.exec(text)?.[0] ?? ''
}

class Parser extends BaseParser {
  readonly places = new WeakMap<object, Place>()
  private depth = 0

  /** The whole text as one expression. */
  whole(): Syntax {
    const tree = this.expression('an expression')
    this.gobbleSpaces()
    if (this.index < this.expr.length) this.refuseRest()
    return tree
  }

  expression(wanted: string): Syntax {
    const tree = this.gobbleExpression()
    if (!tree) throw new ExpressionError(`There should be ${wanted} here`, this.index)
    return tree
  }

  /** What stands where an operator or the end should be. */
  refuseRest(): never {
    const { index, expr } = this
    const word = matchAt(wordAt, expr, index)
    const written = word || matchAt(symbolsAtEnd, expr, index) || expr[index] || ''
    const help = foreign.get(written) ?? (word ? `Put an operator such as “and” or == before it.` : undefined)
    throw new ExpressionError(`“${written}” does not belong here`, index, help)
  }

  /** One level further in; the levels of the logic are counted later, these keep the stack from overflowing. */
  private descend(): void {
    if (++this.depth <= parserDepth) return
    const { depth } = logicLimits
    throw new ExpressionError(
      `The expression is nested more than ${depth} deep`,
      this.index,
      undefined,
      'expr-limit',
    )
  }

  override gobbleExpression(): Syntax | false | undefined {
    this.descend()
    const node = super.gobbleExpression()
    this.depth--
    return node
  }

  override gobbleToken(): Syntax | false {
    this.gobbleSpaces()
    const offset = this.index
    this.descend()
    this.refuseForeignToken()
    const node = super.gobbleToken()
    this.depth--
    if (node && !this.places.has(node)) this.places.set(node, { offset, grouped: false })
    return node
  }

  private refuseForeignToken(): void {
    const { index, expr } = this
    const char = expr[index]
    if (char === '{')
      throw new ExpressionError(
        '“{” does not belong here',
        index,
        'Write JsonLogic as YAML, not in an expression.',
      )
    if (char === '`')
      throw new ExpressionError(
        '“`” does not belong here',
        index,
        'Put text in "double" or \'single\' quotes.',
      )
    if (char === '~')
      throw new ExpressionError('There is no operator “~”', index, 'Use “not”.', 'expr-unknown-operator')
    if (char === '/')
      throw new ExpressionError(
        '“/” does not belong here',
        index,
        'Patterns are texts: matches(payload.name, "^pump").',
      )
    const two = expr.slice(index, index + 2)
    if (two === '++' || two === '--') {
      throw new ExpressionError(
        `There is no operator “${two}”`,
        index,
        foreign.get(two),
        'expr-unknown-operator',
      )
    }
    const word = matchAt(wordAt, expr, index)
    if (word === 'NOT') throw new ExpressionError('“NOT” does not belong here', index, foreign.get('NOT'))
    if (word === 'and' || word === 'or' || word === 'in') {
      throw new ExpressionError(`There should be a value before “${word}”`, index)
    }
  }

  /** Precedence climbing, from operators that bind more strongly than `weakest`. */
  gobbleBinaryExpression(weakest = 0): Syntax | false {
    let left = this.operand(weakest)
    if (!left) return left
    for (;;) {
      const operator = this.peekOperator()
      const strength = operator === null ? 0 : strengths.get(operator.name)!
      if (operator === null || strength <= weakest) return left
      this.gobbleSpaces()
      const at = this.index
      this.index += operator.length
      const right = this.gobbleBinaryExpression(strength)
      if (!right) throw new ExpressionError(`There should be a value after “${operator.name}”`, this.index)
      const node: Syntax = { type: 'BinaryExpression', operator: operator.name, left, right }
      this.places.set(node, { offset: at, grouped: false })
      left = node
    }
  }

  private operand(weakest: number): Syntax | false {
    this.gobbleSpaces()
    const offset = this.index
    if (matchAt(wordAt, this.expr, offset) !== 'not') return this.gobbleToken()
    if (weakest > notStrength) {
      throw new ExpressionError('“not” needs parentheses here', offset, 'Write (not …).')
    }
    this.descend()
    this.index += 3
    const argument = this.gobbleBinaryExpression(notStrength)
    this.depth--
    if (!argument) throw new ExpressionError('There should be a value after “not”', this.index)
    const node: Syntax = { type: 'UnaryExpression', operator: 'not', argument, prefix: true }
    this.places.set(node, { offset, grouped: false })
    return node
  }

  private peekOperator(): { name: string; length: number } | null {
    this.gobbleSpaces()
    const { index, expr } = this
    const word = matchAt(wordAt, expr, index)
    if (word !== '') return this.peekWord(word)
    const run = matchAt(symbolsAtEnd, expr, index)
    if (run === '' || run.startsWith(':')) return null
    // A ternary begins, or an operator is followed by a sign: `a ? -1 : 1`, `a == -1`, `a && !b`.
    for (let length = Math.min(3, run.length); length > 0; length--) {
      const name = run.slice(0, length)
      if (name === '?') return null
      if (foreign.has(name)) {
        throw new ExpressionError(
          `There is no operator “${name}”`,
          index,
          foreign.get(name),
          'expr-unknown-operator',
        )
      }
      if (strengths.has(name)) return { name, length }
    }
    throw new ExpressionError(`There is no operator “${run}”`, index, undefined, 'expr-unknown-operator')
  }

  private peekWord(word: string): { name: string; length: number } | null {
    if (word !== 'not') return strengths.has(word) ? { name: word, length: word.length } : null
    const { index, expr } = this
    const notIn = /not\s+in(?![\w$\u0080-\uffff])/y
    const text = matchAt(notIn, expr, index)
    return text === '' ? null : { name: 'not in', length: text.length }
  }

  /** `( … )`: exactly one expression. */
  gobbleGroup(): Syntax {
    const offset = this.index++
    const node = this.expression('an expression between ( and )')
    if (this.expr[this.index] === ',' || this.expr[this.index] === ';') {
      throw new ExpressionError(
        'Parentheses hold one expression',
        this.index,
        'A list is written in [ and ].',
      )
    }
    if (this.index >= this.expr.length) throw new ExpressionError('This “(” is never closed', offset)
    if (this.expr[this.index] !== ')') this.refuseRest()
    this.index++
    this.places.set(node, { offset: this.places.get(node)?.offset ?? offset, grouped: true })
    return node
  }

  /** The arguments of a function or the items of a list, with a comma between each two. */
  gobbleArguments(end: number): Syntax[] {
    const close = String.fromCharCode(end)
    const opened = this.index - 1
    const found: Syntax[] = []
    for (;;) {
      this.gobbleSpaces()
      if (this.index >= this.expr.length) {
        throw new ExpressionError(`This “${this.expr[opened]}” is never closed`, opened)
      }
      if (this.expr[this.index] === close && found.length === 0) break
      found.push(this.expression('a value'))
      if (this.expr[this.index] === close) break
      if (this.index >= this.expr.length) continue
      if (this.expr[this.index] !== ',') this.refuseRest()
      this.index++
    }
    this.index++
    return found
  }

  override throwError(message: string): never {
    throw new ExpressionError(plain(message), Math.min(this.index, this.expr.length))
  }
}

/** jsep's own messages, for people. */
function plain(message: string): string {
  if (message.startsWith('Unclosed quote')) return 'A text in quotes is never closed'
  if (message.startsWith('Unclosed [')) return 'A “[” is never closed'
  if (message.startsWith('Expected :')) return 'After “?” and a value there should be “:” and another'
  if (message.startsWith('Expected expression')) return 'There should be a value here'
  if (message.startsWith('missing unaryOp')) return 'There should be a value here'
  if (message.startsWith('Variable names cannot')) return 'A name cannot begin with a digit'
  return message
}

export function parseSyntax(text: string): { tree: Syntax; place: (node: Syntax) => Place } {
  const parser = new Parser(text)
  const tree = parser.whole()
  return { tree, place: (node) => parser.places.get(node) ?? { offset: 0, grouped: false } }
}
