/** `tocsin status [DIR]`: how the running Tocsin is. */
import { durationText } from '../../core/templates/duration-text.ts'
import type { BrokerView, Status } from '../../ports/control.ts'
import { type AskOptions, ask, tellSilence } from '../ask.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { localTime, table } from '../table.ts'

const defaultColumns = 110

export async function status(
  directory: string,
  options: AskOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stdout } = surroundings
  const outcome = await ask(directory, 'status', {}, options, parts, surroundings)
  if (outcome.kind !== 'answer') return tellSilence(outcome, surroundings)
  const { value, settings } = outcome
  if (options.format === 'json') stdout.write(`${JSON.stringify(value, null, 2)}\n`)
  else
    stdout.write(table(statusRows(value, settings.zone, parts.clock.now()), stdout.columns || defaultColumns))
  return 0
}

function statusRows(value: Status, zone: string, nowMs: number): string[][] {
  const { rules, brokers, backlog, outbox, outbox_dropped, timers, store, dead_letters, counters } = value
  const waiting = Object.entries(outbox).filter(([, rows]) => rows > 0)
  const next = timers.next_at === null ? '' : `, next at ${localTime(timers.next_at, zone)}`
  const due = timers.due > 0 ? `${timers.due} due${next}` : timers.next_at === null ? 'none' : next.slice(2)
  const kept =
    dead_letters.kept === 0 ? 'none' : `${dead_letters.kept} kept; \`tocsin dead-letters\` shows them`
  const count = (name: string) => (counters[name] ?? 0).toLocaleString('en')
  return [
    ['Tocsin', `${value.version}, running for ${durationText(value.uptime_seconds * 1_000)}`],
    ['rules', `${rules.running} running`],
    ...rules.stopped.map((id) => ['', `${id} failed and is left alone until the rules are loaded again`]),
    ...brokers.map((broker) => [`broker ${broker.name}`, brokerText(broker, nowMs)]),
    ['waiting', `${backlog} to be looked at`],
    ...waiting.map(([line, rows]) => ['', `${rows} for ${line}`]),
    ...Object.entries(outbox_dropped).map(([line, rows]) => [
      '',
      `${rows} dropped for ${line}: too many waited`,
    ]),
    ['timers', timers.running ? due : 'wait until what was queued before the start has been heard'],
    ['state', store.durable ? 'kept on disk' : 'kept in memory only'],
    ['dead letters', kept],
    [
      'since start',
      `${count('received')} received, ${count('carried_out')} sent or logged, ${count('refused')} refused`,
    ],
  ]
}

function brokerText({ receives, sends, since, problem }: BrokerView, nowMs: number): string {
  const long = since === null ? '' : ` for ${durationText(Math.max(0, nowMs - Date.parse(since)))}`
  if (receives) return `connected${long}${sends ? '' : ', but cannot publish now'}`
  return since === null ? 'connecting' : `not connected${long}: ${problem ?? 'no reason is known'}`
}
