/** Reads what stands behind a command: the directory, which comes first and may be left out, and LABEL=VALUE. */
import { statSync } from 'node:fs'
import type { Matcher } from '../core/alerts/definition.ts'
import { printable } from '../core/printable.ts'
import type { Surroundings } from './parts.ts'
import { UsageError } from './usage-error.ts'

export const defaultDirectory = 'rules'

/** `[dir] what`: two arguments, or the last one alone. `what`: what it is, in words, for who wrote too much. */
export function readNamed(
  words: readonly string[],
  what: string,
): { readonly directory: string; readonly name: string } {
  const [first, second, ...others] = words
  if (first === undefined || others.length > 0)
    throw new UsageError(
      `Write ${what}, after the directory of the rules if that is not ${defaultDirectory}.`,
    )
  return second === undefined
    ? { directory: defaultDirectory, name: first }
    : { directory: first, name: second }
}

export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/** `[dir] label=value…`: what has no `=` is the directory. */
export function readMatching(words: readonly string[]): {
  readonly directory: string
  readonly match: Matcher
} {
  const [directory = defaultDirectory, ...others] = words.filter((word) => !word.includes('='))
  const [wrong] = others
  if (wrong !== undefined)
    throw new UsageError(`Write ${printable(wrong)} as LABEL=VALUE, such as site=greenhouse.`)
  return { directory, match: readMatcher(words.filter((word) => word.includes('='))) }
}

/** `device=g7`; a label that is given again has one of its values, and `device=/^g/` is a pattern. */
export function readMatcher(pairs: readonly string[]): Matcher {
  const values = new Map<string, string[]>()
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    if (at <= 0) throw new UsageError(`Write ${printable(pair)} as LABEL=VALUE, such as site=greenhouse.`)
    const label = pair.slice(0, at)
    values.set(label, [...(values.get(label) ?? []), pair.slice(at + 1)])
  }
  const entries = [...values].map(
    ([label, list]) => [label, list.length === 1 ? (list[0] ?? '') : list] as const,
  )
  return Object.fromEntries(entries)
}

/** Who acts, for the audit trail, unless `--by` says so. */
export function whoAmI({ env }: Surroundings): string {
  return env.USER || env.LOGNAME || env.USERNAME || 'somebody at the command line'
}
