/** Values of options that several commands have, read and checked. */
import { InvalidArgumentError } from 'commander'
import { parseDuration } from '../core/duration.ts'

export interface AskFlags {
  readonly format: 'text' | 'json'
  /** Milliseconds. */
  readonly timeout?: number
}

export const defaultWaitMs = 5_000
const longestWaitMs = 600_000

export function waitMs(text: string): number {
  const durationMs = parseDuration(text)
  if (durationMs !== null && durationMs > 0 && durationMs <= longestWaitMs) return durationMs
  throw new InvalidArgumentError('Write a duration such as 5s, at most 10m.')
}

export function format(text: string): 'text' | 'json' {
  if (text === 'text' || text === 'json') return text
  throw new InvalidArgumentError('Write text or json.')
}

/** From 1 to `most`. */
export function count(most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,6}$/.test(text) ? Number(text) : 0
    if (number >= 1 && number <= most) return number
    throw new InvalidArgumentError(`Write a number from 1 to ${most}.`)
  }
}
