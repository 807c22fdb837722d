/** Finds numbers of a JSON payload as the device wrote them: `21.0` stays `21.0`, which as a value is 21. */
import { readPath } from '../../core/templates/values.ts'

/** Writings that are not the shortest one: zeros at the end, more digits than a double holds, an exponent. */
const unusual = /\.\d*0(?!\d)|\d{16}|\d[eE]/

/**
 * A reader of one payload. It gives the text of the number at a path, or null when the usual one will do: also for
 * payloads that are no JSON. Reads the payload when it is asked first.
 */
export function writtenNumbers(
  payload: Uint8Array | undefined,
): (path: readonly string[], value: number) => string | null {
  let texts: unknown
  let isRead = false
  return (path, value) => {
    if (!isRead) {
      texts = payload === undefined ? undefined : readTexts(payload)
      isRead = true
    }
    const text = readPath(texts, path)
    const isThere = typeof text === 'string' && Number(text) === value
    return isThere && text !== String(value) ? text : null
  }
}

/** The payload with every number as its text; undefined when there is nothing to gain. */
function readTexts(payload: Uint8Array): unknown {
  const json = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    .toString()
    .replace(/^\ufeff/, '')
  if (!unusual.test(json)) return undefined
  try {
    return JSON.parse(json, (_, value: unknown, context?: { readonly source?: string }) =>
      typeof value === 'number' ? (context?.source ?? value) : value,
    )
  } catch {
    return undefined
  }
}
