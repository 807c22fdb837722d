/** A run in which the engine is killed again and again at random moments while readings flow in. */
import { setTimeout as after } from 'node:timers/promises'
import { startMosquitto } from '../support/mosquitto.ts'
import { makeDirectory, type Running, startTocsin } from '../support/tocsin.ts'
import { waitFor } from '../support/wait-for.ts'
import { Station, type Tally } from './station.ts'
import { rules } from './workload.ts'

export interface CrashRunOptions {
  readonly kills: number
  readonly ratePerSecond: number
  /** The readings flow until the kills are done and so many were sent. */
  readonly messages: number
  /** Of the random moments. */
  readonly seed: number
  /** Told now and then; for people who wait. */
  readonly progress?: (kills: number, station: Station) => void
}

export interface CrashReport extends Tally {
  readonly kills: number
  readonly seconds: number
  /** How fast the readings flowed while the engine was killed. */
  readonly ratePerSecond: number
  /** What the program had to complain of. */
  readonly complaints: readonly string[]
}

/**
 * What one crash can double: the deliveries that were made and not yet noted. Those are messages the broker has not
 * seen acknowledged, and a page of outbox rows, in a storm.
 */
export const inFlightMessages = 1_000
export const duplicatesPerCrash = inFlightMessages + 500

export const brokerFile = `
brokers: { default: { url: "\${env:URL}", client_id: tocsin-chaos } }
settings: { storage: "\${env:DB}" }
`

/** An engine that works is killed after so many alerts at most; some 200 come in a second. */
const alertsBetween = 150

export async function crashRun(options: CrashRunOptions): Promise<CrashReport> {
  const { kills, ratePerSecond, messages, seed, progress } = options
  const mosquitto = await startMosquitto({
    lines: [`max_inflight_messages ${inFlightMessages}`, 'max_queued_messages 0'],
  })
  const directory = makeDirectory({ 'rules/rules.yaml': rules, 'rules/broker.yaml': brokerFile })
  const start = (level = 'error') =>
    startTocsin(['run', 'rules', '--log-level', level], {
      env: { URL: mosquitto.url, DB: 'tocsin.db' },
      cwd: directory.path,
    })
  const random = randomFrom(seed)
  const complaints: string[] = []
  const note = ({ lines, stderr }: Running) => {
    complaints.push(...lines.items.filter(({ level }) => level === 'error').map(({ msg }) => msg))
    if (stderr() !== '') complaints.push(stderr())
  }
  let running = start('info')
  const station = await Station.connect(mosquitto.url)
  try {
    const startedAt = performance.now()
    // From here on the broker keeps what is published for the engine; what is said before is said to nobody.
    await running.line('subscribed')
    station.flow(ratePerSecond)
    for (let kill = 1; kill <= kills; kill++) {
      // Most often while it works, after some alerts more; sometimes while it starts.
      const limit = station.heard + 1 + Math.floor(random() * alertsBetween)
      if (random() < 0.2 && kill > 1) await after(random() * 500)
      else await waitFor(`alerts before kill ${kill}`, () => station.heard >= limit, 30_000)
      await running.kill()
      note(running)
      running = start()
      progress?.(kill, station)
    }
    const flowSeconds = (performance.now() - startedAt) / 1000
    const flowed = station.sent / flowSeconds
    await waitFor(
      'all readings to be sent',
      () => {
        progress?.(kills, station)
        return station.sent >= messages
      },
      3_600_000,
    )
    await station.rest()
    await station.settled(10_000)
    const seconds = (performance.now() - startedAt) / 1000
    await running.stop()
    note(running)
    return { ...station.tally(), kills, seconds, ratePerSecond: flowed, complaints }
  } finally {
    await station.end()
    await running.kill()
    await mosquitto.close()
    directory.remove()
  }
}

/** Mulberry32: the same moments again from the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function reportText(report: CrashReport): string {
  const { kills, sent, acknowledged, expected, lost, madeUp, duplicates, mostCopies, seconds } = report
  return (
    `${kills} kills in ${seconds.toFixed(1)} s, ${sent} readings sent (${report.ratePerSecond.toFixed(0)}/s while killed), ` +
    `${acknowledged} acknowledged to the devices; ${expected} alerts expected, ${lost.length} lost, ${madeUp.length} made up, ` +
    `${duplicates} duplicates (${(duplicates / Math.max(kills, 1)).toFixed(1)} a crash, at most ${mostCopies} copies of one)`
  )
}
