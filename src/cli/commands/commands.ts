/** `tocsin commands [DIR]`: which commands to devices wait for their acknowledgement, and how the latest ended. */
import { durationText } from '../../core/templates/duration-text.ts'
import type { CommandsPage, FinishedCommandView, PendingCommandView } from '../../ports/control.ts'
import { type AskOptions, askPages, converse, type Outcome, tellSilence } from '../ask.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { localTime, table } from '../table.ts'

export interface CommandsOptions extends AskOptions {
  readonly limit: number
}

const defaultColumns = 140

export async function commands(
  directory: string,
  options: CommandsOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stdout } = surroundings
  const outcome = await find(directory, options, parts, surroundings)
  if (outcome.kind !== 'answer') return tellSilence(outcome, surroundings)
  const { items, finished, next } = outcome.value
  if (options.format === 'json') {
    stdout.write(`${JSON.stringify({ items, more: next !== null, finished }, null, 2)}\n`)
    return 0
  }
  const columns = stdout.columns || defaultColumns
  const nowMs = parts.clock.now()
  stdout.write(items.length === 0 ? 'No command waits.\n' : table(waiting(items, nowMs), columns))
  if (next !== null) stdout.write('There are more: --limit shows them.\n')
  if (finished.length > 0) stdout.write(`\n${table(ended(finished, outcome.settings.zone), columns)}`)
  return 0
}

async function find(
  directory: string,
  { limit, timeoutMs }: CommandsOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<Outcome<CommandsPage>> {
  const begun = await converse(directory, { timeoutMs }, parts, surroundings)
  if (begun.kind !== 'conversation') return begun
  try {
    return await askPages<PendingCommandView, CommandsPage>(limit, (page) =>
      begun.conversation.ask('commands', page),
    )
  } finally {
    await begun.conversation.close()
  }
}

function waiting(items: readonly PendingCommandView[], nowMs: number): string[][] {
  const since = (iso: string) => durationText(Math.max(0, nowMs - Date.parse(iso)))
  const until = (iso: string) => durationText(Math.max(0, Date.parse(iso) - nowMs))
  const rows = items.map((one) => [
    since(one.since),
    `${one.attempt} of ${one.attempts}`,
    until(one.due),
    one.rule,
    one.topic,
    one.ack_topic,
    one.id,
  ])
  return [['WAITS FOR', 'ATTEMPT', 'ENDS IN', 'RULE', 'COMMAND', 'ACKNOWLEDGED ON', 'ID'], ...rows]
}

function ended(finished: readonly FinishedCommandView[], zone: string): string[][] {
  const rows = finished.map((one) => [
    localTime(one.at, zone),
    one.end === 'acknowledged' ? `acknowledged after ${durationText(one.after_ms)}` : 'timed out',
    String(one.attempts),
    one.rule,
    one.topic,
    one.id,
  ])
  return [['ENDED AT', 'HOW', 'SENT', 'RULE', 'COMMAND', 'ID'], ...rows]
}
