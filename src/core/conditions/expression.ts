/**
 * Expressions, the readable form of JsonLogic. Inside some, all, none, filter and map the element is `item`, inside
 * reduce it is `current` beside `accumulator`; every other name is a variable of the rule, there as everywhere.
 */
import type jsep from 'jsep'
import { type Problem, problem, type Result } from '../problem.ts'
import type { Frame } from './call.ts'
import { closest } from './did-you-mean.ts'
import { ExpressionError, type Place, parseSyntax, type Syntax } from './expression-parser.ts'
import { type Logic, logicLimits, rememberOffset } from './logic.ts'
import { joinPath } from './path.ts'

/** Functions of expressions, by name: those that work on a list say what their last argument looks into. */
export const functions: ReadonlyMap<string, Frame> = new Map<string, Frame>([
  ...[
    'missing',
    'missing_some',
    'max',
    'min',
    'cat',
    'substr',
    'merge',
    'if',
    'log',
    'number',
    'matches',
    'var',
  ].map((name): [string, Frame] => [name, 'roots']),
  ...['map', 'filter', 'all', 'some', 'none'].map((name): [string, Frame] => [name, 'item']),
  ['reduce', 'reduce'],
])

/** What each frame calls the data that `var` looks into. */
export const frameNames: Readonly<Record<Frame, readonly string[]>> = {
  roots: [],
  item: ['item'],
  reduce: ['current', 'accumulator'],
}

/** Words that cannot be variables. */
export const reservedWords: ReadonlySet<string> = new Set([
  'and',
  'or',
  'not',
  'in',
  'true',
  'false',
  'null',
  'this',
])

/**
 * Reads an expression into JsonLogic. Problems carry an empty path and the offset in `text`, in UTF-16 units;
 * the operations of the result remember theirs, so that problems found by compiling have one too.
 */
export function parseExpression(text: string): Result<Logic> {
  try {
    if (text.length > logicLimits.expressionLength) {
      throw new ExpressionError(
        `The expression is longer than ${logicLimits.expressionLength} characters`,
        logicLimits.expressionLength,
        undefined,
        'expr-limit',
      )
    }
    if (text.trim() === '')
      throw new ExpressionError('The expression is empty', 0, 'Write a condition, such as payload > 35.')
    const { tree, place } = parseSyntax(text)
    return { ok: true, value: new Translation(text, place).translate(tree, 'roots', 0) }
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    return { ok: false, problems: [asProblem(error)] }
  }
}

function asProblem({ code, message, offset, help }: ExpressionError): Problem {
  return problem(code, [], message, help === undefined ? { offset } : { help, offset })
}

const comparisons: ReadonlySet<string> = new Set([
  '==',
  '!=',
  '===',
  '!==',
  '<',
  '<=',
  '>',
  '>=',
  'in',
  'not in',
])
/** Operators whose chains become one operation: `a and b and c` is `{ "and": [a, b, c] }`. */
const chained: ReadonlySet<string> = new Set(['and', 'or', '+', '*', '??'])
const spelled: Readonly<Record<string, string>> = { '&&': 'and', '||': 'or', not: '!' }

const isBinary = (node: Syntax): node is jsep.BinaryExpression => node.type === 'BinaryExpression'
const isUnary = (node: Syntax): node is jsep.UnaryExpression => node.type === 'UnaryExpression'
const isMember = (node: Syntax): node is jsep.MemberExpression => node.type === 'MemberExpression'
const isCall = (node: Syntax): node is jsep.CallExpression => node.type === 'CallExpression'
const isIdentifier = (node: Syntax): node is jsep.Identifier => node.type === 'Identifier'
const isLiteral = (node: Syntax): node is jsep.Literal => node.type === 'Literal'
const isConditional = (node: Syntax): node is jsep.ConditionalExpression =>
  node.type === 'ConditionalExpression'
const isArray = (node: Syntax): node is jsep.ArrayExpression => node.type === 'ArrayExpression'

/** `!!a`, the truth of a value. */
const isDoubled = ({ operator, argument }: jsep.UnaryExpression): boolean =>
  operator === '!' && isUnary(argument) && argument.operator === '!'

class Translation {
  private readonly text: string
  private readonly place: (node: Syntax) => Place

