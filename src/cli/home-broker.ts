/** The broker that a command uses: that of `--url`, else of the rules' directory, else MQTT_URL's, else the demo's. */
import type { BrokerDefinition } from '../config/configuration.ts'
import { printable } from '../core/printable.ts'
import { resolveOptions } from '../mqtt/connect-options.ts'
import { brokerOptions } from './broker-options.ts'
import type { Parts, Surroundings } from './parts.ts'
import { problemReport } from './problem-report.ts'
import { load, requestBroker } from './service.ts'
import { UsageError } from './usage-error.ts'

export interface BrokerWish {
  /** Null when none was named: the usual one counts if it is there. */
  readonly directory: string | null
  /** Of `--url`. */
  readonly url?: string | undefined
  /** Of `--broker`: one of the directory; the one that requests go to unless given. */
  readonly name?: string | undefined
}

export type FoundBroker =
  | {
      readonly ok: true
      readonly broker: BrokerDefinition
      /** Said with a failure: why it is this broker, if no file and no option names it. */
      readonly hint: string | null
      /** Masks the secrets of the directory in what is shown. */
      redact(text: string): string
    }
  /** In words why the directory names none. */
  | { readonly ok: false; readonly report: string }

/** Where `tocsin demo` listens unless MQTT_URL says otherwise. */
const demoUrl = 'mqtt://127.0.0.1:1883'

/** Why another broker than the user's may have been asked; null when MQTT_URL names it. */
export function fallbackHint(directory: string, { env }: Surroundings): string | null {
  if (env.MQTT_URL !== undefined && env.MQTT_URL !== '') return null
  return `No file of ${printable(directory)} names a broker: if your rules are elsewhere, write their directory behind the command.`
}

/** Without a broker in any file. */
export function homeBroker({ env }: Surroundings): BrokerDefinition {
  const wanted = env.MQTT_URL
  return { url: wanted === undefined || wanted === '' ? demoUrl : wanted, protocol: 'auto' }
}

/** Throws a UsageError when `--url` or `--broker` make no sense. */
export function findBroker(
  { directory, url, name }: BrokerWish,
  usualDirectory: string,
  parts: Parts,
  surroundings: Surroundings,
): FoundBroker {
  if (url !== undefined) {
    if (name !== undefined) throw new UsageError('Write --url or --broker, not both.')
    return { ok: true, broker: usable({ url, protocol: 'auto' }), hint: null, redact: (text) => text }
  }
  const loaded = load(directory ?? usualDirectory, parts, surroundings)
  const { brokers } = loaded.sound
  const broker = brokers.get(name ?? requestBroker(brokers) ?? '')
  const redact = (text: string) => loaded.secrets.redact(text)
  if (broker !== undefined) return { ok: true, broker, hint: null, redact }
  if (loaded.configuration === null && directory !== null) {
    const report = problemReport(loaded.problems, { colour: surroundings.stderr.isTTY === true })
    return { ok: false, report }
  }
  if (name !== undefined) {
    const names = [...brokers.keys()].join(', ')
    throw new UsageError(
      `There is no broker ${printable(name)} in ${printable(directory ?? usualDirectory)}.${names === '' ? '' : ` There is: ${names}.`}`,
    )
  }
  const hint = fallbackHint(directory ?? usualDirectory, surroundings)
  return { ok: true, broker: usable(homeBroker(surroundings)), hint, redact }
}

/** Brokers of files have been checked. */
function usable(broker: BrokerDefinition): BrokerDefinition {
  try {
    resolveOptions(brokerOptions('home', broker))
    return broker
  } catch (error) {
    if (error instanceof TypeError || error instanceof URIError)
      throw new UsageError(
        'The URL of a broker is such as mqtt://host:1883, or mqtts://user:password@host:8883.',
      )
    throw error
  }
}
