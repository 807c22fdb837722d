/** `decode: json`: strict JSON (RFC 8259); a byte order mark, which Windows tools like to send, is ignored. */
import { decodeUtf8 } from '../shared/decode-utf8.ts'
import { makeDecoder } from '../shared/make-decoder.ts'
import { parseJson } from '../shared/parse-json.ts'

export const json = makeDecoder(
  'json',
  'JSON, strictly; anything else is a dead letter',
  (payload, limits) => {
    const text = decodeUtf8(payload)
    return typeof text === 'string' ? parseJson(text, limits) : text
  },
)
