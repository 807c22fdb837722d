/** `tocsin inbox [DIR]`: what was kept instead of being sent, newest first, also when no Tocsin runs. */
import type { Settings } from '../../config/configuration.ts'
import { printable } from '../../core/printable.ts'
import { inboxView } from '../../engine/alert-views.ts'
import type { InboxView } from '../../ports/alerting-control.ts'
import type { Page } from '../../ports/control.ts'
import { type AskOptions, ask, tellSilence } from '../ask.ts'
import { journalFromStore } from '../from-store.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { localTime } from '../table.ts'

export interface InboxOptions extends AskOptions {
  readonly limit: number
}

export async function inbox(
  directory: string,
  options: InboxOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stderr } = surroundings
  const { limit } = options
  const outcome = await ask(directory, 'inbox', { limit }, options, parts, surroundings)
  if (outcome.kind === 'answer') {
    show(outcome.value, options, outcome.settings, surroundings)
    return 0
  }
  if (outcome.kind !== 'silence') return tellSilence(outcome, surroundings)
  const { settings } = outcome
  const found = await journalFromStore(settings, 'inbox', { limit }, inboxView, parts)
  if (found === null) return tellSilence(outcome, surroundings)
  if (!found.ok) {
    stderr.write(`${found.message}\nhelp: ${found.help}\n`)
    return tellSilence(outcome, surroundings)
  }
  stderr.write(`No Tocsin answers; this is from ${settings.storage}.\n`)
  show(found.page, options, settings, surroundings)
  return 0
}

function show(
  page: Page<InboxView, number>,
  { format }: InboxOptions,
  { zone }: Settings,
  { stdout }: Surroundings,
): void {
  if (format === 'json') {
    stdout.write(`${JSON.stringify(page, null, 2)}\n`)
    return
  }
  if (page.items.length === 0) {
    stdout.write('Nothing was kept instead of being sent.\n')
    return
  }
  for (const { at, channel, to, subject, text } of page.items) {
    stdout.write(`${localTime(at, zone)}  ${printable(channel)} to ${printable(to)}\n`)
    if (subject !== null) stdout.write(`  Subject: ${printable(subject)}\n`)
    const lines = text.trimEnd().split('\n')
    stdout.write(`${lines.map((line) => `  | ${printable(line)}`.trimEnd()).join('\n')}\n\n`)
  }
  if (page.next !== null) stdout.write('There are older ones: --limit shows more, up to 100.\n')
}
