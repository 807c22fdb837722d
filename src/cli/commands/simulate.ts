/** `tocsin simulate`: a fleet of devices that send readings, as many and as often as wanted, to try rules on. */
import { randomUUID } from 'node:crypto'
import type { BrokerDefinition } from '../../config/configuration.ts'
import { resolveOptions } from '../../mqtt/connect-options.ts'
import { startFleet } from '../../tools/simulate/fleet.ts'
import type { ScenarioName } from '../../tools/simulate/scenario.ts'
import { brokerOptions } from '../broker-options.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { counted, problemReport } from '../problem-report.ts'
import { load, requestBroker } from '../service.ts'
import { simulationScreen } from '../simulate-screen.ts'
import { UsageError } from '../usage-error.ts'

export interface SimulateOptions {
  readonly devices: number
  /** Messages per second of the whole fleet. */
  readonly rate: number
  readonly scenario: ScenarioName
  readonly seed: number
  /** Instead of the broker of the directory. */
  readonly url?: string
  /** Milliseconds; until Ctrl+C unless given. */
  readonly for?: number
  readonly format: 'text' | 'json'
}

/** Where `tocsin demo` listens unless MQTT_URL says otherwise. */
const demoUrl = 'mqtt://127.0.0.1:1883'
/** A simulated device tries again soon, as real ones do. */
const reconnect = { minMs: 500, maxMs: 5_000, jitter: 0.3 }

/** `directory` is null when none was written: then rules/ is looked at, and need not be there. */
export async function simulate(
  directory: string | null,
  options: SimulateOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const broker = brokerOf(directory, options.url, parts, surroundings)
  if (broker === null) return 1
  const screen = simulationScreen(options.format, surroundings)
  const { clock } = parts
  const { devices, rate, scenario, seed } = options
  const connection = connectionOf(broker)
  const { shown } = connection.endpoint
  const startMs = clock.now()
  const elapsedMs = () => clock.now() - startMs
  const fleet = startFleet(
    { broker: connection.options, devices, ratePerSecond: rate, scenario, seed },
    {
      clock,
      random: Math.random,
      onError: ({ message, help }, device) => screen.trouble(`${device}: ${message}`, help),
      onProgress: (progress) => screen.progress(progress, elapsedMs()),
    },
  )
  screen.note(
    `${counted(devices, 'device')} at ${shown}: ${shortened(rate)} messages/s together, ` +
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

/** Null when the report of what is wrong has been written. */
function brokerOf(
  directory: string | null,
  url: string | undefined,
  parts: Parts,
  surroundings: Surroundings,
): BrokerDefinition | null {
  if (url !== undefined) return { url, protocol: 'auto' }
  const { configuration, sound, problems } = load(directory ?? 'rules', parts, surroundings)
  const written = sound.brokers.get(requestBroker(sound.brokers) ?? '')
  if (written !== undefined) return written
  if (configuration === null && directory !== null) {
    const { stderr } = surroundings
    stderr.write(problemReport(problems, { colour: stderr.isTTY === true }))
    return null
  }
  const wanted = surroundings.env.MQTT_URL
  return { url: wanted === undefined || wanted === '' ? demoUrl : wanted, protocol: 'auto' }
}

/** The devices are nobody's session: their client ids are new ones at every start. */
function connectionOf(broker: BrokerDefinition) {
  const clientId = `simulated-${randomUUID().slice(0, 8)}`
  const options = { ...brokerOptions('simulate', { ...broker, clientId }), reconnect }
  try {
    return { options, endpoint: resolveOptions(options).endpoint }
  } catch (error) {
    if (error instanceof TypeError || error instanceof URIError)
      throw new UsageError(
        'Write the broker as --url mqtt://host:1883, with user:password@ if it needs them.',
      )
    throw error
  }
}
