/**
 * A plain client of a broker, for tools that neither need the gate nor keep a session: one connection that starts
 * clean and is not made anew, and in words why it could not be made or was lost.
 */
import type { Duplex } from 'node:stream'
import { type IClientOptions, MqttClient } from 'mqtt'
import type { LinkFailure } from '../ports/broker.ts'
import type { ConnectOptions } from './connect-options.ts'
import { type DownCause, explainFailure } from './link-failure.ts'
import { openStream } from './open-stream.ts'
import { refusesVersion } from './protocol-choice.ts'

export interface PlainOptions {
  /** Published by the broker when the connection breaks off. */
  readonly will?: {
    readonly topic: string
    readonly payload: string
    readonly qos: 0 | 1
    readonly retain: boolean
  }
}

/** What the broker said on accepting the connection, with the defaults of the protocol. */
export interface PlainGreeting {
  readonly receiveMaximum: number
  readonly maximumPacketBytes: number
}

export interface PlainConnection {
  /** Ends it with `client.end()`; destroying `stream` breaks it off. */
  readonly client: MqttClient
  readonly stream: Duplex
}

export type PlainConnected =
  | (PlainConnection & {
      readonly ok: true
      readonly protocolVersion: 4 | 5
      readonly greeting: PlainGreeting
      /** The end of the connection, whoever ended it; never rejects. */
      readonly closed: Promise<{ readonly failure: LinkFailure; readonly cause: DownCause }>
    })
  | { readonly ok: false; readonly failure: LinkFailure; readonly cause: DownCause }

/**
 * Connects once; `signal` breaks the attempt off. With the protocol `auto`, MQTT 3.1.1 is tried at once when the
 * broker refuses MQTT 5.
 */
export async function connectPlain(
  settings: ConnectOptions,
  { signal, ...options }: PlainOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<PlainConnected> {
  const first = await connectAs(settings, settings.protocol === '3.1.1' ? 4 : 5, options, signal)
  const again =
    settings.protocol === 'auto' && !first.ok && refusesVersion(first.cause) && signal?.aborted !== true
  return again ? await connectAs(settings, 4, options, signal) : first
}

function connectAs(
  settings: ConnectOptions,
  protocolVersion: 4 | 5,
  options: PlainOptions,
  signal: AbortSignal | undefined,
): Promise<PlainConnected> {
  return new Promise((resolve) => {
    const { promise: closed, resolve: close } =
      Promise.withResolvers<Awaited<Extract<PlainConnected, { readonly ok: true }>['closed']>>()
    let wasOnline = false
    const connection = openPlain(settings, protocolVersion, options, (cause) => {
      signal?.removeEventListener('abort', abort)
      const context = { options: settings, clientId: settings.clientId, wasOnline, earlyCloses: 0 }
      const ended = { failure: explainFailure(cause, context), cause }
      if (wasOnline) close(ended)
      else resolve({ ok: false, ...ended })
    })
    const abort = () => void connection.stream.destroy()
    signal?.addEventListener('abort', abort)
    if (signal?.aborted === true) abort()
    connection.client.once('connect', ({ properties }) => {
      signal?.removeEventListener('abort', abort)
      wasOnline = true
      const greeting = {
        receiveMaximum: properties?.receiveMaximum ?? 65_535,
        maximumPacketBytes: properties?.maximumPacketSize ?? 268_435_460,
      }
      resolve({ ok: true, ...connection, protocolVersion, greeting, closed })
    })
  })
}

/** Begins to connect; the client tells `connect`. `closed` is called once at the end, never before this returns. */
export function openPlain(
  settings: ConnectOptions,
  protocolVersion: 4 | 5,
  options: PlainOptions,
  closed: (cause: DownCause) => void,
): PlainConnection {
  let opened = false
  let cause: DownCause | null = null
  const stream = openStream(settings.endpoint, () => {
    opened = true
  })
  const client = new MqttClient(() => stream, clientOptions(settings, protocolVersion, options))
  stream.on('error', (error) => {
    cause ??= { kind: 'socket', error, opened }
  })
  client.on('disconnect', ({ reasonCode }) => {
    cause ??= { kind: 'disconnect', code: reasonCode ?? 0 }
  })
  client.on('error', (error) => {
    cause ??= causeOf(error)
    stream.destroy()
  })
  stream.once('close', () => {
    // First, so that who is told knows why the callbacks of what is in flight come with errors.
    closed(cause ?? { kind: 'closed' })
    // Ends the timers of the client; its stream is gone already.
    client.end(true)
  })
  return { client, stream }
}

function clientOptions(
  settings: ConnectOptions,
  protocolVersion: 4 | 5,
  { will }: PlainOptions,
): IClientOptions {
  return {
    protocolVersion,
    clientId: settings.clientId,
    clean: true,
    keepalive: settings.keepaliveSeconds,
    connectTimeout: settings.connectTimeoutMs,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    log: () => {},
    ...(will === undefined ? {} : { will: { ...will, payload: Buffer.from(will.payload) } }),
    ...(settings.username === undefined ? {} : { username: settings.username }),
    ...(settings.password === undefined ? {} : { password: settings.password }),
  }
}

function causeOf(error: Error & { code?: unknown }): DownCause {
  if (typeof error.code === 'number') return { kind: 'connack', code: error.code }
  if (error.message === 'Keepalive timeout') return { kind: 'keepalive' }
  if (error.message === 'connack timeout') return { kind: 'connect-timeout' }
  if (typeof error.code === 'string') return { kind: 'socket', error, opened: false }
  return { kind: 'client', message: error.message }
}
