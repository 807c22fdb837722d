/**
 * Asks over MQTT from a program: `import { connect, request } from 'tocsin/client'`. Requests may go to a rule
 * that responds, to Tocsin itself, or to anybody who answers to the response topic of MQTT 5 or to
 * `response/<request_id>`.
 */
import { systemClock } from '../engine/system-clock.ts'
import { errorOf } from '../tools/request/error-answer.ts'
import { type Answer, connectTo, type Requester } from '../tools/request/requester.ts'
import { RequestError } from './request-error.ts'

export { RequestError, type RequestErrorCode } from './request-error.ts'

export interface ConnectOptions {
  /** mqtt://, mqtts://, ws:// or wss://; with user:password@ if they are not given apart. */
  readonly url: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** `auto`, the default, tries MQTT 5 and falls back to 3.1.1 when the broker refuses it. */
  readonly protocol?: 'auto' | '5' | '3.1.1' | undefined
  /** A random one unless given. No two clients of a broker may have the same. */
  readonly clientId?: string | undefined
  readonly tls?:
    | {
        /** PEM text of the authorities to trust instead of the system's. */
        readonly ca?: string | undefined
        /** PEM text of the client's certificate and its key, when the broker asks for one. */
        readonly cert?: string | undefined
        readonly key?: string | undefined
        /** The name the broker's certificate must carry, when it is not the host of the URL. */
        readonly serverName?: string | undefined
        /** False accepts any certificate. */
        readonly rejectUnauthorized?: boolean | undefined
      }
    | undefined
  /** 60 unless given. */
  readonly keepaliveSeconds?: number | undefined
  /** How long connecting may take; 5,000 unless given. */
  readonly connectTimeoutMs?: number | undefined
  /** How many requests may be under way, from 1 to 10,000; 1,000 unless given. */
  readonly inFlightLimit?: number | undefined
  /** Breaks connecting off; of no more use when it is done. */
  readonly signal?: AbortSignal | undefined
}

export interface RequestOptions {
  /** How long to wait for the answer; 5,000 unless given, at most a day. */
  readonly timeoutMs?: number | undefined
  /** Ends the waiting. What was sent already may still be done by who hears it. */
  readonly signal?: AbortSignal | undefined
}

/** Since the client was made. */
export interface RequestCounts {
  readonly asked: number
  readonly answered: number
  /** Requests that were not taken, as too many were under way. */
  readonly tooMany: number
  /** What came and answered nothing: second answers, late ones, those with another id. */
  readonly ignored: number
}

export interface Client {
  /** Where it is connected to, without secrets. */
  readonly url: string
  /** Whether there is a link at this moment. A link that is lost is made anew until the client is closed. */
  readonly connected: boolean
  readonly counts: RequestCounts
  /**
   * Asks on `topic` and resolves with the JSON of the answer. `data` goes as JSON: an object gets a `request_id`
   * beside its fields, `{}` is sent when it is left out, and anything else needs MQTT 5.
   *
   * Rejects with a `RequestError`, also when the answer says `"status": "error"`. A request is sent at most once:
   * when the link is lost after it was sent it ends with `link-lost`, and whether to ask again is for the caller
   * to say. While there is no link a request waits to be sent.
   */
  request<T = unknown>(topic: string, data?: unknown, options?: RequestOptions): Promise<T>
  /** Disconnects. What is under way ends with `closed`. */
  close(): Promise<void>
}

const mostInFlight = 10_000
const protocols: ReadonlySet<unknown> = new Set([undefined, 'auto', '5', '3.1.1'])

/** Connects once; rejects with a `RequestError` of the code `connect-failed`, `cancelled` or `bad-request`. */
export async function connect(broker: string | ConnectOptions): Promise<Client> {
  const { signal, ...options } = typeof broker === 'string' ? { url: broker } : broker
  const limit = options.inFlightLimit ?? 1
  if (!Number.isInteger(limit) || limit < 1 || limit > mostInFlight)
    throw new RequestError('bad-request', 'inFlightLimit must be a whole number from 1 to 10,000.')
  if (!protocols.has(options.protocol))
    throw new RequestError('bad-request', 'protocol must be auto, 5 or 3.1.1.')
  return clientOf(await requesterOf(options, signal))
}

/** Asks one thing, over a connection of its own. Connecting has a time limit of its own. */
export async function request<T = unknown>(
  broker: string | ConnectOptions,
  topic: string,
  data?: unknown,
  options: RequestOptions = {},
): Promise<T> {
  const connection = typeof broker === 'string' ? { url: broker } : broker
  const client = await connect({ signal: options.signal, ...connection })
  try {
    return await client.request<T>(topic, data, options)
  } finally {
    await client.close()
  }
}

async function requesterOf(
  options: Omit<ConnectOptions, 'signal'>,
  signal: AbortSignal | undefined,
): Promise<Requester> {
  const connected = await connectTo(options, systemClock(), signal).catch((error: unknown) => {
    if (error instanceof TypeError || error instanceof URIError)
      throw new RequestError('bad-request', error.message)
    throw error
  })
  if (connected.ok) return connected.requester
  if (signal?.aborted === true) throw new RequestError('cancelled', 'Connecting was cancelled.')
  const { message, help } = connected.failure
  throw new RequestError('connect-failed', message, { help })
}

function clientOf(requester: Requester): Client {
  return {
    url: requester.url,
    get connected() {
      return requester.connected
    },
    get counts() {
      return requester.counts
    },
    async request<T>(topic: string, data?: unknown, options?: RequestOptions) {
      // Nothing checks the types of a program in JavaScript.
      if (typeof topic !== 'string') throw new RequestError('bad-request', 'The topic must be a text.')
      const answered = await requester.ask(topic, jsonOf(data), options)
      if (!answered.ok) throw new RequestError(answered.error.code, answered.error.message)
      // What the answer holds is between the caller and who answers.
      return goodAnswer(answered.value) as T
    },
    close: () => requester.close(),
  }
}

function jsonOf(data: unknown): string {
  let json: string | undefined
  try {
    json = JSON.stringify(data === undefined ? {} : data)
  } catch (error) {
    const reason = error instanceof Error ? ` (${error.message})` : ''
    throw new RequestError('bad-request', `The data cannot be written as JSON${reason}.`)
  }
  if (json === undefined) throw new RequestError('bad-request', 'The data cannot be written as JSON.')
  return json
}

function goodAnswer({ payload, json }: Answer): unknown {
  if (json === undefined) {
    const answer = Buffer.from(payload).toString()
    throw new RequestError('malformed', 'The answer is no JSON.', { answer })
  }
  const reason = errorOf(json)
  if (reason === null) return json
  throw new RequestError('error-answer', reason === '' ? 'The answer is an error.' : reason, { answer: json })
}
