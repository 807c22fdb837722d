/** Compiles an action as a rule would and plans it for one message. */
import type { PlannedEffect } from '../../src/core/effect.ts'
import type { Problem } from '../../src/core/problem.ts'
import { type Scope, scopeRoots } from '../../src/core/rules/scope.ts'
import type { Action, PlannedAction } from '../../src/ports/action.ts'

export const receivedAtMs = Date.parse('2026-01-02T03:04:05Z')

/** What comes to the rule `sensors/+device/data`, or to another with these captures. */
export interface Situation {
  readonly payload?: unknown
  readonly bytes?: Uint8Array
  readonly captures?: Readonly<Record<string, string>>
  readonly keepLevels?: readonly string[]
  readonly value?: unknown
  readonly properties?: Scope['properties']
  readonly topic?: string
  readonly receivedAt?: number | undefined
  /** Plain filters of the rule. */
  readonly topics?: readonly string[]
  readonly retain?: boolean
  /** Brokers that speak MQTT 3.1.1. */
  readonly mqtt311?: ReadonlySet<string>
}

export interface Compiled {
  readonly problems: readonly Problem[]
  readonly action: PlannedAction | null
}

export function compileAction<Spec>(
  action: Action<Spec>,
  written: unknown,
  situation: Situation = {},
): Compiled {
  const spec = action.schema.parse(written)
  const has = { value: 'value' in situation, prev: false, window: false, with: false }
  const captures = Object.keys(situation.captures ?? { device: '' })
  const compiled = action.compile(spec, {
    roots: scopeRoots(captures, has, () => ({
      hour: 3,
      minute: 4,
      weekday: 5,
      day: 2,
      month: 1,
      year: 2026,
    })),
    keepLevels: new Set(situation.keepLevels),
    brokers: new Set(['default', 'cloud']),
    ruleBroker: 'default',
    mqtt311: situation.mqtt311,
    rule: 'the-rule',
    topics: situation.topics ?? ['sensors/+/data'],
    receivers: new Set(['ops', 'chat', 'manager']),
    respondTo: ['response/#'],
    zone: 'UTC',
  })
  return compiled.ok
    ? { problems: [], action: compiled.value }
    : { problems: compiled.problems, action: null }
}

/** The one effect, or why there is none. */
export function runAction<Spec>(
  action: Action<Spec>,
  written: unknown,
  situation: Situation = {},
): PlannedEffect | string {
  const compiled = compileAction(action, written, situation)
  if (compiled.action === null) throw new Error(compiled.problems.map(({ message }) => message).join('; '))
  const scope: Scope = {
    payload: situation.payload,
    bytes: situation.bytes,
    captures: Object.values(situation.captures ?? { device: 'd1' }),
    value: situation.value,
    topic: situation.topic ?? 'sensors/d1/data',
    qos: 1,
    retain: situation.retain ?? false,
    properties: situation.properties ?? null,
    receivedAt: 'receivedAt' in situation ? situation.receivedAt : receivedAtMs,
    nowMs: receivedAtMs + 1000,
    prev: undefined,
    window: undefined,
    with: undefined,
  }
  const planned = compiled.action.plan(scope, scope.nowMs)
  if (!planned.ok) return `${planned.cancelled.reason}: ${planned.cancelled.message}`
  if (planned.effects.length !== 1) throw new Error(`${planned.effects.length} effects`)
  return planned.effects[0] ?? 'none'
}
