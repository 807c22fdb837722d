/** Tells from the text alone, before anything is built, whether a JSON document passes a limit. */
import type { DecodeLimits } from '../../ports/decoder.ts'
import { fail, type Refused, tooDeepMessage, tooManyKeysMessage } from './failure.ts'

/**
 * Null when the document is within `limits.depth` and `limits.keys`; exact for valid JSON, and for anything else
 * a verdict that ends no later than the text. Ordinary messages cost two native searches.
 */
export function measureJson(text: string, limits: DecodeLimits): Refused | null {
  // One item more than the limit takes a digit each, commas between and two brackets.
  const mayHaveTooManyKeys = text.length > 2 * limits.keys + 2
  return mayHaveTooManyKeys || opensMoreThan(limits.depth, text) ? scan(text, limits) : null
}

/** Whether there are more brackets that open, in strings or not, than the depth limit allows to be nested. */
function opensMoreThan(limit: number, text: string): boolean {
  let opens = 0
  for (const bracket of ['{', '[']) {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      opens += 1
      if (opens > limit) return true
    }
  }
  return false
}

function scan(text: string, limits: DecodeLimits): Refused | null {
  let depth = 0
  let items = 0
  /** The last bracket opened and nothing came since: the next thing is its first item, unless it closes. */
  let justOpened = false
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit <= 0x20) continue
    const closes = unit === 0x7d || unit === 0x5d
    if ((unit === 0x2c && depth > 0) || (justOpened && !closes)) {
      items += 1
      if (items > limits.keys) return fail('too-many-keys', tooManyKeysMessage(limits))
    }
    justOpened = unit === 0x7b || unit === 0x5b
    if (justOpened) {
      depth += 1
      if (depth > limits.depth) return fail('too-deep', tooDeepMessage(limits))
    } else if (closes) depth -= 1
    else if (unit === 0x22) at = endOfString(text, at)
  }
  return null
}

/** Where the string that begins at `start` has its closing quote, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let escapes = 0
    while (text.charCodeAt(quote - 1 - escapes) === 0x5c) escapes += 1
    if (escapes % 2 === 0) return quote
  }
  return text.length
}
