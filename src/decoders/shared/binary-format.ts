/** What CBOR and MessagePack have in common: how their failures read, and how their values become plain data. */
import { isUtf8 } from 'node:buffer'
import type { Decoded } from '../../ports/decoder.ts'
import { fail, Refusal, type Refused, unsafeKeyMessage } from './failure.ts'

/** Runs a parser that throws on bad bytes and turns what it threw into a failure. */
export function decodeBinaryFormat(format: string, payload: Uint8Array, parse: () => unknown): Decoded {
  try {
    return { ok: true, value: parse() }
  } catch (error) {
    return refused(format, payload, error)
  }
}

function refused(format: string, payload: Uint8Array, error: unknown): Refused {
  if (error instanceof Refusal && error.reason !== 'syntax') return fail(error.reason, error.message)
  // Sending JSON where a binary format is expected is the usual mistake.
  if ((payload[0] === 0x7b || payload[0] === 0x5b) && isUtf8(payload)) {
    return fail('syntax', `Not valid ${format}: it looks like JSON, use decode: json`)
  }
  const detail =
    error instanceof Error ? error.message.replace(/^CBOR decode error: /, '') : 'it cannot be read'
  return fail('syntax', `Not valid ${format}: ${detail}`)
}

export function refuseUnsafeKey(key: unknown): void {
  if (key === '__proto__') throw new Refusal('unsafe-key', unsafeKeyMessage)
}

export function refuseNotFinite(value: number): void {
  if (!Number.isFinite(value)) {
    throw new Refusal(
      'not-finite',
      `The payload has the number ${value}, which cannot be compared; send null instead`,
    )
  }
}

export function trailing(count: number): Refusal {
  return new Refusal('syntax', `${count} more bytes follow after the end of the value`)
}

export const truncated = (): Refusal => new Refusal('syntax', 'it ends too early')

/** A number when it is exact, else its digits: an identifier must not change by rounding. */
export function plainInteger(value: bigint): number | string {
  const asNumber = Number(value)
  return Number.isSafeInteger(asNumber) ? asNumber : value.toString()
}

/** Times become text in ISO 8601, UTC, with milliseconds: what a device that speaks JSON would have sent. */
export function isoTime(epochMs: number): string {
  const time = new Date(epochMs)
  if (Number.isNaN(time.getTime())) throw new Refusal('syntax', 'it has a time outside of the calendar')
  return time.toISOString()
}
