/**
 * `decode: msgpack`: MessagePack. Keys become text, integers beyond 2^53 their digits, timestamps ISO 8601 text;
 * NaN, Infinity, other extension types and bytes after the value are refused.
 */
import { Decoder, decodeTimestampToTimeSpec, EXT_TIMESTAMP, ExtensionCodec } from '@msgpack/msgpack'
import { decodeBinaryFormat, isoTime, plainInteger } from '../shared/binary-format.ts'
import { makeDecoder } from '../shared/make-decoder.ts'
import { scanMsgpack } from './scan-msgpack.ts'

const extensionCodec = new ExtensionCodec()
extensionCodec.register({
  type: EXT_TIMESTAMP,
  encode: () => null,
  decode: (data) => {
    const { sec, nsec } = decodeTimestampToTimeSpec(data)
    return isoTime(sec * 1000 + nsec / 1e6)
  },
})

const library = new Decoder({
  extensionCodec,
  useBigInt64: true,
  // The scan has let only texts and numbers pass.
  mapKeyConverter: (key) => String(key),
})

export const msgpack = makeDecoder('msgpack', 'MessagePack', (payload, limits) =>
  decodeBinaryFormat('MessagePack', payload, () => {
    scanMsgpack(payload, limits)
    return plain(library.decode(payload))
  }),
)

/** Settles in place what the library leaves open; its depth is within the limit. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return plainInteger(value)
  if (typeof value !== 'object' || value === null) return value
  // The library's byte strings are windows on the payload.
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) value[index] = plain(item)
  } else {
    const object = value as Record<string, unknown>
    for (const key of Object.keys(object)) object[key] = plain(object[key])
  }
  return value
}
