/**
 * What expressions and templates of a rule can see, and how their variables are found. One scope is made per
 * rule evaluation; a variable is resolved to an accessor once, when the rule is compiled.
 */
import type { MessageProperties } from '../message.ts'
import type { Roots } from '../roots.ts'
import type { LocalTime } from '../zone.ts'

export interface Scope {
  /** The decoded payload; undefined when there is none (zero bytes, or a timer without a message). */
  readonly payload: unknown
  /** The payload as it came; undefined on a timer. A view of what was read together: copy it to keep it. */
  readonly bytes: Uint8Array | undefined
  /** Values of the rule's captures, in the order of its capture names. */
  readonly captures: readonly string[]
  /** Result of the rule's `value` expression; undefined when missing or unknown. */
  value: unknown
  readonly topic: string | undefined
  readonly qos: number | undefined
  readonly retain: boolean | undefined
  readonly properties: MessageProperties | null
  /** Wall clock, ms since the epoch. */
  readonly receivedAt: number | undefined
  /** The event's own time, ms since the epoch. */
  readonly nowMs: number
  /** `{ payload, value, age }` of the previous live message of the key. */
  prev: unknown
  /** The window's aggregates by name. */
  window: unknown
  /** Joined values by name. */
  with: unknown
  /** `{ id, topic, payload, attempt }` of a command that has ended, or that a message may acknowledge. */
  readonly command?: unknown
  /** `{ payload, topic }` of what acknowledged it. */
  readonly ack?: unknown
}

/** Names that a capture must not take. */
export const builtInVariables = [
  'payload',
  'value',
  'topic',
  'qos',
  'retain',
  'properties',
  'received_at',
  'time',
  'now',
  'prev',
  'window',
  'with',
] as const

const optionalRoots = ['value', 'window', 'with'] as const

/**
 * The variables of one rule. `value`, `window` and `with` exist only where the rule has them, so that a
 * forgotten key is told at load instead of being missing for ever.
 */
export function scopeRoots(
  captureNames: readonly (string | null)[],
  has: { value: boolean; window: boolean; with: boolean },
  localTime: (atMs: number) => LocalTime,
): Roots<Scope> {
  const accessors = new Map<string, (scope: Scope) => unknown>([
    ['payload', (scope) => scope.payload],
    ['topic', (scope) => scope.topic],
    ['qos', (scope) => scope.qos],
    ['retain', (scope) => scope.retain],
    ['properties', (scope) => scope.properties ?? undefined],
    ['prev', (scope) => scope.prev],
    ['received_at', (scope) => scope.receivedAt],
    ['now', (scope) => new Date(scope.nowMs).toISOString()],
    ['time', (scope) => localTime(scope.nowMs)],
  ])
  for (const name of optionalRoots) {
    if (has[name]) accessors.set(name, (scope) => scope[name])
  }
  captureNames.forEach((name, index) => {
    if (name !== null) accessors.set(name, (scope) => scope.captures[index])
  })
  return { resolve: (name) => accessors.get(name) ?? null, names: () => [...accessors.keys()] }
}
