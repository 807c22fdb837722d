/** How a running simulation is shown: one line that is redrawn on a terminal, plain lines or JSON lines elsewhere. */
import { printable } from '../core/printable.ts'
import { cutToWidth } from '../core/text-width.ts'
import type { FleetProgress } from '../tools/simulate/fleet.ts'
import type { Surroundings } from './parts.ts'

export interface SimulationScreen {
  /** A line of its own, for people. */
  note(text: string): void
  trouble(message: string, help: string): void
  progress(progress: FleetProgress, elapsedMs: number): void
  /** The last line. */
  ended(progress: FleetProgress, elapsedMs: number): void
}

const clearLine = '\r\u001b[2K'
const defaultColumns = 120
/** Between two lines where nothing can be redrawn. */
const plainEveryMs = 10_000

export function simulationScreen(format: 'text' | 'json', surroundings: Surroundings): SimulationScreen {
  if (format === 'json') return jsonLines(surroundings)
  return surroundings.stdout.isTTY === true ? oneLine(surroundings) : plainLines(surroundings)
}

function oneLine({ stdout }: Surroundings): SimulationScreen {
  const rate = makeRate()
  let line = ''
  const draw = () => void stdout.write(`${clearLine}${cutToWidth(line, stdout.columns || defaultColumns)}`)
  const above = (text: string) => {
    stdout.write(`${clearLine}${text}\n`)
    draw()
  }
  return {
    note: above,
    trouble: (message, help) => above(`${printable(message)}\n${printable(help)}`),
    progress(progress, elapsedMs) {
      line = progressLine(progress, rate(progress, elapsedMs))
      draw()
    },
    ended: (progress, elapsedMs) => void stdout.write(`${clearLine}${lastLine(progress, elapsedMs)}\n`),
  }
}

function plainLines({ stdout, stderr }: Surroundings): SimulationScreen {
  const rate = makeRate()
  let shownMs = Number.NEGATIVE_INFINITY
  return {
    note: (text) => void stdout.write(`${text}\n`),
    trouble: (message, help) => void stderr.write(`${printable(message)}\n${printable(help)}\n`),
    progress(progress, elapsedMs) {
      if (elapsedMs - shownMs < plainEveryMs) return
      shownMs = elapsedMs
      stdout.write(`${progressLine(progress, rate(progress, elapsedMs))}\n`)
    },
    ended: (progress, elapsedMs) => void stdout.write(`${lastLine(progress, elapsedMs)}\n`),
  }
}

function jsonLines({ stdout, stderr }: Surroundings): SimulationScreen {
  const rate = makeRate()
  const write = (progress: FleetProgress, elapsedMs: number, ended: boolean) => {
    const { sent, ...rest } = progress
    const perSecond = ended ? mean(progress, elapsedMs) : rate(progress, elapsedMs)
    const fields = { elapsed_ms: Math.round(elapsedMs), ...rest, acknowledged: sent, per_second: perSecond }
    stdout.write(`${JSON.stringify(ended ? { ...fields, ended } : fields)}\n`)
  }
  return {
    note: () => {},
    trouble: (message, help) => void stderr.write(`${JSON.stringify({ message, help })}\n`),
    progress: (progress, elapsedMs) => write(progress, elapsedMs, false),
    ended: (progress, elapsedMs) => write(progress, elapsedMs, true),
  }
}

/** Acknowledged messages per second since it was asked before. */
function makeRate(): (progress: FleetProgress, elapsedMs: number) => number {
  let before = { sent: 0, elapsedMs: 0 }
  return ({ sent }, elapsedMs) => {
    const perSecond = ((sent - before.sent) * 1_000) / Math.max(1, elapsedMs - before.elapsedMs)
    before = { sent, elapsedMs }
    return Math.round(perSecond * 10) / 10
  }
}

function mean({ sent }: FleetProgress, elapsedMs: number): number {
  return Math.round((sent * 10_000) / Math.max(1, elapsedMs)) / 10
}

function progressLine(progress: FleetProgress, perSecond: number): string {
  const { online, devices, sent } = progress
  const parts = [`${number(online)}/${number(devices)} online`, `${number(perSecond)} messages/s`]
  return [...parts, `${number(sent)} acknowledged`, ...more(progress)].join(' · ')
}

function lastLine(progress: FleetProgress, elapsedMs: number): string {
  const seconds = Math.round(elapsedMs / 1_000)
  const parts = [`${number(progress.sent)} messages acknowledged in ${number(seconds)} s`]
  return [`Stopped: ${[...parts, ...more(progress)].join(' · ')}`, '.'].join('')
}

/** What is not worth a word as long as it has not happened. */
function more({ reconnects, commands, skipped, lost, refused }: FleetProgress): string[] {
  const told = [
    [reconnects, reconnects === 1 ? 'reconnect' : 'reconnects'],
    [commands, commands === 1 ? 'command answered' : 'commands answered'],
    [skipped, 'not sent'],
    [lost, 'lost'],
    [refused, 'refused'],
  ] as const
  return told.filter(([count]) => count > 0).map(([count, words]) => `${number(count)} ${words}`)
}

function number(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 1 })
}
