/** `tocsin simulate`: a fleet of devices that send readings, as many and as often as wanted, to try rules on. */
import { randomUUID } from 'node:crypto'
import { resolveOptions } from '../../mqtt/connect-options.ts'
import { startFleet } from '../../tools/simulate/fleet.ts'
import type { ScenarioName } from '../../tools/simulate/scenario.ts'
import { defaultDirectory } from '../arguments.ts'
import { brokerOptions } from '../broker-options.ts'
import { findBroker } from '../home-broker.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { counted } from '../problem-report.ts'
import { simulationScreen } from '../simulate-screen.ts'

export interface SimulateOptions {
  readonly devices: number
  /** Messages per second of the whole fleet. */
  readonly rate: number
  readonly scenario: ScenarioName
  readonly seed: number
  /** Instead of the broker of the directory. */
  readonly url?: string
  /** One of those of the directory. */
  readonly broker?: string
  /** Milliseconds; until Ctrl+C unless given. */
  readonly for?: number
  readonly format: 'text' | 'json'
}

/** A simulated device tries again soon, as real ones do. */
const reconnect = { minMs: 500, maxMs: 5_000, jitter: 0.3 }

/** `directory` is null when none was written: then rules/ is looked at, and need not be there. */
export async function simulate(
  directory: string | null,
  options: SimulateOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const wish = { directory, url: options.url, name: options.broker }
  const found = findBroker(wish, defaultDirectory, parts, surroundings)
  if (!found.ok) {
    surroundings.stderr.write(found.report)
    return 1
  }
  const screen = simulationScreen(options.format, surroundings)
  const { clock } = parts
  const { devices, rate, scenario, seed } = options
  // The devices are nobody's session: their client ids are new ones at every start.
  const clientId = `simulated-${randomUUID().slice(0, 8)}`
  const broker = { ...brokerOptions('simulate', { ...found.broker, clientId }), reconnect }
  const { shown } = resolveOptions(broker).endpoint
  const startMs = clock.now()
  const elapsedMs = () => clock.now() - startMs
  const fleet = startFleet(
    { broker, devices, ratePerSecond: rate, scenario, seed },
    {
      clock,
      random: Math.random,
      onError: ({ message, help }, device) =>
        screen.trouble(found.redact(`${device}: ${message}`), found.redact(help)),
      onProgress: (progress) => screen.progress(progress, elapsedMs()),
    },
  )
  screen.note(
    `${counted(devices, 'device')} at ${found.redact(shown)}: ${shortened(rate)} messages/s together, ` +
      `a reading of each every ${shortened(fleet.readingEveryMs / 1_000)} s. ` +
      `Scenario ${scenario}, seed ${seed}. Ctrl+C ends it.`,
  )
  await ended(options.for, parts, surroundings)
  await fleet.stop()
  screen.ended(fleet.progress, elapsedMs())
  return fleet.progress.sent > 0 ? 0 : 1
}

function shortened(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 })
}

/** Ctrl+C, or the end of the time. */
async function ended(forMs: number | undefined, { clock }: Parts, { stopRequested }: Surroundings) {
  let cancel = () => {}
  const time = new Promise<void>((resolve) => {
    if (forMs !== undefined) cancel = clock.setTimer(clock.now() + forMs, resolve)
  })
  await Promise.race([time, stopRequested()])
  cancel()
}
