/**
 * What the language has but this version does not run yet. This is the one list: a line removed here is
 * accepted, checked and part of the JSON Schema.
 */
import type { Path } from '../core/problem.ts'
import type { FoundProblem } from './found-problem.ts'
import { type Place, placeOf } from './place.ts'

/** Place → keys that are not available there. */
export type NotYet = Readonly<Record<Place, readonly string[]>>

export const notYet: NotYet = {
  decode: ['protobuf', 'sparkplug'],
}

export function isNotYet(place: Place, key: string, table = notYet): boolean {
  return table[place]?.includes(key) ?? false
}

export function notYetProblem(path: Path, key: string, atKey: boolean): FoundProblem {
  return {
    code: 'config-not-yet',
    message: `\`${key}\` is not available yet`,
    help: 'remove it; a later version brings it',
    path,
    severity: 'error',
    atKey,
  }
}

/** A copy of the map without the keys that are not available, and a problem for each of them. */
export function withoutNotYet(
  value: unknown,
  path: Path,
  problems: FoundProblem[],
  place: Place = placeOf(path),
  table: NotYet = notYet,
): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  if (!Object.keys(value).some((key) => isNotYet(place, key, table))) return value
  const rest: Record<string, unknown> = {}
  for (const [key, content] of Object.entries(value)) {
    if (isNotYet(place, key, table)) problems.push(notYetProblem([...path, key], key, true))
    else rest[key] = content
  }
  return rest
}
