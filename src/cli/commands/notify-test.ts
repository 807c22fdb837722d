/** `tocsin notify-test [DIR] RECEIVER`: sends a test to every address of a receiver, and waits to see it arrive. */

import { printable } from '../../core/printable.ts'
import type { DeliveryView } from '../../ports/alerting-control.ts'
import { readNamed, whoAmI } from '../arguments.ts'
import { type Conversation, converse, type Outcome, tellSilence } from '../ask.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import type { ActOptions } from './act.ts'

export interface NotifyTestOptions extends ActOptions {
  /** How long to wait until it is sent, ms. */
  readonly waitMs: number
}

const lookEveryMs = 300
/** It will not become anything else, but that `sent` may become delivered. */
const ended: ReadonlySet<DeliveryView['state']> = new Set(['sent', 'delivered', 'undelivered', 'dead'])
const good: ReadonlySet<DeliveryView['state']> = new Set(['sent', 'delivered'])

export async function notifyTest(
  words: readonly string[],
  options: NotifyTestOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stdout, stderr } = surroundings
  const { directory, name: receiver } = readNamed(words, 'the name of one receiver')
  const begun = await converse(directory, options, parts, surroundings)
  if (begun.kind !== 'conversation') return tellSilence(begun, surroundings)
  const { conversation } = begun
  try {
    const by = options.by ?? whoAmI(surroundings)
    const asked = await conversation.ask('notify-test', { receiver, by })
    if (asked.kind !== 'answer') return tellSilence(asked, surroundings)
    const seen = await watch(conversation, asked.value.deliveries, options.waitMs, parts)
    if (seen.kind !== 'answer') return tellSilence(seen, surroundings)
    const deliveries = seen.value
    if (options.format === 'json') stdout.write(`${JSON.stringify({ receiver, deliveries }, null, 2)}\n`)
    else for (const delivery of deliveries) stdout.write(`${printable(said(delivery))}\n`)
    if (deliveries.length === 0)
      stderr.write('Nothing was sent: the caps on text messages, or too much that waits, held it back.\n')
    return deliveries.length > 0 && deliveries.every(({ state }) => good.has(state)) ? 0 : 1
  } finally {
    await conversation.close()
  }
}

/** Until nothing is on its way any more, or the time is over. */
async function watch(
  conversation: Conversation,
  first: readonly DeliveryView[],
  waitMs: number,
  { clock }: Parts,
): Promise<Outcome<readonly DeliveryView[]>> {
  const untilMs = clock.now() + waitMs
  const ids = first.map(({ id }) => id)
  for (;;) {
    const looked = await conversation.ask('deliveries', { ids, limit: 100 })
    if (looked.kind !== 'answer') return looked
    const { items } = looked.value
    if (items.every(({ state }) => ended.has(state)) || clock.now() >= untilMs) {
      return { ...looked, value: items }
    }
    await new Promise<void>((resolve) => clock.setTimer(clock.now() + lookEveryMs, resolve))
  }
}

function said({ channel, address, state, failure, attempts }: DeliveryView): string {
  const to = `${channel} to ${address}:`
  const why = failure === null ? '' : ` ${failure.message}`
  switch (state) {
    case 'sent':
      return `${to} sent`
    case 'delivered':
      return `${to} delivered`
    case 'undelivered':
      return `${to} was taken, and not delivered.${why}`
    case 'dead':
      return `${to} could not be sent.${why}`
    default:
      return `${to} not sent yet, after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}; Tocsin goes on trying.${why}`
  }
}
