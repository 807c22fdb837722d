/**
 * `tocsin dead-letters [DIR]`: the messages that could not be understood. Asks the running Tocsin; when none runs,
 * looks into its database.
 */
import type { Settings } from '../../config/configuration.ts'
import { deadLetterView } from '../../engine/journal-views.ts'
import type { DeadLetterView, Page } from '../../ports/control.ts'
import { type AskOptions, ask, tellSilence } from '../ask.ts'
import { journalFromStore } from '../from-store.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { localTime, table } from '../table.ts'

export interface DeadLettersOptions extends AskOptions {
  readonly limit: number
  readonly topic?: string | undefined
}

const defaultColumns = 130

export async function deadLetters(
  directory: string,
  options: DeadLettersOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { limit, topic } = options
  const outcome = await ask(directory, 'dead-letters', { limit, topic }, options, parts, surroundings)
  if (outcome.kind === 'answer') {
    show(outcome.value, options, outcome.settings, surroundings)
    return 0
  }
  const found = outcome.kind === 'silence' ? await readStore(outcome.settings, options, parts) : null
  if (outcome.kind !== 'silence' || found === null) return tellSilence(outcome, surroundings)
  if (!found.ok) {
    surroundings.stderr.write(`${found.message}\nhelp: ${found.help}\n`)
    return tellSilence(outcome, surroundings)
  }
  surroundings.stderr.write(`No Tocsin answers; this is from ${outcome.settings.storage}.\n`)
  show(found.page, options, outcome.settings, surroundings)
  return 0
}

/** The offset of the clock is the engine's; without it moments are as it saw them. */
function readStore(settings: Settings, { limit, topic }: DeadLettersOptions, parts: Parts) {
  const view = (entry: Parameters<typeof deadLetterView>[0]) => deadLetterView(entry, 0)
  return journalFromStore(settings, 'dead-letter', { limit, subject: topic }, view, parts)
}

function show(
  page: Page<DeadLetterView, number>,
  options: DeadLettersOptions,
  { zone }: Settings,
  { stdout }: Surroundings,
): void {
  if (options.format === 'json') {
    stdout.write(`${JSON.stringify(page, null, 2)}\n`)
    return
  }
  if (page.items.length === 0) {
    stdout.write(
      `There are no dead letters${options.topic === undefined ? '' : ` on ${options.topic}`}: every message was understood.\n`,
    )
    return
  }
  const rows = page.items.map((letter) => [
    localTime(letter.at, zone),
    letter.topic,
    letter.reason,
    `${letter.size_bytes} B`,
    letter.encoding === 'utf-8' ? letter.payload : `base64 ${letter.payload}`,
  ])
  stdout.write(
    table([['AT', 'TOPIC', 'REASON', 'SIZE', 'PAYLOAD'], ...rows], stdout.columns || defaultColumns),
  )
  if (page.next !== null) stdout.write(`There are older ones: --limit shows more, up to 100.\n`)
}
