/** Which seeds to run: TOCSIN_SEED names one, TOCSIN_SEEDS says how many. */

export interface Range {
  readonly first: number
  readonly last: number
}

const rangeSize = 100

/** In ranges, so that a report says how far it came. */
export function seedRanges(count: number): Range[] {
  const { TOCSIN_SEED: one, TOCSIN_SEEDS: many } = process.env
  if (one !== undefined) return [{ first: Number(one), last: Number(one) }]
  const last = many === undefined ? count : Number(many)
  const ranges: Range[] = []
  for (let first = 1; first <= last; first += rangeSize) {
    ranges.push({ first, last: Math.min(last, first + rangeSize - 1) })
  }
  return ranges
}
