/** Writes JsonLogic as the expression that reads back as the same logic, for explanations and the documentation. */
import type { Frame } from './call.ts'
import { frameNames, functions, reservedWords } from './expression.ts'
import { asOperation, type Operation } from './logic.ts'
import { splitPath } from './path.ts'

/** How strongly forms bind, weakest first; a weaker form inside a stronger one takes parentheses. */
const strength = {
  conditional: 0,
  coalesce: 1,
  or: 2,
  and: 3,
  not: 4,
  compare: 5,
  add: 6,
  multiply: 7,
  sign: 8,
  value: 9,
}

interface Text {
  readonly text: string
  readonly strength: number
}

const value = (text: string): Text => ({ text, strength: strength.value })

/**
 * `logic` must have been compiled, which bounds its depth. Forms no expression has (an object as a literal,
 * an operation with one operand too few) are written like a function call or as JSON.
 */
export function render(logic: unknown, frame: Frame = 'roots'): string {
  return write(logic, frame).text
}

const infix: ReadonlyMap<string, { sign: string; strength: number; chained: boolean }> = new Map(
  Object.entries({
    '??': { sign: '??', strength: strength.coalesce, chained: true },
    or: { sign: 'or', strength: strength.or, chained: true },
    and: { sign: 'and', strength: strength.and, chained: true },
    '+': { sign: '+', strength: strength.add, chained: true },
    '-': { sign: '-', strength: strength.add, chained: false },
    '*': { sign: '*', strength: strength.multiply, chained: true },
    '/': { sign: '/', strength: strength.multiply, chained: false },
    '%': { sign: '%', strength: strength.multiply, chained: false },
    ...Object.fromEntries(
      ['==', '!=', '===', '!==', '<', '<=', '>', '>=', 'in'].map((sign) => [
        sign,
        { sign, strength: strength.compare, chained: false },
      ]),
    ),
  }),
)

function write(logic: unknown, frame: Frame): Text {
  if (Array.isArray(logic)) return value(`[${logic.map((each) => render(each, frame)).join(', ')}]`)
  if (typeof logic === 'string') return value(quoted(logic))
  if (typeof logic === 'number') {
    const negative = logic < 0 || Object.is(logic, -0)
    return {
      text: Object.is(logic, -0) ? '-0' : String(logic),
      strength: negative ? strength.sign : strength.value,
    }
  }
  const operation = asOperation(logic)
  return operation === null ? value(JSON.stringify(logic) ?? 'null') : writeOperation(operation, frame)
}

function writeOperation(operation: Operation, frame: Frame): Text {
  const { operator, args } = operation
  const variable = writeVariable(operation, frame)
  if (variable !== null) return value(variable)
  const [a, b, c] = args
  if (args.length === 1) {
    if (operator === '!') return writeNot(a, frame)
    if (operator === '!!') return prefixed('!!', a, frame)
    if (operator === '-' || operator === '+') return prefixed(operator, a, frame)
  }
  const form = infix.get(operator)
  if (form !== undefined && (args.length === 2 || (args.length > 2 && form.chained))) {
    const weakest = operator === '??' ? strength.sign : form.strength + 1
    // Only `-`, `/`, `%` read back from the left without parentheses: a chain would become one operation.
    const left = form.chained || form.strength === strength.compare ? weakest : form.strength
    const [first, ...rest] = args
    // `a + b` on the left of + would join its chain; a mere `a - b` there would not, but is put in parentheses too.
    const parts = [inside(first, frame, left), ...rest.map((each) => inside(each, frame, weakest))]
    return { text: parts.join(` ${form.sign} `), strength: form.strength }
  }
  if ((operator === '<' || operator === '<=') && args.length === 3) {
    const parts = [a, b, c].map((each) => inside(each, frame, strength.add))
    return { text: parts.join(` ${operator} `), strength: strength.compare }
  }
  if ((operator === 'if' || operator === '?:') && args.length === 3) {
    const [test, then] = [inside(a, frame, 1), inside(b, frame, 1)]
    return { text: `${test} ? ${then} : ${render(c, frame)}`, strength: strength.conditional }
  }
  const body = functions.get(operator) ?? 'roots'
  const written = args.map((each, index) => render(each, body !== 'roots' && index === 1 ? body : frame))
  return value(`${operator}(${written.join(', ')})`)
}

function inside(logic: unknown, frame: Frame, weakest: number): string {
  const part = write(logic, frame)
  return part.strength < weakest ? `(${part.text})` : part.text
}

function writeNot(operand: unknown, frame: Frame): Text {
  const operation = asOperation(operand)
  if (operation?.operator === 'in' && operation.args.length === 2) {
    const [item, list] = operation.args.map((each) => inside(each, frame, strength.add))
    return { text: `${item} not in ${list}`, strength: strength.compare }
  }
  return { text: `not ${inside(operand, frame, strength.not)}`, strength: strength.not }
}

/** A sign before a number would read back as part of the number, and two signs as another operator. */
function prefixed(sign: string, operand: unknown, frame: Frame): Text {
  const part = inside(operand, frame, strength.sign)
  const ambiguous = typeof operand === 'number' || part.startsWith('-') || part.startsWith('+')
  return { text: ambiguous && sign !== '!!' ? `${sign}(${part})` : `${sign}${part}`, strength: strength.sign }
}

function writeVariable({ operator, args }: Operation, frame: Frame): string | null {
  const [path] = args
  if ((operator !== 'var' && operator !== 'root') || args.length !== 1 || typeof path !== 'string')
    return null
  const keys = path === '' ? [] : splitPath(path)
  const own = frameNames[frame]
  if (operator === 'var' && frame === 'item') return `item${keys.map(member).join('')}`
  const [name, ...rest] = keys
  if (name === undefined || !isName(name)) return null
  const belongs = operator === 'var' && frame === 'reduce' ? own.includes(name) : !own.includes(name)
  return belongs ? `${name}${rest.map(member).join('')}` : null
}

const isIdentifier = (name: string): boolean => /^[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*$/.test(name)
const isName = (name: string): boolean => isIdentifier(name) && !reservedWords.has(name)

function member(key: string): string {
  if (isIdentifier(key)) return `.${key}`
  return /^(0|[1-9]\d{0,14})$/.test(key) ? `[${key}]` : `[${quoted(key)}]`
}

const escapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
  '\v': '\\v',
}

const quoted = (text: string): string =>
  `"${text.replace(/["\\\n\r\t\b\f\v]/g, (char) => escapes[char] ?? char)}"`
