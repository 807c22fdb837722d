/** Counts the segments that a text takes as a short message: that is what is paid for. */
import { isGsm, septetsOf } from './gsm-alphabet.ts'

export interface Segments {
  readonly encoding: 'GSM-7' | 'UCS-2'
  /** Septets of GSM-7, 16-bit units of UCS-2. */
  readonly units: number
  readonly segments: number
}

/** Units in a message of one segment, and in each of several, which begin with a header of six bytes. */
const room = { 'GSM-7': { alone: 160, joined: 153 }, 'UCS-2': { alone: 70, joined: 67 } } as const

/** An empty text is one segment. */
export function segmentsOf(text: string): Segments {
  const encoding = isGsm(text) ? 'GSM-7' : 'UCS-2'
  const { alone, joined } = room[encoding]
  let units = 0
  let segments = 1
  let filled = 0
  for (const character of text) {
    // A character of two units is never divided between two segments.
    const size = encoding === 'GSM-7' ? (septetsOf(character) ?? 1) : character.length
    units += size
    if (filled + size > joined) {
      segments += 1
      filled = 0
    }
    filled += size
  }
  return { encoding, units, segments: units <= alone ? 1 : segments }
}
