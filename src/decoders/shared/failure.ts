/** How a decoder says that a payload cannot be used: short sentences with a short excerpt. */
import type { Decoded, DecodeFailure, DecodeLimits } from '../../ports/decoder.ts'

export type FailureReason = DecodeFailure['reason']
export type Refused = Extract<Decoded, { ok: false }>

const excerptLength = 32
const messageLength = 160

export function fail(reason: FailureReason, message: string): Refused {
  return { ok: false, failure: { reason, message: clip(message, messageLength) } }
}

/** Carries a failure out of the callbacks of a parsing library; it never leaves the decoder that threw it. */
export class Refusal extends Error {
  readonly reason: FailureReason

  constructor(reason: FailureReason, message: string) {
    super(message)
    this.reason = reason
  }
}

/** The beginning of a text in quotes, on one line, without control characters. */
export function excerpt(text: string): string {
  return `'${clip(text, excerptLength)}'`
}

function clip(text: string, length: number): string {
  const start = text.length > length ? `${text.slice(0, length)}…` : text
  return start.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ').toWellFormed()
}

export function tooLarge(sizeBytes: number, limits: DecodeLimits): Refused {
  return fail('too-large', `The payload has ${sizeBytes} bytes, more than the limit of ${limits.sizeBytes}`)
}

export const tooDeepMessage = (limits: DecodeLimits): string =>
  `Arrays and objects are nested more than ${limits.depth} deep, the limit`

export const tooManyKeysMessage = (limits: DecodeLimits): string =>
  `The payload has more than ${limits.keys} keys and items, the limit`

/**
 * A key `__proto__` is refused rather than dropped: as an own property it would reach a prototype as soon as
 * somebody copies the object key by key, and dropping it silently would let rules judge half a message.
 */
export const unsafeKeyMessage = "The key '__proto__' is not accepted in a payload"
