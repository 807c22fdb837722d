/** `tocsin silence`, `unsilence` and `silences`: nobody is told of the alerts that match, until it ends. */
import type { SilencedView, SilenceView } from '../../ports/alerting-control.ts'
import { readMatching, readNamed, whoAmI } from '../arguments.ts'
import { type AskOptions, ask, tellSilence } from '../ask.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { localTime, table } from '../table.ts'
import { UsageError } from '../usage-error.ts'
import { type ActOptions, act } from './act.ts'

export interface SilenceOptions extends ActOptions {
  /** As it was written, such as `2h`. */
  readonly for: string
  readonly comment: string
}

const defaultColumns = 130

export function silence(
  words: readonly string[],
  options: SilenceOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { directory, match } = readMatching(words)
  if (Object.keys(match).length === 0)
    throw new UsageError('Write which alerts, as LABEL=VALUE, such as site=greenhouse.')
  const { comment, by = whoAmI(surroundings) } = options
  const said = ({ id, until, alerts }: SilencedView) => {
    const now = alerts === 0 ? 'no open alert' : alerts === 1 ? '1 open alert' : `${alerts} open alerts`
    return `Silence ${id} until ${localTime(until, surroundings.zone)}; it silences ${now} now. End it with \`tocsin unsilence ${id}\`.`
  }
  const input = { match, for: options.for, by, comment }
  return act(directory, 'silence', input, said, options, parts, surroundings)
}

export function unsilence(
  words: readonly string[],
  options: ActOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { directory, name } = readNamed(words, 'the id of one silence, such as s1')
  const input = { id: name, by: options.by ?? whoAmI(surroundings) }
  const said = ({ ended }: { ended: string }) => `Silence ${ended} has ended.`
  return act(directory, 'unsilence', input, said, options, parts, surroundings)
}

export async function silences(
  directory: string,
  options: AskOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stdout } = surroundings
  const outcome = await ask(directory, 'silences', {}, options, parts, surroundings)
  if (outcome.kind !== 'answer') return tellSilence(outcome, surroundings)
  const { items, next } = outcome.value
  if (options.format === 'json') stdout.write(`${JSON.stringify(outcome.value, null, 2)}\n`)
  else if (items.length === 0) stdout.write('Nothing is silenced.\n')
  else {
    const { zone } = outcome.settings
    const rows = items.map((one) => [one.id, localTime(one.until, zone), one.by, matchText(one), one.comment])
    const header = ['ID', 'UNTIL', 'BY', 'SILENCES', 'COMMENT']
    stdout.write(table([header, ...rows], stdout.columns || defaultColumns))
    if (next !== null)
      stdout.write('These are the first 100; the request `silences` gives the others with `after`.\n')
  }
  return 0
}

function matchText({ match }: SilenceView): string {
  const parts = Object.entries(match).flatMap(([label, wanted]) =>
    (typeof wanted === 'string' ? [wanted] : wanted).map((value) => `${label}=${value}`),
  )
  return parts.join(' ')
}
