/** Which receivers a rule names in its `notify` actions. */
import type { Path } from '../core/problem.ts'
import type { ActionDefinition, RuleDefinition } from '../core/rules/definition.ts'

export interface NamedReceiver {
  /** Null when a template makes the name. */
  readonly name: string | null
  /** Relative to the rule. */
  readonly path: Path
}

export function notifiedReceivers(rule: Pick<RuleDefinition, 'then' | 'resolved'>): NamedReceiver[] {
  const ofList = (list: readonly ActionDefinition[], key: 'then' | 'resolved') =>
    list.flatMap(({ kind, spec }, index) =>
      kind === 'notify'
        ? namesIn(spec).map((named) => ({ ...named, path: [key, index, kind, ...named.path] }))
        : [],
    )
  return [...ofList(rule.then, 'then'), ...ofList(rule.resolved, 'resolved')]
}

function namesIn(spec: unknown): NamedReceiver[] {
  const to = typeof spec === 'object' && spec !== null && 'to' in spec ? spec.to : undefined
  const list: readonly unknown[] = Array.isArray(to) ? to : [to]
  return list.flatMap((name, index) =>
    typeof name === 'string' ? [{ name: name.includes('{{') ? null : name, path: ['to', index] }] : [],
  )
}
