/** A payload as people can read it: its beginning as text when it is text, else its size and first bytes. */
import { printable } from '../../core/printable.ts'

/** So many bytes are looked at; what a terminal shows of a message is shorter. */
export const excerptBytes = 2_048
const hexBytes = 16

/** The first characters of a text, cut at `excerptBytes`; null when it is no UTF-8. */
export function excerptOf(payload: Uint8Array): string | null {
  const start = payload.subarray(0, excerptBytes)
  try {
    // As a part of a stream, so that a character that was cut in the middle is left out and not an error.
    const isWhole = start.length === payload.length
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(start, { stream: !isWhole })
  } catch {
    return null
  }
}

/** On one line, with nothing a terminal would act upon. */
export function payloadText(payload: Uint8Array): string {
  if (payload.length === 0) return '(empty)'
  const text = excerptOf(payload)
  if (text === null) {
    const hex = Buffer.from(payload.subarray(0, hexBytes))
      .toString('hex')
      .replace(/(..)(?=.)/g, '$1 ')
    return `(${sizeText(payload.length)}, no text: ${hex}${payload.length > hexBytes ? ' …' : ''})`
  }
  const shown = printable(text).trim()
  const more = payload.length > excerptBytes ? `… (${sizeText(payload.length)})` : ''
  return `${shown === '' ? '(blank)' : shown}${more}`
}

export function sizeText(sizeBytes: number): string {
  return sizeBytes === 1 ? '1 byte' : `${sizeBytes.toLocaleString('en')} bytes`
}
