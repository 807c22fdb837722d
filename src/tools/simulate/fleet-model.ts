/**
 * A fleet of simulated devices as a stream of what they send. Everything in it is a function of the seed and the
 * time: the same plan gives the same stream, and any part of it can be skipped.
 */
import { occupiedAt, type Reading, readingAt } from './readings.ts'
import { createScenario, hotByMs, type Part, type ScenarioName, within } from './scenario.ts'

export interface FleetPlan {
  /** From 1 to 10,000. */
  readonly devices: number
  /** Messages per second of the whole fleet, above 0 and up to 100,000. */
  readonly ratePerSecond: number
  readonly scenario: ScenarioName
  /** Any whole number. */
  readonly seed: number
  /** When it begins, in ms since the epoch. */
  readonly startMs: number
}

export interface FleetMessage {
  readonly kind: 'message'
  readonly atMs: number
  readonly device: string
  readonly topic: string
  readonly payload: string
  readonly qos: 1
  readonly retain: boolean
}

export type FleetEvent =
  | FleetMessage
  /** The device loses its connection without goodbye, or comes back. */
  | { readonly kind: 'drop' | 'return'; readonly atMs: number; readonly device: string }
  /** Nothing happens before this time; ask again then. */
  | { readonly kind: 'quiet'; readonly atMs: number }

export interface FleetModel {
  /** From one reading of a device to its next. */
  readonly readingEveryMs: number
  /** Their ids: `sensor_rpi001` and so on. */
  readonly devices: readonly string[]
  /** Those that lose their connection at some time. */
  readonly dropping: readonly string[]
  /** What happens next, in order of time. The stream has no end. */
  next(): FleetEvent
  /** Leaves out all that is due before this time; tells how many messages that may have been, at most. */
  skipTo(atMs: number): number
  /** Whether the device has its connection at this time. */
  connected(device: string, atMs: number): boolean
  /** Whether the device does nothing at this time, not even answer. */
  silent(device: string, atMs: number): boolean
}

export const deviceLimit = 10_000
export const rateLimit = 100_000

const hottest = 37.8
const jumpTo = { low: 34.4, high: 35.6 } as const
/** Of so many readings of a device that garbles, one is garbage. */
const garbageEvery = 3
/** So many turns of silent devices in a row make a `quiet` event. */
const quietTurns = 1_000

