/**
 * `decode: auto`, the default: JSON if it parses, else a decimal number, else text. Only the format is guessed:
 * what passes a limit, is not UTF-8, has a key `__proto__` or a number like 1e999 is a failure, never text.
 */
import { decodeUtf8 } from '../shared/decode-utf8.ts'
import { makeDecoder } from '../shared/make-decoder.ts'
import { parseJson } from '../shared/parse-json.ts'
import { parseNumber } from '../shared/parse-number.ts'

export const auto = makeDecoder('auto', 'JSON if it is JSON, else a number, else text', (payload, limits) => {
  const text = decodeUtf8(payload)
  if (typeof text !== 'string') return text
  if (mayBeJson(text)) {
    const decoded = parseJson(text, limits)
    if (decoded.ok || decoded.failure.reason !== 'syntax') return decoded
  }
  if (mayBeNumber(text)) {
    const decoded = parseNumber(text)
    if (decoded.ok || decoded.failure.reason !== 'syntax') return decoded
  }
  return { ok: true, value: text }
})

// A failed JSON.parse costs several microseconds, so words like `online` are told apart by how they start. What
// starts like a number goes to parseNumber at once: every JSON number is a decimal number too.
const mayBeJson = (text: string): boolean => /^[ \t\n\r]*(?:[{["]|true|false|null)/.test(text)

const mayBeNumber = (text: string): boolean => /^\s*[+-]?\.?\d/.test(text)
