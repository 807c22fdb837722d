/** JSON as rules may see it: within limits, finite numbers only, no key that could reach a prototype. */
import type { Decoded, DecodeLimits } from '../../ports/decoder.ts'
import { excerpt, type FailureReason, fail, unsafeKeyMessage } from './failure.ts'
import { measureJson } from './measure-json.ts'

/**
 * Duplicate keys: the last one wins, as with JSON.parse. Integers beyond 2^53 lose digits, as with JSON.parse.
 * A failure with the reason `syntax` means it is not JSON; any other that it is not acceptable.
 */
export function parseJson(text: string, limits: DecodeLimits): Decoded {
  const beyond = measureJson(text, limits)
  if (beyond !== null) return beyond
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return fail('syntax', `Not valid JSON: ${explain(error, text)}`)
  }
  const reason = findUnacceptable(value)
  if (reason === null) return { ok: true, value }
  return reason === 'unsafe-key'
    ? fail(reason, unsafeKeyMessage)
    : fail(reason, 'The payload has a number that is too large to compute with (above 1.8e308)')
}

/** Walks the value, which costs little beside parsing; its depth is within the limit already. */
function findUnacceptable(value: unknown): FailureReason | null {
  if (typeof value === 'number') return Number.isFinite(value) ? null : 'not-finite'
  if (typeof value !== 'object' || value === null) return null
  if (Array.isArray(value)) {
    for (const item of value) {
      const reason = findUnacceptable(item)
      if (reason !== null) return reason
    }
    return null
  }
  // Measured: for-in costs a quarter of Object.values, and what JSON.parse makes inherits nothing enumerable.
  for (const key in value) {
    if (key === '__proto__') return 'unsafe-key'
    const reason = findUnacceptable((value as Record<string, unknown>)[key])
    if (reason !== null) return reason
  }
  return null
}

function explain(error: unknown, text: string): string {
  const message = error instanceof Error ? error.message : 'it cannot be read'
  // The engine names the first wrong character and quotes ten to each side of it.
  if (
    /^Unexpected token '[NI]', .*(?:NaN|Infinity)/s.test(message) ||
    message.startsWith('No number after minus')
  ) {
    const word = /NaN|Infinity/.exec(message)?.[0] ?? 'a lone minus or -Infinity'
    return `${word} is not a JSON number; send null, or leave the key out`
  }
  if (text.trimStart().startsWith("{'")) return 'keys and texts need double quotes, not single ones'
  const place = / in JSON at position \d+ \((line \d+ column \d+)\)$/.exec(message)
  if (place) return `${message.slice(0, place.index)}, ${place[1]}`
  return message === 'Unexpected end of JSON input' ? `it ends too early, ${excerpt(text)}` : message
}
