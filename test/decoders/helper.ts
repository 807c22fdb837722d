/** Shorthand for the tests of decoders: what a payload becomes, or the reason why not. */
import { type DecodeLimits, type Decoder, defaultDecodeLimits } from '../../src/ports/decoder.ts'

export function decoding(decoder: Decoder) {
  const run = (payload: Uint8Array | string, limits: Partial<DecodeLimits> = {}) => {
    const prepared = decoder.prepare({ ...defaultDecodeLimits, ...limits })
    if (!prepared.ok) throw new Error(`${decoder.name} does not prepare`)
    return prepared.value(typeof payload === 'string' ? Buffer.from(payload) : payload)
  }
  return {
    /** The decoded value; throws with the message when it was refused. */
    value(payload: Uint8Array | string, limits?: Partial<DecodeLimits>): unknown {
      const decoded = run(payload, limits)
      if (!decoded.ok) throw new Error(`${decoded.failure.reason}: ${decoded.failure.message}`)
      return decoded.value
    },
    /** `reason: message`, or null when it decoded. */
    refusal(payload: Uint8Array | string, limits?: Partial<DecodeLimits>): string | null {
      const decoded = run(payload, limits)
      return decoded.ok ? null : `${decoded.failure.reason}: ${decoded.failure.message}`
    },
  }
}

/** Bytes from hexadecimal, as the examples of the specifications are written. */
export const hex = (digits: string): Uint8Array =>
  new Uint8Array(Buffer.from(digits.replaceAll(' ', ''), 'hex'))
