/** Mail addresses as people write them: `ops@example.com`, for a sender also `Tocsin <tocsin@example.com>`. */
import { domainToASCII } from 'node:url'

export interface Mailbox {
  /** Empty when there is none. */
  readonly name: string
  readonly address: string
}

// RFC 5321, 4.5.3.1: 64 characters before the @, 255 after it.
const addressShape =
  /^[^\s\0-\u001f\u007f-\u009f@<>()[\]\\,;:"]{1,64}@[^\s\0-\u001f\u007f@<>()[\]\\,;:"]{1,255}$/u
const nameShape = /^[^\0-\u001f\u007f-\u009f\u2028\u2029]{0,100}$/u

/** The address in its form for the wire, or null when it is none. */
export function readAddress(text: string): string | null {
  const trimmed = text.trim()
  if (!addressShape.test(trimmed) || !trimmed.isWellFormed()) return null
  const at = trimmed.lastIndexOf('@')
  const domain = domainToASCII(trimmed.slice(at + 1))
  return domain === '' ? null : `${trimmed.slice(0, at)}@${domain}`
}

/** `Name <address>` or an address alone; null when it is neither. */
export function readMailbox(text: string): Mailbox | null {
  const match = /^\s*(?:"([^"]*)"|([^<>"]*?))\s*<([^<>]*)>\s*$/.exec(text)
  const address = readAddress(match?.[3] ?? text)
  const name = match?.[1] ?? match?.[2] ?? ''
  return address === null || !nameShape.test(name) ? null : { name, address }
}

export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1)
}
