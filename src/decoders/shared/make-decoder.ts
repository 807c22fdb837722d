/** What all decoders have in common: the size limit first, then the format. */
import { type Decoded, type DecodeLimits, type Decoder, greatestDecodeDepth } from '../../ports/decoder.ts'
import { tooLarge } from './failure.ts'

/** `decode` gets payloads that are within `limits.sizeBytes`; the other limits are its own duty. */
export function makeDecoder(
  name: string,
  description: string,
  decode: (payload: Uint8Array, limits: DecodeLimits) => Decoded,
): Decoder {
  return {
    name,
    description,
    prepare(limits) {
      if (!(limits.depth <= greatestDecodeDepth)) {
        throw new RangeError(`The depth limit ${limits.depth} is above ${greatestDecodeDepth}`)
      }
      return {
        ok: true,
        value: (payload) =>
          payload.byteLength > limits.sizeBytes
            ? tooLarge(payload.byteLength, limits)
            : decode(payload, limits),
      }
    },
  }
}
