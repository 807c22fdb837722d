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
  return [...namedIn(rule.then, ['then']), ...namedIn(rule.resolved, ['resolved'])]
}

/** Also those that are told once a command has ended. */
function namedIn(list: readonly ActionDefinition[], path: Path): NamedReceiver[] {
  return list.flatMap(({ kind, spec }, index) => {
    const here = [...path, index, kind]
    if (kind === 'notify') return namesIn(spec).map((named) => ({ ...named, path: [...here, ...named.path] }))
    return kind === 'command'
      ? (['on_ack', 'on_timeout'] as const).flatMap((key) => namedIn(followingIn(spec, key), [...here, key]))
      : []
  })
}

function followingIn(spec: unknown, key: 'on_ack' | 'on_timeout'): readonly ActionDefinition[] {
  const list: unknown = typeof spec === 'object' && spec !== null ? Reflect.get(spec, key) : undefined
  return Array.isArray(list) ? list : []
}

function namesIn(spec: unknown): NamedReceiver[] {
  const to = typeof spec === 'object' && spec !== null && 'to' in spec ? spec.to : undefined
  const list: readonly unknown[] = Array.isArray(to) ? to : [to]
  return list.flatMap((name, index) =>
    typeof name === 'string' ? [{ name: name.includes('{{') ? null : name, path: ['to', index] }] : [],
  )
}
