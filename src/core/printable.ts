/** What came from outside, made fit to be shown: nothing in it steers a terminal, or turns the text around. */

/**
 * Control characters, halves of characters, line and paragraph separators, and the invisible signs that change
 * the direction of what follows (they can make a name look like another one).
 */
export const unprintable = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu

const runs = new RegExp(`${unprintable.source}+`, 'gu')

/** The text on one line: each run of what cannot be shown becomes one blank. */
export function printable(text: string): string {
  return text.replace(runs, ' ')
}
