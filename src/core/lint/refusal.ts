/**
 * Proves that the condition of a rule does not take a message of another: the condition is run, as it will be,
 * on what is known of the message, part by part; a part that reads anything else proves nothing.
 */
import { compileLogic } from '../conditions/compile.ts'
import { parseExpression } from '../conditions/expression.ts'
import { asOperation } from '../conditions/logic.ts'
import { truth, UNKNOWN } from '../conditions/unknown.ts'
import type { Path } from '../problem.ts'
import type { CompiledRule, Evaluate, RuleFilter } from '../rules/compiled-rule.ts'
import type { ExpressionSource } from '../rules/definition.ts'
import { type Scope, scopeRoots } from '../rules/scope.ts'
import type { Shape } from '../topics/shape.ts'
import type { SentPayload } from './sent-payload.ts'

export interface SentMessage {
  readonly shape: Shape
  readonly payload: SentPayload
}

interface Part {
  readonly run: Evaluate
  readonly uses: readonly Path[]
}

interface Parts {
  readonly when: readonly Part[]
  readonly valueUses: readonly Path[]
}

export class Refusals {
  readonly #parts = new Map<CompiledRule, Parts>()

  /** Whether no message like `sent` that comes through one of these filters of the rule makes it publish. */
  proven(rule: CompiledRule, filters: readonly RuleFilter[], sent: SentMessage): boolean {
    if (rule.definition.when === undefined) return false
    // What does not make it rise may still make it fall, and then `resolved` is what it publishes.
    if (rule.resolved.some(({ publishesTo }) => publishesTo.length > 0)) return false
    const parts = this.#partsOf(rule)
    return filters.every((filter) => refuses(rule, parts, filter, sent))
  }

  #partsOf(rule: CompiledRule): Parts {
    const known = this.#parts.get(rule)
    if (known !== undefined) return known
    const { definition, captureNames } = rule
    const has = {
      value: rule.value !== null,
      window: rule.window !== null,
      with: definition.with !== undefined,
    }
    const roots = scopeRoots(captureNames, has, noTime)
    const compiled = (logic: unknown): Part[] => {
      const result = compileLogic(logic, roots)
      // What compiled with the rule compiles again.
      return result.ok ? [result.value] : []
    }
    const made: Parts = {
      when: conjuncts(logicOf(definition.when)).flatMap(compiled),
      valueUses:
        definition.value === undefined ? [] : compiled(logicOf(definition.value)).flatMap(({ uses }) => uses),
    }
    this.#parts.set(rule, made)
    return made
  }
}

/** Whether the rule cannot decode the message at all: then it does not even run. */
export function isUnreadable({ needsPayload, definition }: CompiledRule, { payload }: SentMessage): boolean {
  const isOneValue = definition.decode === 'number' || definition.decode === 'boolean'
  return needsPayload && isOneValue && typeof payload.value === 'object' && payload.value !== null
}

/** Time is never among what is known, so nothing that reads it is run. */
const noTime = () => {
  throw new Error('a condition that reads the time was run while rules were checked')
}

function logicOf(source: ExpressionSource | undefined): unknown {
  if (typeof source !== 'string') return source ?? null
  const parsed = parseExpression(source)
  return parsed.ok ? parsed.value : null
}

/** What must all be true for the condition to be; its depth was bounded when it was compiled. */
function conjuncts(logic: unknown): unknown[] {
  const operation = asOperation(logic)
  return operation?.operator === 'and' ? operation.args.flatMap(conjuncts) : [logic]
}

function refuses(rule: CompiledRule, parts: Parts, filter: RuleFilter, sent: SentMessage): boolean {
  const captures = capturesOf(rule, filter, sent.shape)
  const topic = topicOf(sent.shape)
  const isRead = rule.definition.decode === 'auto' || rule.definition.decode === 'json'
  const isKnown = ([root, ...rest]: Path): boolean => {
    if (root === 'payload') return isRead && !sent.payload.open.some((open) => overlaps(open, rest))
    if (root === 'topic') return topic !== undefined
    if (root === 'value') return parts.valueUses.every((path) => path[0] !== 'value' && isKnown(path))
    const index = rule.captureNames.findIndex((name) => name !== null && name === root)
    return index >= 0 && captures[index] !== undefined
  }
  const scope: Scope = {
    payload: sent.payload.value,
    bytes: undefined,
    captures: captures.map((value) => value ?? ''),
    value: undefined,
    topic,
    qos: undefined,
    retain: undefined,
    properties: null,
    receivedAt: undefined,
    nowMs: 0,
    prev: undefined,
    window: undefined,
    with: undefined,
  }
  if (rule.value !== null && isKnown(['value'])) {
    const value = rule.value(scope)
    scope.value = value === UNKNOWN ? undefined : value
  }
  return parts.when.some(({ run, uses }) => uses.every(isKnown) && truth(run(scope)) !== true)
}

/** The topic, when it has no template in it. */
function topicOf({ levels, open }: Shape): string | undefined {
  return open || levels.includes('+') ? undefined : levels.join('/')
}

/** What the rule's captures stand for, in its own order; undefined where the message decides. */
export function capturesOf(
  rule: CompiledRule,
  { filter, captureOrder }: RuleFilter,
  { levels, open }: Shape,
): (string | undefined)[] {
  const own = filter.captures.map(({ kind, level }) => {
    if (kind === '+') return levels[level] === '+' ? undefined : levels[level]
    const rest = levels.slice(level)
    return open || rest.includes('+') ? undefined : rest.join('/')
  })
  return rule.captureNames.map((_, index) => own[captureOrder[index] ?? -1])
}

/** Whether one path lies on the way to the other. */
function overlaps(a: readonly string[], b: Path): boolean {
  const shared = Math.min(a.length, b.length)
  for (let index = 0; index < shared; index++) if (a[index] !== String(b[index])) return false
  return true
}
