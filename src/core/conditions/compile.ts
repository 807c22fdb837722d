/** Compiles JsonLogic into closures, once, at load; tells every problem in it. */
import { type Path, type Problem, problem, type Result } from '../problem.ts'
import type { Roots } from '../roots.ts'
import type { Call, Evaluate, Frame, Part, Refusal } from './call.ts'
import { closest } from './did-you-mean.ts'
import { asOperation, isPlainObject, logicLimits, type Operation, offsetOf, operators } from './logic.ts'
import { builders, freeOfCharge, readsScope } from './operators/index.ts'
import { UNKNOWN } from './unknown.ts'
import { BudgetSpent, Work } from './work.ts'

export interface Compiled<S> {
  /** The value (plain data), or UNKNOWN. Never throws because of the data. */
  readonly run: (scope: S) => unknown
  /** The paths of variables it reads; an empty path means any, because a name is computed. */
  readonly uses: readonly Path[]
  /** Whether it has the same value in every scope. */
  readonly constant: boolean
  /** How many evaluations were given up, and were unknown, because they took more than the budget. */
  readonly overruns: () => number
}

/** Watches an evaluation, operation by operation. */
export interface Observer {
  enter(logic: unknown, frame: Frame): void
  leave(value: unknown): void
}

/** What is shared while one condition is compiled. */
interface Compilation<S> {
  readonly roots: Roots<S>
  readonly observer: Observer | null
  readonly work: Work
  readonly problems: Problem[]
  readonly uses: Map<string, Path>
  nodes: number
  tooLarge: boolean
  chargeable: boolean
}

/**
 * Compiles `logic` (JsonLogic, as plain data) against the variables of `roots`.
 * Paths of problems lead into `logic`; for what came from an expression the path is empty and the offset is set.
 */
export function compileLogic<S>(logic: unknown, roots: Roots<S>, observer?: Observer): Result<Compiled<S>> {
  const shared: Compilation<S> = {
    roots,
    observer: observer ?? null,
    work: new Work(),
    problems: [],
    uses: new Map(),
    nodes: 0,
    tooLarge: false,
    chargeable: false,
  }
  const whole = compilePart(shared, logic, [], 'roots', 0)
  if (shared.problems.length > 0) return { ok: false, problems: shared.problems }
  const { work } = shared
  return {
    ok: true,
    value: {
      run: shared.chargeable ? budgeted(whole.evaluate, work) : (scope) => whole.evaluate(scope, undefined),
      uses: [...shared.uses.values()],
      constant: whole.constant,
      overruns: () => work.overruns,
    },
  }
}

function budgeted<S>(evaluate: Evaluate<S>, work: Work): (scope: S) => unknown {
  return (scope) => {
    work.renew()
    try {
      return evaluate(scope, undefined)
    } catch (error) {
      if (!(error instanceof BudgetSpent)) throw error
      work.overruns++
      return UNKNOWN
    }
  }
}

const constantPart = (value: unknown, size = 1): Part<unknown> => ({
  evaluate: () => value,
  constant: true,
  value,
  reference: false,
  size,
})

function compilePart<S>(
  shared: Compilation<S>,
  logic: unknown,
  path: Path,
  frame: Frame,
  depth: number,
): Part<S> {
  if (shared.tooLarge) return constantPart(UNKNOWN)
  shared.nodes++
  if (shared.nodes > logicLimits.nodes || depth > logicLimits.depth) {
    shared.tooLarge = true
    const limit =
      depth > logicLimits.depth
        ? `nested more than ${logicLimits.depth} deep`
        : `of more than ${logicLimits.nodes} parts`
    shared.problems.push(
      problem('expr-limit', positionOf(path, logic), `The condition is ${limit}`, offsetMore(logic)),
    )
    return constantPart(UNKNOWN)
  }
  const part = Array.isArray(logic)
    ? compileList(shared, logic, path, frame, depth)
    : compileScalarOrOperation(shared, logic, path, frame, depth)
  return shared.observer === null ? part : observed(shared.observer, part, logic, frame)
}

function compileScalarOrOperation<S>(
  shared: Compilation<S>,
  logic: unknown,
  path: Path,
  frame: Frame,
  depth: number,
): Part<S> {
  const operation = asOperation(logic)
  if (operation !== null) return compileOperation(shared, logic, operation, path, frame, depth)
  const refusal = literalRefusal(logic)
  if (refusal !== null) shared.problems.push(problem('expr-arguments', path, refusal.message, refusal.more))
  return constantPart(logic)
}

/** Why a literal cannot stand in a condition, or null when it can. */
function literalRefusal(literal: unknown): { message: string; more: { help?: string } } | null {
  if (literal === undefined || (typeof literal === 'number' && !Number.isFinite(literal))) {
    return { message: `${String(literal)} is not a value a condition can use`, more: {} }
  }
  const operator = isPlainObject(literal) ? Object.keys(literal).find((key) => operators.has(key)) : undefined
  if (operator === undefined) return null
  return {
    message: `An operation has exactly one key, this has more beside “${operator}”`,
    more: { help: 'Combine conditions with { "and": [ …, … ] }.' },
  }
}

