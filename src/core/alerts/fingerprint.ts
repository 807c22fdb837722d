/** The identity of an alert: a short hexadecimal text made of its rule and key, the same for ever. */
import { sliceId } from '../state.ts'

/** 16 hexadecimal digits. Two lanes of multiply and mix over UTF-16 units (cyrb53); not for security. */
export function hash64(text: string): string {
  let high = 0xdeadbeef
  let low = 0x41c6ce57
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    high = Math.imul(high ^ unit, 2654435761)
    low = Math.imul(low ^ unit, 1597334677)
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  return hex(low) + hex(high)
}

/** Of one key of one rule. */
export function fingerprintOf(rule: string, key: readonly string[]): string {
  return hash64(sliceId(rule, ...key))
}

function hex(lane: number): string {
  return (lane >>> 0).toString(16).padStart(8, '0')
}
