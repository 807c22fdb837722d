/** `tocsin deliveries`: what goes to receivers and what became of it; `deliveries retry` sends a dead one again. */
import type { DeliveryView } from '../../ports/alerting-control.ts'
import { readNamed, whoAmI } from '../arguments.ts'
import { type AskOptions, converse, type Outcome, tellSilence } from '../ask.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { localTime, table } from '../table.ts'
import { type ActOptions, act } from './act.ts'

export interface DeliveriesOptions extends AskOptions {
  readonly dead?: boolean
  readonly limit: number
}

const defaultColumns = 140
const pageLimit = 100
/** Looked through for the newest. */
const mostFetched = 1_000

export async function deliveries(
  directory: string,
  options: DeliveriesOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stdout } = surroundings
  const outcome = await fetch(directory, options, parts, surroundings)
  if (outcome.kind !== 'answer') return tellSilence(outcome, surroundings)
  const { found, more } = outcome.value
  const newest = found.toSorted((a, b) => Date.parse(b.queued_at) - Date.parse(a.queued_at))
  const items = newest.slice(0, options.limit)
  if (options.format === 'json') {
    stdout.write(`${JSON.stringify({ items, more: more || newest.length > items.length }, null, 2)}\n`)
    return 0
  }
  if (items.length === 0) {
    stdout.write(
      options.dead === true ? 'No delivery is dead.\n' : 'Nothing was sent lately, and nothing waits.\n',
    )
    return 0
  }
  const { zone } = outcome.settings
  const rows = items.map((one) => [
    localTime(one.queued_at, zone),
    one.state === 'leased' ? 'sending' : one.state,
    one.receiver,
    one.address,
    String(one.attempts),
    one.id,
    one.failure === null ? one.title : `${one.title} (${one.failure.message})`,
  ])
  const header = ['AT', 'STATE', 'RECEIVER', 'ADDRESS', 'TRIES', 'ID', 'WHAT']
  stdout.write(table([header, ...rows], stdout.columns || defaultColumns))
  if (newest.length > items.length) stdout.write('There are older ones: --limit shows more.\n')
  else if (more) stdout.write(`There are more than ${mostFetched}: these are some of them.\n`)
  if (options.dead === true) stdout.write('`tocsin deliveries retry ID` sends one again.\n')
  return 0
}

export function retry(
  words: readonly string[],
  options: ActOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { directory, name } = readNamed(words, 'the id of one dead delivery')
  const input = { delivery: name, by: options.by ?? whoAmI(surroundings) }
  const said = ({ retried }: { retried: string }) => `${retried} is sent again.`
  return act(directory, 'retry', input, said, options, parts, surroundings)
}

/** They come in no order of time: of many, not all are looked at. */
async function fetch(
  directory: string,
  { dead, timeoutMs }: DeliveriesOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<Outcome<{ readonly found: readonly DeliveryView[]; readonly more: boolean }>> {
  const begun = await converse(directory, { timeoutMs }, parts, surroundings)
  if (begun.kind !== 'conversation') return begun
  const state = dead === true ? (['dead'] as const) : undefined
  const found: DeliveryView[] = []
  try {
    for (let after: string | undefined; ; ) {
      const page = await begun.conversation.ask('deliveries', { state, limit: pageLimit, after })
      if (page.kind !== 'answer') return page
      found.push(...page.value.items)
      const { next } = page.value
      if (next === null || found.length >= mostFetched)
        return { ...page, value: { found, more: next !== null } }
      after = next
    }
  } finally {
    await begun.conversation.close()
  }
}