/** Throws a RangeError when the plan passes its limits. */
export function createFleet(plan: FleetPlan): FleetModel {
  const { devices: count, ratePerSecond, seed, startMs } = plan
  if (!Number.isInteger(count) || count < 1 || count > deviceLimit)
    throw new RangeError(`A fleet has from 1 to ${deviceLimit} devices, not ${count}`)
  if (!(ratePerSecond > 0 && ratePerSecond <= rateLimit))
    throw new RangeError(
      `A fleet sends above 0 and up to ${rateLimit} messages per second, not ${ratePerSecond}`,
    )

  const devices = Array.from({ length: count }, (_, index) => deviceId(index))
  const numbers = new Map(devices.map((device, index) => [device, index]))
  // How many parts a reading has does not depend on who is struck first, which is the device whose turn comes
  // just when the heat has passed the limit.
  const { length: partCount } = createScenario(plan.scenario, count, 0).parts
  const first = Math.ceil((hotByMs * ratePerSecond) / (partCount * 1_000)) % count
  const scenario = createScenario(plan.scenario, count, first)
  const drops = scenario.drops.map((drop) => ({ ...drop, turn: 0 }))

  /** Messages take turns at even distances; a turn whose device is not there stays unused. */
  let turn = 0
  const timeOf = (turn: number) => (turn * 1_000) / ratePerSecond
  /** The turns of a drop: it drops at the even ones and returns at the odd ones. */
  const dropTimeOf = ({ episode, turn }: (typeof drops)[number]) =>
    episode.firstMs + (turn >> 1) * episode.everyMs + (turn % 2) * episode.lengthMs

  const connectedAt = (device: number, tMs: number) =>
    !drops.some((drop) => drop.device === device && within(drop.episode, tMs))

  const nextDrop = (beforeMs: number) => {
    let earliest: (typeof drops)[number] | null = null
    for (const drop of drops)
      if (earliest === null || dropTimeOf(drop) < dropTimeOf(earliest)) earliest = drop
    return earliest !== null && dropTimeOf(earliest) <= beforeMs ? earliest : null
  }

  const message = (turn: number, device: number): FleetMessage => {
    const tMs = timeOf(turn)
    const atMs = Math.round(startMs + tMs)
    const reading = Math.floor(turn / partCount)
    const readingMs = timeOf(reading * partCount)
    const ofDevice = Math.floor(reading / count)
    const usual = readingAt(seed, device, startMs + Math.round(readingMs))
    const heat = scenario.heat(device, readingMs)
    const temperature = scenario.jumps(device)
      ? jumpTo[ofDevice % 2 === 0 ? 'low' : 'high']
      : usual.temperature + (hottest - usual.temperature) * heat
    const part = scenario.parts[turn % partCount] ?? 'data'
    const garbage = scenario.garbles(device, readingMs) && ofDevice % garbageEvery === 0
    return {
      kind: 'message',
      atMs,
      device: deviceId(device),
      topic: `sensors/${deviceId(device)}/${part}`,
      payload: payloadOf(
        part,
        { ...usual, temperature },
        atMs,
        garbage,
        () => scenario.occupied(device, tMs) || occupiedAt(seed, device, atMs),
      ),
      qos: 1,
      retain: false,
    }
  }

  return {
    readingEveryMs: timeOf(count * partCount),
    devices,
    dropping: scenario.drops.map(({ device }) => deviceId(device)),
    next() {
      for (let unused = 0; unused < quietTurns; unused++) {
        const tMs = timeOf(turn)
        const drop = nextDrop(tMs)
        if (drop !== null) {
          const atMs = startMs + dropTimeOf(drop)
          const kind = drop.turn % 2 === 0 ? 'drop' : 'return'
          drop.turn++
          return { kind, atMs, device: deviceId(drop.device) }
        }
        const device = Math.floor(turn / partCount) % count
        turn++
        if (connectedAt(device, tMs) && !scenario.silent(device, tMs)) return message(turn - 1, device)
      }
      return { kind: 'quiet', atMs: Math.round(startMs + timeOf(turn)) }
    },
    skipTo(atMs) {
      const before = turn
      turn = Math.max(turn, Math.ceil(((atMs - startMs) * ratePerSecond) / 1_000))
      for (const drop of drops) {
        const { firstMs, everyMs } = drop.episode
        const periods = Math.floor((atMs - startMs - firstMs) / everyMs)
        drop.turn = Math.max(drop.turn, periods * 2)
        while (startMs + dropTimeOf(drop) < atMs) drop.turn++
      }
      return turn - before
    },
    connected: (device, atMs) => connectedAt(numbers.get(device) ?? 0, atMs - startMs),
    silent: (device, atMs) => scenario.silent(numbers.get(device) ?? 0, atMs - startMs),
  }
}

function deviceId(index: number): string {
  return `sensor_rpi${String(index + 1).padStart(3, '0')}`
}

/** A number as text, a JSON object, `true` or `false`; and instead, what a broken sensor or a full buffer gives. */
function payloadOf(
  part: Part,
  reading: Reading,
  atMs: number,
  garbage: boolean,
  occupied: () => boolean,
): string {
  const temperature = round(reading.temperature, 2)
  const humidity = round(reading.humidity, 2)
  switch (part) {
    case 'temperature':
      return garbage ? 'NaN' : String(temperature)
    case 'humidity':
      return String(humidity)
    case 'motion':
      return String(occupied())
    case 'data': {
      const pressure = round(reading.pressure, 1)
      const text = JSON.stringify({
        timestamp: new Date(atMs).toISOString(),
        temperature,
        humidity,
        pressure,
      })
      return garbage ? text.slice(0, -20) : text
    }
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
