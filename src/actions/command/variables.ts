/** What the parts of a command see that run later than the rest of its rule. */

import type { Roots } from '../../core/roots.ts'
import { builtInVariables, type Scope } from '../../core/rules/scope.ts'

/** What changes with every message: of what it was when the command was sent nothing is kept. */
const passing: ReadonlySet<string> = new Set(['prev', 'window', 'with'])

export interface LaterRoots {
  readonly roots: Roots<Scope>
  /** Variables of the rule that are used, so that they are kept until then. */
  readonly used: ReadonlySet<string>
  /** Those among what is used that are not known any more then. */
  takePassed(): readonly string[]
}

/** Of the actions that follow a command. */
export function laterRoots(rule: Roots<Scope>, has: { readonly ack: boolean }): LaterRoots {
  const used = new Set<string>()
  const passed = new Set<string>()
  const own = new Map<string, (scope: Scope) => unknown>([['command', (scope) => scope.command]])
  if (has.ack) own.set('ack', (scope) => scope.ack)
  const known = () => rule.names().filter((name) => !passing.has(name))
  return {
    used,
    takePassed() {
      const names = [...passed]
      passed.clear()
      return names
    },
    roots: {
      names: () => [...known(), ...own.keys()],
      resolve(name) {
        const accessor = own.get(name)
        if (accessor !== undefined) return accessor
        if (passing.has(name)) {
          if (!rule.names().includes(name)) return null
          passed.add(name)
          return () => undefined
        }
        const found = rule.resolve(name)
        if (found !== null) used.add(name)
        return found
      },
    },
  }
}

/** Of the condition that an acknowledgement meets: the message is the acknowledgement there. */
export function ackRoots(rule: Roots<Scope>): Roots<Scope> {
  const own = new Map<string, (scope: Scope) => unknown>([
    ['payload', (scope) => scope.payload],
    ['topic', (scope) => scope.topic],
    ['qos', (scope) => scope.qos],
    ['properties', (scope) => scope.properties ?? undefined],
    ['received_at', (scope) => scope.receivedAt],
    ['now', (scope) => new Date(scope.nowMs).toISOString()],
    ['command', (scope) => scope.command],
  ])
  const builtIn: ReadonlySet<string> = new Set(builtInVariables)
  const captures = rule.names().filter((name) => !builtIn.has(name))
  return {
    names: () => [...own.keys(), ...captures],
    resolve: (name) => own.get(name) ?? (captures.includes(name) ? rule.resolve(name) : null),
  }
}
