/** What a process has cost so far, from Linux's /proc. */
import { readFileSync } from 'node:fs'

/** The kernel counts in hundredths of a second. */
const tickUs = 10_000

/** Processor time of user and system together, in microseconds; whole ticks, so measure for seconds. */
export function cpuUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * tickUs
}

export function memoryMiB(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const read = (name: string) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024)
  return { now: read('VmRSS'), peak: read('VmHWM') }
}

/** `median (min–max)` of the figures. */
export function spread(figures: readonly number[], digits = 1): string {
  const sorted = [...figures].sort((a, b) => a - b)
  if (sorted.some(Number.isNaN)) return 'not measured'
  const text = (at: number) => (sorted[at] ?? Number.NaN).toFixed(digits)
  return `${text(sorted.length >> 1)} (${text(0)}–${text(sorted.length - 1)})`
}

export function median(figures: readonly number[]): number {
  return [...figures].sort((a, b) => a - b)[figures.length >> 1] ?? Number.NaN
}
