/** Bytes to text: UTF-8 only, a byte order mark at the start is not part of the text. */
import { fail, type Refused } from './failure.ts'

// Fatal: replacing bad bytes by U+FFFD would let two different payloads look the same to a rule. Measured, this
// one call costs less than isUtf8() and toString(), and takes plain Uint8Arrays as well as Buffers.
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The text, or a failure with the reason `encoding`. */
export function decodeUtf8(payload: Uint8Array): string | Refused {
  try {
    return utf8.decode(payload)
  } catch {
    return fail('encoding', 'The payload is not UTF-8 text; if it is meant to be bytes, use decode: binary')
  }
}
