/** Evaluates a condition and keeps what every part of it came to, for `tocsin eval` and explanations. */
import type { Result } from '../problem.ts'
import type { Roots } from '../roots.ts'
import { compileLogic } from './compile.ts'
import { asOperation, isPlainObject } from './logic.ts'
import { render } from './render.ts'
import { UNKNOWN } from './unknown.ts'
import { toNumber } from './values.ts'

export interface Explanation {
  /** The part as an expression. */
  readonly text: string
  /** Null for a list and what stands for itself. */
  readonly operator: string | null
  /** What it came to: plain data, or UNKNOWN. */
  readonly value: unknown
  /** Why it is unknown, where that began here: "payload.t is missing". */
  readonly because?: string
  /** The operations it was made from, in the order they were evaluated; for operators on lists, once for each item. */
  readonly children: readonly Explanation[]
}

export interface Explained {
  readonly explanation: Explanation
  /** Whether parts were left out because there were more than `explanationLimit`. */
  readonly shortened: boolean
}

/** Parts that one explanation keeps at most. */
export const explanationLimit = 500

interface Note {
  readonly logic: unknown
  readonly text: string
  readonly children: Note[]
  value: unknown
}

/** Compiles `logic` for explaining: slower than compileLogic, with the same values. */
export function compileExplained<S>(logic: unknown, roots: Roots<S>): Result<(scope: S) => Explained> {
  let open: Note[] = []
  let root: Note | null = null
  let kept = 0
  const compiled = compileLogic(logic, roots, {
    enter: (part, frame) => {
      const parent = open.at(-1)
      const keep = kept < explanationLimit
      const note: Note = { logic: part, text: keep ? render(part, frame) : '', children: [], value: UNKNOWN }
      if (keep) parent?.children.push(note)
      root ??= note
      kept++
      open.push(note)
    },
    leave: (value) => {
      const note = open.pop()
      if (note !== undefined) note.value = value
    },
  })
  if (!compiled.ok) return compiled
  return {
    ok: true,
    value: (scope) => {
      open = []
      root = null
      kept = 0
      const overrunsBefore = compiled.value.overruns()
      compiled.value.run(scope)
      const top: Note = root ?? { logic, text: render(logic), children: [], value: UNKNOWN }
      const explanation = explain(top)
      const gaveUp = compiled.value.overruns() > overrunsBefore
      return {
        explanation: gaveUp
          ? { ...explanation, because: 'evaluating it took more than its budget' }
          : explanation,
        shortened: kept > explanationLimit,
      }
    },
  }
}

function explain(note: Note): Explanation {
  const { text, value } = note
  const because = value === UNKNOWN ? reason(note) : undefined
  return {
    text,
    operator: asOperation(note.logic)?.operator ?? null,
    value,
    ...(because === undefined ? {} : { because }),
    children: note.children.filter((child) => !standsForItself(child.logic)).map(explain),
  }
}

const standsForItself = (logic: unknown): boolean =>
  Array.isArray(logic) ? logic.every(standsForItself) : !isPlainObject(logic) || asOperation(logic) === null

const ordering: ReadonlySet<string> = new Set(['<', '<=', '>', '>='])
const calculating: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%', 'min', 'max', 'number'])
const onLists: ReadonlySet<string> = new Set(['map', 'filter', 'reduce', 'all', 'some', 'none'])

/** Why a part is unknown whose operands are all known; when one is unknown, that one tells. */
function reason({ logic, text, children }: Note): string | undefined {
  const operator = asOperation(logic)?.operator
  if (operator === undefined || children.some((child) => child.value === UNKNOWN)) return undefined
  const [first, second] = children
  if (operator === 'var' || operator === 'root') return `${text} is missing`
  if (ordering.has(operator)) {
    const wrong = children.find((child) => Number.isNaN(toNumber(child.value)))
    return wrong && `${describe(wrong)} cannot be compared: it is not a number`
  }
  if (calculating.has(operator)) {
    const wrong = children.find((child) => Number.isNaN(toNumber(child.value)))
    return wrong === undefined ? 'the result is not a finite number' : `${describe(wrong)} is not a number`
  }
  if (onLists.has(operator)) return first && `${describe(first)} is not a list`
  if (operator === 'in') {
    if (second !== undefined && typeof second.value !== 'string')
      return `${describe(second)} is neither a list nor a text`
    return first && `${describe(first)} cannot be part of a text`
  }
  if (operator === 'matches') return first && `${describe(first)} is not a text`
  if (operator === 'substr') return 'it takes a text and whole numbers'
  return undefined
}

/** The part with its value where that is short: `payload.t ("warm")`. */
function describe({ text, value }: Note): string {
  if (value === UNKNOWN) return text
  if (typeof value === 'object' && value !== null)
    return `${text} (${Array.isArray(value) ? 'a list' : 'an object'})`
  const shown = JSON.stringify(value) ?? ''
  return shown === text || shown.length > 60 ? text : `${text} (${shown})`
}
