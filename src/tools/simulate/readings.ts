/** What a healthy device measures: a daily curve, a slow wave and a little noise, as a function of the time. */
import { randomAt } from './random.ts'

export interface Reading {
  /** °C, from 20 to 30. */
  readonly temperature: number
  /** Relative humidity in %, from 40 to 70. */
  readonly humidity: number
  /** hPa, from 1000 to 1020. */
  readonly pressure: number
}

const dayMs = 86_400_000
const warmestHour = 15
const waveMs = 7 * 60_000
const weatherMs = 31 * 3_600_000
/** A room stays occupied, or empty, for about so long. */
const occupancyMs = 20_000
const occupiedShare = 0.35

/** `device` is its number from 0; `atMs` counts from the epoch, and the day is that of UTC. */
export function readingAt(seed: number, device: number, atMs: number): Reading {
  const spread = (place: number) => randomAt(seed, device, place) * 2 - 1
  const noise = (place: number) => randomAt(seed, device, Math.floor(atMs), place) * 2 - 1
  const day = Math.cos(turns(atMs / dayMs - warmestHour / 24))
  const wave = Math.sin(turns(atMs / waveMs + randomAt(seed, device, 0)))
  const weather = Math.sin(turns(atMs / weatherMs + randomAt(seed)))
  // The shares of each sum add up to less than half the range, so that no reading leaves it.
  return {
    temperature: 25 + 2.5 * day + spread(1) + 0.7 * wave + 0.15 * noise(1),
    humidity: 55 - 7 * day + 4 * spread(2) - 2 * wave + 0.5 * noise(2),
    pressure: 1010 + 7 * weather + 0.5 * spread(3) + 0.2 * noise(3),
  }
}

export function occupiedAt(seed: number, device: number, atMs: number): boolean {
  const phase = randomAt(seed, device, 4)
  return randomAt(seed, device, Math.floor(atMs / occupancyMs + phase), 5) < occupiedShare
}

function turns(count: number): number {
  return 2 * Math.PI * count
}
