/** `decode: boolean`: the words that switches and availability topics use for true and false. */
import { decodeUtf8 } from '../shared/decode-utf8.ts'
import { excerpt, fail } from '../shared/failure.ts'
import { makeDecoder } from '../shared/make-decoder.ts'

// `open` and `closed` are left out on purpose: whether an open door or an open contact is "true" differs by vendor.
const words = new Map([
  ...['true', 'on', 'yes', '1', 'online'].map((word) => [word, true] as const),
  ...['false', 'off', 'no', '0', 'offline'].map((word) => [word, false] as const),
])

export const boolean = makeDecoder(
  'boolean',
  'true/false, on/off, yes/no, 1/0 or online/offline, in capitals or not',
  (payload) => {
    const text = decodeUtf8(payload)
    if (typeof text !== 'string') return text
    const trimmed = text.trim()
    const value = words.get(trimmed.toLowerCase())
    if (value !== undefined) return { ok: true, value }
    return fail(
      'syntax',
      `${excerpt(trimmed)} is not true/false, on/off, yes/no, 1/0 or online/offline; use decode: text and compare`,
    )
  },
)
