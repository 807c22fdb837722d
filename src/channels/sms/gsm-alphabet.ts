/** The alphabet of short messages: what takes one septet, what takes two, and what cannot be said in it (3GPP TS 23.038). */

/** In the order of the specification's table; the escape itself (0x1B) is no character. */
const basic =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà'
/** Written as the escape and another septet. */
const extended = '\f^{}\\[~]|€'

const septets: ReadonlyMap<string, 1 | 2> = new Map([
  ...[...basic].map((character) => [character, 1] as const),
  ...[...extended].map((character) => [character, 2] as const),
])

/** Septets of one character, or null when the alphabet lacks it. */
export function septetsOf(character: string): 1 | 2 | null {
  return septets.get(character) ?? null
}

export function isGsm(text: string): boolean {
  for (const character of text) if (!septets.has(character)) return false
  return true
}
