/** What stands on the wire for a value. */
import { jsonText } from './json-text.ts'

/** A text is sent as it is and bytes as they are; numbers, booleans, null, lists and maps are sent as JSON. */
export function payloadBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value
  return Buffer.from(typeof value === 'string' ? value : jsonText(value))
}
