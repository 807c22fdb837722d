/** Turns the bytes of a payload into a value that conditions and templates can see. */
import type { Result } from '../core/problem.ts'

export type Decoded =
  /**
   * `value` is plain data of its own: null, boolean, finite number, string, array, object without a key
   * `__proto__`, or Uint8Array. It shares no memory with the payload, so it may outlive the read buffer.
   */
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly failure: DecodeFailure }

export interface DecodeFailure {
  readonly reason:
    | 'syntax'
    | 'encoding'
    | 'too-large'
    | 'too-deep'
    | 'too-many-keys'
    | 'unsafe-key'
    | 'not-finite'
  /** One sentence for people, never containing more than a short excerpt of the payload. */
  readonly message: string
}

export interface DecodeLimits {
  readonly sizeBytes: number
  /** Arrays and objects inside each other; `[1]` is 1 deep. At most `greatestDecodeDepth`. */
  readonly depth: number
  /** Keys and items in the whole value, those of every array and object together. */
  readonly keys: number
}

export const defaultDecodeLimits: DecodeLimits = { sizeBytes: 262_144, depth: 32, keys: 10_000 }

/** Beyond this a value could overflow the stack of those that walk it, here and downstream. */
export const greatestDecodeDepth = 256

export type Decode = (payload: Uint8Array) => Decoded

export interface Decoder {
  /** What rules write after `decode:`. */
  readonly name: string
  /** One line for the docs and the schema. */
  readonly description: string
  /**
   * Makes the function that decodes; it is pure, keeps no state between payloads and never throws on bad ones.
   * A zero-byte payload does not come here: it is *missing*.
   */
  prepare(limits: DecodeLimits): Result<Decode>
}
