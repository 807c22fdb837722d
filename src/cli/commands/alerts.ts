/** `tocsin alerts [DIR]`: the alerts that are open now, the worst first. */
import { styleText } from 'node:util'
import { durationText } from '../../core/templates/duration-text.ts'
import type { AlertView } from '../../ports/alerting-control.ts'
import { readMatcher } from '../arguments.ts'
import { type AskOptions, askPages, converse, type Outcome, tellSilence } from '../ask.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { table } from '../table.ts'

export interface AlertsOptions extends AskOptions {
  /** Also those that resolved some minutes ago. */
  readonly all?: boolean
  readonly rule?: string | undefined
  /** LABEL=VALUE each. */
  readonly match?: readonly string[] | undefined
  readonly limit: number
}

interface Found {
  readonly items: readonly AlertView[]
  /** Null when there are no more than were asked for. */
  readonly next: string | null
}

const defaultColumns = 140
const severities = ['critical', 'warning', 'info']
const states = ['firing', 'pending', 'resolved']
const colours = { critical: 'red', warning: 'yellow', info: 'cyan' } as const
/** Of a fingerprint so much is shown: enough to name it by. */
const fingerprintShown = 8

export async function alerts(
  directory: string,
  options: AlertsOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stdout } = surroundings
  const outcome = await find(directory, options, parts, surroundings)
  if (outcome.kind !== 'answer') return tellSilence(outcome, surroundings)
  const items = outcome.value.items.toSorted(byWeight)
  const more = outcome.value.next !== null
  if (options.format === 'json') {
    stdout.write(`${JSON.stringify({ items, more }, null, 2)}\n`)
    return 0
  }
  if (items.length === 0) {
    stdout.write(options.all === true ? 'There are no alerts.\n' : 'Nothing is wrong: no alert is open.\n')
    return 0
  }
  stdout.write(shown(items, parts.clock.now(), surroundings))
  if (more) stdout.write(`There are more: --limit, --rule and --match say which are shown.\n`)
  return 0
}

async function find(
  directory: string,
  { all, rule, match, limit, timeoutMs }: AlertsOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<Outcome<Found>> {
  const matcher = match === undefined ? undefined : readMatcher(match)
  const state = all === true ? (['pending', 'firing', 'resolved'] as const) : undefined
  const begun = await converse(directory, { timeoutMs }, parts, surroundings)
  if (begun.kind !== 'conversation') return begun
  try {
    return await askPages<AlertView, Found>(limit, (page) =>
      begun.conversation.ask('alerts', { ...page, state, rule, match: matcher }),
    )
  } finally {
    await begun.conversation.close()
  }
}

/** The worst first, then those that are open, then the newest. */
function byWeight(a: AlertView, b: AlertView): number {
  return (
    states.indexOf(a.state) - states.indexOf(b.state) ||
    severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
    Date.parse(b.since) - Date.parse(a.since)
  )
}

function shown(items: readonly AlertView[], nowMs: number, { stdout, env }: Surroundings): string {
  const rows = items.map((alert) => [
    alert.severity,
    alert.state,
    durationText(Math.max(0, nowMs - Date.parse(alert.since))),
    alert.name.slice(0, alert.rule.length + 1 + fingerprintShown),
    alert.ack_code ?? '',
    note(alert),
    alert.summary,
  ])
  const header = ['SEVERITY', 'STATE', 'SINCE', 'ALERT', 'CODE', 'NOTE', 'SUMMARY']
  const text = table([header, ...rows], stdout.columns || defaultColumns)
  if (stdout.isTTY !== true || (env.NO_COLOR !== undefined && env.NO_COLOR !== '')) return text
  const lines = text.split('\n')
  const painted = items.map(({ severity, state }, index) => {
    const line = lines[index + 1] ?? ''
    const colour = state === 'resolved' ? 'green' : colours[severity]
    const cell = styleText(colour, line.slice(0, severity.length), { validateStream: false })
    return `${cell}${line.slice(severity.length)}`
  })
  return [lines[0], ...painted, ''].join('\n')
}

function note({ acked, silenced, inhibited, flapping }: AlertView): string {
  return [
    acked === null ? '' : `acked by ${acked.by}`,
    silenced === null ? '' : `silenced (${silenced.id})`,
    inhibited ? 'inhibited' : '',
    flapping ? 'flapping' : '',
  ]
    .filter((part) => part !== '')
    .join(', ')
}
