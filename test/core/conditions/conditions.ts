/** Helpers of the tests of conditions: data as the roots, and short ways to evaluate. */
import { compileLogic } from '../../../src/core/conditions/compile.ts'
import { parseExpression } from '../../../src/core/conditions/expression.ts'
import type { Roots } from '../../../src/core/roots.ts'

export type Data = Readonly<Record<string, unknown>>

/** Every name is a variable, which is missing when the data lacks it; "" is the data. */
export const anyRoots: Roots<unknown> = {
  resolve: (name) => (name === '' ? (data) => data : (data) => own(data, name)),
  names: () => [
    'payload',
    'topic',
    'value',
    'a',
    'b',
    'n',
    'm',
    's',
    't',
    'deep',
    'flag',
    'nil',
    'nope',
    'list',
    'words',
    'rows',
  ],
}

/** The variables of a rule, and no others. */
export const ruleRoots: Roots<Data> = {
  resolve: (name) =>
    ['payload', 'topic', 'value', 'window', 'prev', 'with'].includes(name) ? (data) => own(data, name) : null,
  names: () => ['payload', 'topic', 'value', 'window', 'prev', 'with'],
}

function own(data: unknown, name: string): unknown {
  return typeof data === 'object' && data !== null && Object.hasOwn(data, name)
    ? (data as Record<string, unknown>)[name]
    : undefined
}

export function compile(logic: unknown, roots: Roots<unknown> = anyRoots) {
  const compiled = compileLogic(logic, roots)
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems))
  return compiled.value
}

export const evaluate = (logic: unknown, data: unknown = {}): unknown => compile(logic).run(data)

export function parse(text: string): unknown {
  const parsed = parseExpression(text)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  return parsed.value
}

/** The value of an expression. */
export const value = (text: string, data: unknown = {}): unknown => evaluate(parse(text), data)
