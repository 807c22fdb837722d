/** Asks over MQTT and waits for the answers: any topic, many at once over one connection. */
import { randomBytes } from 'node:crypto'
import { type BrokerOptions, resolveOptions } from '../../mqtt/connect-options.ts'
import { connectPlain } from '../../mqtt/plain-client.ts'
import type { LinkFailure } from '../../ports/broker.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Answered, RequestCode } from './answered.ts'
import { InFlight } from './in-flight.ts'
import { SteadyLink } from './steady-link.ts'

export interface RequesterOptions extends Omit<BrokerOptions, 'name' | 'clientId'> {
  /** A random one unless given. */
  readonly clientId?: string | undefined
  /** How many requests may be under way; 1,000 unless given. */
  readonly inFlightLimit?: number | undefined
}

export interface AskOptions {
  /** How long to wait for the answer, ms; 5,000 unless given, at most a day. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Answer {
  readonly payload: Uint8Array
  /** The payload as JSON; undefined when it is none. */
  readonly json: unknown
}

/** Since the beginning. */
export interface RequestCounts {
  readonly asked: number
  readonly answered: number
  /** Requests that were not taken, as too many were under way. */
  readonly tooMany: number
  /** What came to a topic of answers and answered nothing: second answers, late ones, those with another id. */
  readonly ignored: number
}

export interface Requester {
  /** Where it is connected to, without secrets. */
  readonly url: string
  readonly connected: boolean
  readonly counts: RequestCounts
  /**
   * Never rejects. May be called many times at once. `json`: JSON text; an object gets a `request_id` beside its
   * fields, anything else goes as it is and needs MQTT 5. While the link is down a request waits to be sent; what
   * was sent when it went down ends with `link-lost`.
   */
  ask(topic: string, json: string, options?: AskOptions): Promise<Answered<Answer, RequestCode>>
  /** Ends the connection, and what is still asked with `closed`. */
  close(): Promise<void>
}

export type Connected =
  | { readonly ok: true; readonly requester: Requester }
  | { readonly ok: false; readonly failure: LinkFailure }

const connectTimeoutMs = 5_000
/** As many as Mosquitto keeps for a client that is slow to take its messages, unless told otherwise. */
const defaultInFlight = 1_000

/** `signal` breaks connecting off. Throws a TypeError when the options cannot be used. */
export async function connectTo(
  { inFlightLimit = defaultInFlight, ...options }: RequesterOptions,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Connected> {
  const settings = resolveOptions({
    connectTimeoutMs,
    ...options,
    name: 'request',
    // A 3.1.1 broker need not take client ids of more than 23 characters [MQTT-3.1.3-5].
    clientId: options.clientId ?? `tocsin-ask-${randomBytes(6).toString('hex')}`,
  })
  const made = await connectPlain(settings, { signal })
  if (!made.ok) return { ok: false, failure: made.failure }
  const inFlight = new InFlight(settings.endpoint.shown, clock, inFlightLimit)
  const link = new SteadyLink(made, settings, clock, inFlight)
  return {
    ok: true,
    requester: {
      url: settings.endpoint.shown,
      get connected() {
        return inFlight.connected
      },
      get counts() {
        return inFlight.counts
      },
      ask: (topic, json, asking) => inFlight.ask(topic, json, asking),
      close() {
        inFlight.close()
        return link.close()
      },
    },
  }
}
