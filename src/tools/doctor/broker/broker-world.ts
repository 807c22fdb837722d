/** What the checks of one broker know of the configuration and of the Tocsin that may be running. */
import type { Filter } from '../../../core/topics/filter.ts'
import type { ConnectOptions } from '../../../mqtt/connect-options.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Running } from '../ask-running.ts'

/** A filter that a rule listens to. */
export interface Listener {
  /** Id of the rule. */
  readonly rule: string
  readonly filter: Filter
  /** False for what the rule only looks up (`with`): it need not come often. */
  readonly triggers: boolean
}

export interface BrokerWorld {
  readonly name: string
  /** With the client id that Tocsin uses. */
  readonly settings: ConnectOptions
  /** The broker inside Tocsin: there only while Tocsin runs. */
  readonly embedded: boolean
  /** False: no broker is configured, and this is where the demo would look. */
  readonly written: boolean
  readonly listeners: readonly Listener[]
  /** Filters of the topics that rules publish to on this broker. */
  readonly targets: readonly string[]
  /** The Tocsin that answers on this configuration's broker, when that has been asked. */
  readonly running: Promise<Running>
  /** How long to listen for messages at most, ms. */
  readonly listenMs: number
  /** How long to watch whether another client takes the client id, ms. */
  readonly watchMs: number
  /** Also tries what takes a thousand messages of our own. */
  readonly thorough: boolean
  /** The configuration of Mosquitto, if the broker is one and runs on this machine. */
  readonly mosquittoConf: string
  readonly clock: Clock
}

/** Topics of the doctor's own, which nobody listens to. */
export const doctorTopics = 'tocsin/doctor/'
