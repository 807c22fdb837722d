/** The identities of mails: the same delivery always has the same Message-ID, and a conversation the same root. */
import { createHash } from 'node:crypto'

const maxIdChars = 120

/** Different ids stay different: what a Message-ID cannot hold, and the sign itself, are written as `_hex_`. */
function idPart(id: string): string {
  const safe = id.replace(/[^A-Za-z0-9.-]/gu, (character) => `_${character.codePointAt(0)?.toString(16)}_`)
  // RFC 5322: dots stand alone, and between others.
  const isPlain = safe.length <= maxIdChars && /^[^.]+(\.[^.]+)*$/.test(safe)
  return isPlain ? safe : createHash('sha256').update(id).digest('hex')
}

export function messageId(deliveryId: string, domain: string): string {
  return `<${idPart(deliveryId)}@${domain}>`
}

/** No mail has this id: all of a conversation refer to it, so that they thread whichever of them arrived. */
export function threadRoot(threadId: string, domain: string): string {
  return `<thread.${idPart(threadId)}@${domain}>`
}
