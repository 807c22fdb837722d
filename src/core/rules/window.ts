/** The samples of a sliding window and what is computed from them. */
import type { WindowPlan } from './compiled-rule.ts'

/** More samples than this and the oldest go: a window is for tens or hundreds of readings, not for a history. */
export const windowSampleLimit = 1_000

/** Moments (ms) and values in turn: `[t0, v0, t1, v1, …]`, oldest first. */
export type Samples = readonly number[]

/** The samples still inside the window at `nowMs`, with the new one; `dropped` counts those the limit cost. */
export function addSample(
  samples: Samples,
  overMs: number,
  nowMs: number,
  value: number | null,
): { samples: Samples; dropped: number } {
  let start = 0
  while (start < samples.length && samples[start]! <= nowMs - overMs) start += 2
  let kept = start === 0 && value === null ? samples : samples.slice(start)
  if (value !== null) kept = [...kept, nowMs, value]
  const excess = kept.length / 2 - windowSampleLimit
  if (excess <= 0) return { samples: kept, dropped: 0 }
  return { samples: kept.slice(excess * 2), dropped: excess }
}

/** The aggregates that the rule reads; with fewer than `min` samples only `count` is known. */
export function aggregate(samples: Samples, plan: WindowPlan): Record<string, number> {
  const count = samples.length / 2
  const result: Record<string, number> = { count }
  if (count < plan.min || count === 0) return result
  let sum = 0
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (let index = 1; index < samples.length; index += 2) {
    const value = samples[index]!
    sum += value
    if (value < min) min = value
    if (value > max) max = value
  }
  const avg = sum / count
  result.sum = sum
  result.min = min
  result.max = max
  result.avg = avg
  result.first = samples[1]!
  result.last = samples[samples.length - 1]!
  if (plan.aggregates.has('stddev')) result.stddev = standardDeviation(samples, avg)
  if (plan.aggregates.has('slope')) {
    const slope = slopePerSecond(samples, avg)
    if (slope !== null) result.slope = slope
  }
  if (plan.aggregates.has('p50') || plan.aggregates.has('p95')) {
    const sorted = samples.filter((_, index) => index % 2 === 1).sort((a, b) => a - b)
    result.p50 = percentile(sorted, 0.5)
    result.p95 = percentile(sorted, 0.95)
  }
  return result
}

/** Of the whole window, not an estimate for a larger one. */
function standardDeviation(samples: Samples, avg: number): number {
  let squares = 0
  for (let index = 1; index < samples.length; index += 2) squares += (samples[index]! - avg) ** 2
  return Math.sqrt(squares / (samples.length / 2))
}

/** The least-squares line through the samples; null when they all bear the same moment. */
function slopePerSecond(samples: Samples, avg: number): number | null {
  const count = samples.length / 2
  let sumSeconds = 0
  for (let index = 0; index < samples.length; index += 2) sumSeconds += (samples[index]! - samples[0]!) / 1000
  const meanSeconds = sumSeconds / count
  let above = 0
  let below = 0
  for (let index = 0; index < samples.length; index += 2) {
    const seconds = (samples[index]! - samples[0]!) / 1000 - meanSeconds
    above += seconds * (samples[index + 1]! - avg)
    below += seconds * seconds
  }
  return below === 0 ? null : above / below
}

/** Linear interpolation between the closest ranks. */
function percentile(sorted: readonly number[], fraction: number): number {
  const position = (sorted.length - 1) * fraction
  const low = Math.floor(position)
  const below = sorted[low]!
  const above = sorted[Math.min(low + 1, sorted.length - 1)]!
  return below + (above - below) * (position - low)
}