  constructor(text: string, place: (node: Syntax) => Place) {
    this.text = text
    this.place = place
  }

  translate(node: Syntax, frame: Frame, depth: number): Logic {
    if (depth > logicLimits.depth) {
      throw new ExpressionError(
        `The expression is nested more than ${logicLimits.depth} deep`,
        this.offset(node),
        undefined,
        'expr-limit',
      )
    }
    const inner = (child: Syntax): Logic => this.translate(child, frame, depth + 1)
    if (isLiteral(node)) return this.literal(node)
    if (isIdentifier(node) || isMember(node)) return this.variable(node, frame)
    if (isArray(node)) return node.elements.map((element) => (element === null ? null : inner(element)))
    if (isUnary(node)) return this.unary(node, inner)
    if (isBinary(node)) return this.binary(node, inner)
    if (isCall(node)) return this.call(node, frame, depth)
    if (isConditional(node)) {
      return this.operation(
        'if',
        [inner(node.test), inner(node.consequent), inner(node.alternate)],
        this.conditionOffset(node),
      )
    }
    if (node.type === 'ThisExpression')
      this.refuse('There is no “this” here', node, 'Use payload for the message.')
    this.refuse('This cannot be part of an expression', node)
  }

  private literal(node: jsep.Literal): Logic {
    const { value } = node
    if (typeof value === 'number' && !Number.isFinite(value))
      this.refuse(`The number ${node.raw} is too large`, node)
    if (
      value === null ||
      typeof value === 'string' ||
      typeof value === 'number' ||
      typeof value === 'boolean'
    )
      return value
    this.refuse('This cannot be part of an expression', node)
  }

  private unary(node: jsep.UnaryExpression, inner: (child: Syntax) => Logic): Logic {
    const { operator, argument } = node
    const grouped = this.place(argument).grouped
    if (operator === '-' && !grouped && isLiteral(argument) && typeof argument.value === 'number')
      return -argument.value
    if (!grouped && isDoubled(node) && isUnary(argument)) {
      return this.operation('!!', [inner(argument.argument)], this.offset(node))
    }
    return this.operation(spelled[operator] ?? operator, [inner(argument)], this.offset(node))
  }

  private binary(node: jsep.BinaryExpression, inner: (child: Syntax) => Logic): Logic {
    const { left, right } = node
    const operator = spelled[node.operator] ?? node.operator
    if (comparisons.has(operator)) return this.comparison(node, operator, inner)
    if (operator === '??') this.refuseLooseCoalescing(node)
    if (!chained.has(operator))
      return this.operation(operator, [inner(left), inner(right)], this.offset(node))
    const operands: Syntax[] = []
    let first: Syntax = node
    while (isBinary(first) && (spelled[first.operator] ?? first.operator) === operator) {
      if (first !== node && this.place(first).grouped) break
      operands.push(first.right)
      first = first.left
    }
    operands.push(first)
    return this.operation(operator, operands.reverse().map(inner), this.offset(node))
  }

  /** `a ?? 0 > 5` means a ?? (0 > 5) in JavaScript and something else to most readers. */
  private refuseLooseCoalescing({ left, right }: jsep.BinaryExpression): void {
    for (const side of [left, right]) {
      const loose = (isBinary(side) && side.operator !== '??') || (isUnary(side) && side.operator === 'not')
      if (loose && !this.place(side).grouped) {
        this.refuse('What belongs to “??” needs parentheses here', side, 'Write (payload.t ?? 0) > 5.')
      }
    }
  }

  private comparison(node: jsep.BinaryExpression, operator: string, inner: (child: Syntax) => Logic): Logic {
    const { left, right } = node
    if (isUnary(left) && left.operator === '!' && !this.place(left).grouped && !isDoubled(left)) {
      this.refuse('“!” binds to the value beside it only', left, 'Write not (a == b), or (!a) == b.')
    }
    if (isBinary(left) && comparisons.has(left.operator) && !this.place(left).grouped) {
      return this.between(node, left, inner)
    }
    if (operator === 'not in') {
      const offset = this.offset(node)
      return this.operation('!', [this.operation('in', [inner(left), inner(right)], offset)], offset)
    }
    return this.operation(operator, [inner(left), inner(right)], this.offset(node))
  }

