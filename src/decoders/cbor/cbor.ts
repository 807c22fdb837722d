/**
 * `decode: cbor`: RFC 8949. undefined becomes null, keys become text, integers beyond 2^53 their digits, times
 * (tags 0 and 1) ISO 8601 text; NaN, Infinity, other tags and bytes after the value are refused.
 */
import { type DecodeOptions, decodeFirst, type TagDecodeControl } from 'cborg'
import { decodeBinaryFormat, isoTime, trailing } from '../shared/binary-format.ts'
import { Refusal } from '../shared/failure.ts'
import { makeDecoder } from '../shared/make-decoder.ts'
import { GuardedTokenizer } from './guarded-tokenizer.ts'

function dateText(content: TagDecodeControl): string {
  const text = content()
  if (typeof text === 'string') return text
  throw new Refusal('syntax', 'a date and time (tag 0) must be text')
}

function epochTime(content: TagDecodeControl): string {
  const seconds = content()
  if (typeof seconds === 'number') return isoTime(seconds * 1000)
  throw new Refusal('syntax', 'an epoch time (tag 1) must be a number of seconds')
}

const options: DecodeOptions = {
  allowBigInt: true,
  coerceUndefinedToNull: true,
  // 55799 only says that this is CBOR [RFC 8949 3.4.6].
  tags: { 0: dateText, 1: epochTime, 55799: (content) => content() },
}

export const cbor = makeDecoder('cbor', 'CBOR (RFC 8949)', (payload, limits) =>
  decodeBinaryFormat('CBOR', payload, () => {
    // A plain view: `slice` copies from it, but not from a Buffer, and byte strings must not share the payload.
    const bytes = new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength)
    const tokenizer = new GuardedTokenizer(bytes, options, limits)
    const [value, rest] = decodeFirst(bytes, { ...options, tokenizer })
    if (rest.length > 0) throw trailing(rest.length)
    return value
  }),
)
