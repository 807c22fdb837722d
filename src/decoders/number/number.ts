/** `decode: number`: a decimal number as text. */
import { decodeUtf8 } from '../shared/decode-utf8.ts'
import { makeDecoder } from '../shared/make-decoder.ts'
import { parseNumber } from '../shared/parse-number.ts'

export const number = makeDecoder('number', 'A decimal number as text, such as 36.2 or 1e3', (payload) => {
  const text = decodeUtf8(payload)
  return typeof text === 'string' ? parseNumber(text) : text
})
