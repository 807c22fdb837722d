/** `decode: text`: the payload as one string of UTF-8, whatever it says; space is kept. */
import { decodeUtf8 } from '../shared/decode-utf8.ts'
import { makeDecoder } from '../shared/make-decoder.ts'

export const text = makeDecoder(
  'text',
  'Text in UTF-8, as it is, never read as JSON or a number',
  (payload) => {
    const value = decodeUtf8(payload)
    return typeof value === 'string' ? { ok: true, value } : value
  },
)
