/** Randomness that depends on nothing but numbers: the same seed and place always give the same value. */

/** From 0 up to, but not including, 1. Any place can be asked for without those before it. */
export function randomAt(seed: number, ...place: readonly number[]): number {
  let hash = mix(seed | 0)
  for (const number of place) hash = mix(Math.imul(hash ^ number, 0x9e3779b1) + 0x6d2b79f5)
  return hash / 4_294_967_296
}

/** The finalizer of MurmurHash3: every bit of the input changes about half of the output. */
function mix(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
