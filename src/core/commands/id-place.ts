/** Where the id of a command stands: in a field of its JSON payload, or in the correlation data of MQTT 5. */

import { isPlainObject } from '../conditions/logic.ts'
import { isForbidden, step } from '../conditions/path.ts'
import type { MessageProperties } from '../message.ts'

/** A field is the names that lead to it, outermost first. */
export type IdPlace = 'correlation_data' | readonly string[]

/** Longer ones are none of ours. */
const idLength = 200

/** The value with the id in it; null when something on the way is no map. */
export function withId(value: unknown, field: readonly string[], id: string): unknown {
  const [name, ...rest] = field
  if (name === undefined) return id
  if (isForbidden(name) || !isPlainObject(value)) return null
  const below = rest.length === 0 ? id : withId(Object.hasOwn(value, name) ? value[name] : {}, rest, id)
  return below === null ? null : { ...value, [name]: below }
}

/** The id that a message carries there; null when it carries none. */
export function idIn(place: IdPlace, payload: unknown, properties: MessageProperties | null): string | null {
  if (place === 'correlation_data') {
    const bytes = properties?.correlationData
    return bytes === undefined || bytes.length > idLength ? null : Buffer.from(bytes).toString()
  }
  const id = place.reduce<unknown>(step, payload)
  return typeof id === 'string' && id.length <= idLength ? id : null
}
