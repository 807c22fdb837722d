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
