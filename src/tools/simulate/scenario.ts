/** What goes wrong in a simulated fleet, and when: one timetable for each scenario, in ms since its start. */

export const scenarios = ['mixed', 'overheating', 'silent', 'flapping', 'motion', 'steady'] as const
export type ScenarioName = (typeof scenarios)[number]

/** One message of a reading: the last level of its topic. */
export type Part = 'temperature' | 'humidity' | 'data' | 'motion'

/** Something that happens for `lengthMs`, again and again. */
export interface Episode {
  readonly firstMs: number
  readonly lengthMs: number
  readonly everyMs: number
}

export interface Scenario {
  /** What every reading consists of, in the order of sending. */
  readonly parts: readonly Part[]
  /** 0 when the device is as warm as its surroundings, 1 when it is as hot as it gets. */
  heat(device: number, tMs: number): number
  /** It sends nothing and answers nothing, though its connection stays up. */
  silent(device: number, tMs: number): boolean
  /** Its readings jump to and fro over the limit of 35 °C. */
  readonly jumps: (device: number) => boolean
  /** Now and then it sends what is no reading. */
  readonly garbles: (device: number, tMs: number) => boolean
  /** Somebody is there, whatever chance says. */
  readonly occupied: (device: number, tMs: number) => boolean
  /** Devices that lose their connection without goodbye. */
  readonly drops: readonly { readonly device: number; readonly episode: Episode }[]
}

const lesson: readonly Part[] = ['temperature', 'humidity', 'data']

/** Hot for longer than two minutes, which is how long a careful rule waits before it wakes somebody. */
const hot: Episode = { firstMs: 1_000, lengthMs: 165_000, everyMs: 300_000 }
const warmingMs = 4_000
const coolingMs = 10_000
/** By then the first hot device has passed 35 °C. */
export const hotByMs = 5_500

const garbledFromMs = 8_000
const mixedSilence: Episode = { firstMs: 20_000, lengthMs: 120_000, everyMs: 300_000 }
const mixedDrop: Episode = { firstMs: 30_000, lengthMs: 30_000, everyMs: 300_000 }
const longSilence: Episode = { firstMs: 10_000, lengthMs: 300_000, everyMs: 480_000 }
const flappingDrop: Episode = { firstMs: 5_000, lengthMs: 3_000, everyMs: 12_000 }
const firstVisitMs = 20_000
/** Of every so many devices, one is struck in the scenarios named after a fault. */
const struckOf = 10
/** The struck devices follow each other at this distance. */
const staggerMs = 7_000

/** `first` is the device that is struck first; the others take their parts by their distance from it. */
export function createScenario(name: ScenarioName, devices: number, first: number): Scenario {
  const place = (device: number) => (device - first + devices) % devices
  const struck = (device: number) => place(device) % struckOf === 0
  const delayed = (episode: Episode, device: number) => ({
    ...episode,
    firstMs: episode.firstMs + Math.floor(place(device) / struckOf) * staggerMs,
  })
  const well: Scenario = {
    parts: lesson,
    heat: () => 0,
    silent: () => false,
    jumps: () => false,
    garbles: () => false,
    occupied: () => false,
    drops: [],
  }
  switch (name) {
    case 'steady':
      return well
    case 'motion':
      return {
        ...well,
        parts: ['motion'],
        occupied: (device, tMs) => device === first && tMs < firstVisitMs,
      }
    case 'overheating':
      return { ...well, heat: (device, tMs) => (struck(device) ? heatAt(delayed(hot, device), tMs) : 0) }
    case 'silent':
      return { ...well, silent: (device, tMs) => struck(device) && within(delayed(longSilence, device), tMs) }
    case 'flapping':
      return {
        ...well,
        jumps: struck,
        drops: [{ device: (first + 1) % devices, episode: flappingDrop }],
      }
    case 'mixed':
      return {
        ...well,
        parts: [...lesson, 'motion'],
        heat: (device, tMs) => (device === first ? heatAt(hot, tMs) : 0),
        drops: devices > 1 ? [{ device: (first + 1) % devices, episode: mixedDrop }] : [],
        silent: (device, tMs) => place(device) === 2 && within(mixedSilence, tMs),
        garbles: (device, tMs) => place(device) === 3 && tMs >= garbledFromMs,
      }
  }
}

export function within(episode: Episode, tMs: number): boolean {
  const sinceMs = tMs - episode.firstMs
  return sinceMs >= 0 && sinceMs % episode.everyMs < episode.lengthMs
}

function heatAt(episode: Episode, tMs: number): number {
  if (!within(episode, tMs)) return 0
  const sinceMs = (tMs - episode.firstMs) % episode.everyMs
  return Math.min(1, sinceMs / warmingMs, (episode.lengthMs - sinceMs) / coolingMs)
}
