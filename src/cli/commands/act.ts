/** What commands that act on alerts have in common: one request, one line about what was done. */

import { printable } from '../../core/printable.ts'
import type { Requests } from '../../tools/request/requests.ts'
import { type AskOptions, ask, tellSilence } from '../ask.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'

export interface ActOptions extends AskOptions {
  /** Who acts; the user of the process unless given. */
  readonly by?: string | undefined
}

/** `said`: one line about the answer. What is so already is told and is no failure. */
export async function act<V extends keyof Requests>(
  directory: string,
  verb: V,
  input: Requests[V]['input'],
  said: (answer: Requests[V]['answer']) => string,
  options: ActOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stdout } = surroundings
  const outcome = await ask(directory, verb, input, options, parts, surroundings)
  if (outcome.kind === 'error' && outcome.code === 'already') {
    stdout.write(
      options.format === 'json'
        ? `${JSON.stringify({ already: outcome.message })}\n`
        : `${printable(outcome.message)}\n`,
    )
    return 0
  }
  if (outcome.kind !== 'answer') return tellSilence(outcome, surroundings)
  stdout.write(
    options.format === 'json' ? `${JSON.stringify(outcome.value)}\n` : `${printable(said(outcome.value))}\n`,
  )
  return 0
}