  /** `low < x <= high`, in either direction; the middle is one value that is compared twice. */
  private between(
    node: jsep.BinaryExpression,
    left: jsep.BinaryExpression,
    inner: (child: Syntax) => Logic,
  ): Logic {
    const pair = [left.operator, node.operator]
    const rising = pair.every((operator) => operator === '<' || operator === '<=')
    const falling = pair.every((operator) => operator === '>' || operator === '>=')
    const nested =
      isBinary(left.left) && comparisons.has(left.left.operator) && !this.place(left.left).grouped
    if ((!rising && !falling) || nested) {
      this.refuse(
        'Comparisons cannot be strung together like this',
        node,
        'Join them with “and”: a < b and b < c.',
      )
    }
    const offset = this.offset(left)
    const [a, b, c] = [inner(left.left), inner(left.right), inner(node.right)]
    if (left.operator === node.operator) {
      return rising
        ? this.operation(node.operator, [a, b, c], offset)
        : this.operation(node.operator === '>' ? '<' : '<=', [c, b, a], offset)
    }
    const first = this.operation(left.operator, [a, b], offset)
    return this.operation('and', [first, this.operation(node.operator, [b, c], this.offset(node))], offset)
  }

  private variable(node: Syntax, frame: Frame): Logic {
    const keys: string[] = []
    let inside: Syntax = node
    while (isMember(inside)) {
      keys.push(this.memberName(inside))
      inside = inside.object
    }
    if (isCall(inside))
      this.refuse('Only variables have parts', node, 'Functions give a value, not an object.')
    if (inside.type === 'ThisExpression')
      this.refuse('There is no “this” here', node, 'Use payload for the message.')
    if (!isIdentifier(inside)) this.refuse('Only variables have parts', node)
    keys.push(inside.name)
    keys.reverse()
    const offset = this.offset(node)
    if (reservedWords.has(inside.name)) this.refuse(`“${inside.name}” is not a variable`, node)
    if (frame === 'roots') return this.operation('var', joinPath(keys), offset)
    if (!frameNames[frame].includes(inside.name)) return this.operation('root', joinPath(keys), offset)
    return this.operation('var', joinPath(frame === 'item' ? keys.slice(1) : keys), offset)
  }

  private memberName(node: jsep.MemberExpression): string {
    const { property } = node
    if (!node.computed && isIdentifier(property)) return property.name
    if (node.computed && isLiteral(property)) {
      const { value } = property
      if (typeof value === 'string') return value
      if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value)
    }
    this.refuse(
      'Between [ and ] stands a whole number or a text in quotes',
      property,
      'Such as list[0] or payload["a b"].',
    )
  }

  private call(node: jsep.CallExpression, frame: Frame, depth: number): Logic {
    const { callee } = node
    if (!isIdentifier(callee)) {
      const name =
        isMember(callee) && isIdentifier(callee.property) ? `“.${callee.property.name}(…)”` : 'This'
      this.refuse(
        `${name} cannot be called`,
        callee,
        'Values have no methods; use in, matches, substr, some, …',
      )
    }
    const inside = functions.get(callee.name)
    if (inside === undefined) {
      const near = closest(callee.name, functions.keys())
      const help =
        near === null ? `The functions are: ${[...functions.keys()].join(', ')}.` : `Did you mean “${near}”?`
      const offset = this.offset(node)
      throw new ExpressionError(
        `There is no function “${callee.name}”`,
        offset,
        help,
        'expr-unknown-operator',
      )
    }
    const args = node.arguments.map((argument, index) =>
      this.translate(argument, inside !== 'roots' && index === 1 ? inside : frame, depth + 1),
    )
    return this.operation(callee.name, args, this.offset(node))
  }

  private operation(operator: string, args: Logic, offset: number): Logic {
    return rememberOffset({ [operator]: args }, offset)
  }

  private offset(node: Syntax): number {
    return this.place(node).offset
  }

  /** A ternary has no token of its own; it begins where its test does. */
  private conditionOffset(node: jsep.ConditionalExpression): number {
    let first: Syntax = node.test
    while (isBinary(first) && !this.place(first).grouped) first = first.left
    return this.offset(first)
  }

  private refuse(message: string, node: Syntax, help?: string): never {
    const { offset } = this.place(node)
    throw new ExpressionError(message, Math.min(offset, this.text.length), help)
  }
}
