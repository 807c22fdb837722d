/** `tocsin forget [DIR] RULE KEY=VALUE…`: a device was taken away; the running Tocsin drops what it knows of it. */

import { printable } from '../../core/printable.ts'
import { readNamed } from '../arguments.ts'
import { type AskOptions, ask, tellSilence } from '../ask.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { UsageError } from '../usage-error.ts'

export async function forget(
  words: readonly string[],
  options: AskOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stdout } = surroundings
  const isPair = (word: string) => word.includes('=')
  const pairs = words.filter(isPair)
  const named = words.filter((word) => !isPair(word))
  const { directory, name: rule } = readNamed(named, 'the rule, and its key as NAME=VALUE')
  const key = readKey(pairs)
  const outcome = await ask(directory, 'forget', { rule, key }, options, parts, surroundings)
  if (outcome.kind !== 'answer') return tellSilence(outcome, surroundings)
  const { forgotten } = outcome.value
  const about = pairs.length === 0 ? '' : ` about ${pairs.join(' ')}`
  if (options.format === 'json') stdout.write(`${JSON.stringify(outcome.value)}\n`)
  else if (forgotten) stdout.write(printable(`${rule} has forgotten what it knew${about}.`).concat('\n'))
  else stdout.write(printable(`${rule} knows nothing${about}.`).concat('\n'))
  return forgotten ? 0 : 1
}

/** `device=g7`; the value may be empty and may contain `=`. */
function readKey(pairs: readonly string[]): Record<string, string> {
  const entries = pairs.map((pair) => {
    const at = pair.indexOf('=')
    if (at <= 0) throw new UsageError(`Write ${printable(pair)} as NAME=VALUE, such as device=g7.`)
    return [pair.slice(0, at), pair.slice(at + 1)] as const
  })
  const names = entries.map(([name]) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new UsageError(`${printable(twice)} is given twice.`)
  return Object.fromEntries(entries)
}