function compileList<S>(
  shared: Compilation<S>,
  list: readonly unknown[],
  path: Path,
  frame: Frame,
  depth: number,
): Part<S> {
  const parts = list.map((each, index) => compilePart(shared, each, [...path, index], frame, depth + 1))
  const size = parts.reduce((sum, part) => sum + part.size, 1)
  if (shared.observer === null && parts.every((part) => part.constant && part.value !== UNKNOWN)) {
    const values = parts.map((part) => part.value)
    return constantPart(values, size)
  }
  const evaluate: Evaluate<S> = (scope, item) => {
    const values: unknown[] = []
    for (let i = 0; i < parts.length; i++) {
      const value = parts[i]!.evaluate(scope, item)
      if (value === UNKNOWN) return UNKNOWN
      values.push(value)
    }
    return values
  }
  return { evaluate, constant: false, value: undefined, reference: false, size }
}

function compileOperation<S>(
  shared: Compilation<S>,
  logic: unknown,
  operation: Operation,
  path: Path,
  frame: Frame,
  depth: number,
): Part<S> {
  const { operator, args } = operation
  const refuse = ({ code, message, help, argument }: Refusal): Evaluate<S> => {
    const target = argument === undefined ? logic : args[argument]
    const at = argument === undefined ? [operator] : operation.at(argument)
    const offset = offsetOf(target) ?? offsetOf(logic)
    shared.problems.push(
      problem(code, offset === undefined ? [...path, ...at] : [], message, {
        ...(help === undefined ? {} : { help }),
        ...(offset === undefined ? {} : { offset }),
      }),
    )
    return () => UNKNOWN
  }
  const build = builders.get(operator)
  const shape = operators.get(operator)
  if (build === undefined || shape === undefined) {
    const near = closest(operator, operators.keys())
    refuse({
      code: 'expr-unknown-operator',
      message: `There is no operator “${operator}”`,
      help: near === null ? 'The language reference lists the operators.' : `Did you mean “${near}”?`,
    })
    return constantPart(UNKNOWN)
  }
  if (args.length < shape.min || args.length > shape.max) {
    refuse({
      code: 'expr-arguments',
      message: `“${operator}” takes ${shape.takes}, not ${args.length}`,
    })
    return constantPart(UNKNOWN)
  }
  const compiled = new Map<number, Part<S>>()
  const part = (index: number, inside: Frame = frame): Part<S> => {
    const known = compiled.get(index)
    if (known !== undefined) return known
    const made = compilePart(shared, args[index], [...path, ...operation.at(index)], inside, depth + 1)
    compiled.set(index, made)
    return made
  }
  const call: Call<S> = {
    operator,
    count: args.length,
    frame,
    work: shared.work,
    roots: shared.roots,
    fuse: shared.observer === null,
    raw: (index) => args[index],
    part,
    parts: () => args.map((_, index) => part(index)),
    use: (used) => shared.uses.set(used.join('\0'), used),
    refuse,
  }
  const problemsBefore = shared.problems.length
  const evaluate = build(call)
  if (!freeOfCharge.has(operator)) shared.chargeable = true
  const parts = [...compiled.values()]
  const made: Part<S> = {
    evaluate,
    constant: !readsScope.has(operator) && parts.every((each) => each.constant),
    value: undefined,
    reference: isReference(operator, args, compiled),
    size: parts.reduce((sum, each) => sum + each.size, 1),
  }
  return made.constant && shared.problems.length === problemsBefore ? fold(shared, made) : made
}

function isReference<S>(
  operator: string,
  args: readonly unknown[],
  parts: ReadonlyMap<number, Part<S>>,
): boolean {
  if (operator === 'root') return true
  if (operator === 'var') {
    const computed = typeof args[0] === 'object' && args[0] !== null
    return !computed && (args.length < 2 || parts.get(1)?.reference === true)
  }
  return operator === '??' && parts.get(args.length - 1)?.reference === true
}

/** Evaluates once what is the same in every scope. While observed it stays as it is, to be seen each time. */
function fold<S>(shared: Compilation<S>, part: Part<S>): Part<S> {
  if (shared.observer !== null) return part
  shared.work.renew()
  try {
    return {
      ...constantPart(part.evaluate(undefined as never, undefined), part.size),
      reference: part.reference,
    }
  } catch (error) {
    if (!(error instanceof BudgetSpent)) throw error
    return { ...part, constant: false }
  }
}

function observed<S>(observer: Observer, part: Part<S>, logic: unknown, frame: Frame): Part<S> {
  const { evaluate } = part
  return {
    ...part,
    evaluate: (scope, item) => {
      observer.enter(logic, frame)
      let value: unknown = UNKNOWN
      try {
        value = evaluate(scope, item)
        return value
      } finally {
        observer.leave(value)
      }
    },
  }
}

const positionOf = (path: Path, logic: unknown): Path => (offsetOf(logic) === undefined ? path : [])

function offsetMore(logic: unknown): { offset?: number } {
  const offset = offsetOf(logic)
  return offset === undefined ? {} : { offset }
}
