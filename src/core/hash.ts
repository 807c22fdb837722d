/** A small stable hash for telling versions of a definition apart; not for security. */

/** FNV-1a over UTF-16 units, 32 bits, as an unsigned integer. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    hash ^= text.charCodeAt(index)
    hash = Math.imul(hash, 0x01000193)
  }
  return hash >>> 0
}

/** As `hash32`, of a text and bytes, 53 bits: two lanes, mixed at the end, so that one changed bit changes all. */
export function hash53(text: string, bytes: Uint8Array): number {
  let low = 0xdeadbeef
  let high = 0x41c6ce57
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    low = Math.imul(low ^ unit, 0x9e3779b1)
    high = Math.imul(high ^ unit, 0x5f356495)
  }
  // The length keeps a text that ends as the bytes begin apart from a longer one.
  low = Math.imul(low ^ bytes.length, 0x85ebca77)
  high = Math.imul(high ^ bytes.length, 0xc2b2ae3d)
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index]!
    low = Math.imul(low ^ byte, 0x9e3779b1)
    high = Math.imul(high ^ byte, 0x5f356495)
  }
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35)
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35)
  return 2 ** 32 * (high & 0x1fffff) + (low >>> 0)
}
