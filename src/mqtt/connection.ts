/**
 * One connection to a broker, from connecting to its end. It is never used again: every reconnect makes a new
 * MQTT.js client, so that no queue, packet identifier or subscription of an earlier one lives on inside it.
 */
import { type IClientOptions, MqttClient } from 'mqtt'
import type { InboundMessage } from '../ports/broker.ts'
import type { Clock } from '../ports/clock.ts'
import type { ConnectOptions } from './connect-options.ts'
import type { Counters } from './counters.ts'
import { Gate } from './gate.ts'
import type { DownCause } from './link-failure.ts'
import { webSocketMessageBytes } from './transport.ts'

export interface ConnectionPlan {
  readonly options: ConnectOptions
  readonly protocolVersion: 4 | 5
  /** Counts connections of this line. */
  readonly number: number
  /** `ingest` keeps a session and receives; `outgoing` starts clean, publishes, and carries the will. */
  readonly role: 'ingest' | 'outgoing'
}

/** What the broker said on accepting the connection, with the defaults of the protocol. */
export interface Greeting {
  readonly sessionPresent: boolean
  readonly receiveMaximum: number
  readonly maximumPacketBytes: number
  readonly maximumQos: 0 | 1
  readonly retainAvailable: boolean
  /** Whether the broker takes subscription identifiers (AWS IoT Core does not). */
  readonly subscriptionIdentifiers: boolean
}

export interface ConnectionEvents {
  up(greeting: Greeting): void
  /** Always after `up`. */
  messages(batch: readonly InboundMessage[]): void
  puback(packetId: number, reasonCode: number): void
  drain(): void
  /** The end, once. */
  down(cause: DownCause): void
}

export function clientIdOf(options: ConnectOptions, role: ConnectionPlan['role']): string {
  return role === 'ingest' ? options.clientId : `${options.clientId}-out`
}

function clientOptions({ options, protocolVersion, role }: ConnectionPlan): IClientOptions {
  const ingest = role === 'ingest'
  return {
    protocolVersion,
    clientId: clientIdOf(options, role),
    clean: !ingest,
    keepalive: options.keepaliveSeconds,
    connectTimeout: options.connectTimeoutMs,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    log: () => {},
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(ingest || options.statusTopic === null
      ? {}
      : { will: { topic: options.statusTopic, payload: Buffer.from('offline'), qos: 1, retain: true } }),
    ...(protocolVersion === 4
      ? {}
      : {
          properties: {
            // No topic alias maximum is sent, which means 0: no aliases [MQTT-3.1.2-26].
            // No maximum packet size is sent either, if it can be helped: the broker would drop what is longer
            // without a word [MQTT-3.1.2-25], and nobody would learn of it. The gate skips it, and it is told.
            ...(isWebSocket(options) ? { maximumPacketSize: webSocketMessageBytes } : {}),
            receiveMaximum: options.receiveMaximum,
            sessionExpiryInterval: ingest ? options.sessionExpirySeconds : 0,
          },
        }),
  }
}

/** A WebSocket message that is too long ends the connection, and would come again after each reconnect. */
function isWebSocket({ endpoint: { scheme } }: ConnectOptions): boolean {
  return scheme === 'ws' || scheme === 'wss'
}

export class Connection {
  readonly protocolVersion: 4 | 5
  readonly #events: ConnectionEvents
  readonly #gate: Gate
  readonly #client: MqttClient
  #up = false
  /** What came together with the CONNACK, until MQTT.js has digested it. */
  #early: InboundMessage[] = []

  constructor(plan: ConnectionPlan, events: ConnectionEvents, clock: Clock, counters: Counters) {
    this.protocolVersion = plan.protocolVersion
    this.#events = events
    this.#gate = new Gate(
      {
        options: plan.options,
        protocolVersion: plan.protocolVersion,
        connection: plan.number,
        takesPubacks: plan.role === 'outgoing',
      },
      {
        messages: (batch) => {
          if (this.#up) events.messages(batch)
          else this.#early.push(...batch)
        },
        puback: (packetId, reasonCode) => events.puback(packetId, reasonCode),
        drain: () => events.drain(),
        closed: (cause) => {
          // Ends the timers of the client; its stream is gone already.
          this.#client.end(true)
          events.down(cause)
        },
      },
      clock,
      counters,
    )
    this.#client = new MqttClient(() => this.#gate, clientOptions(plan))
    this.#client.on('connect', (connack) => this.#greet(connack))
    this.#client.on('disconnect', ({ reasonCode }) =>
      this.#gate.explain({ kind: 'disconnect', code: reasonCode ?? 0 }),
    )
    this.#client.on('error', (error) => {
      this.#gate.explain(causeOf(error))
      this.#gate.destroy()
    })
  }

  get client(): MqttClient {
    return this.#client
  }

  get gate(): Gate {
    return this.#gate
  }

  /** Breaks the connection off; `down` tells the cause. */
  abandon(cause: DownCause): void {
    this.#gate.explain(cause)
    this.#gate.destroy()
  }

  #greet(connack: { sessionPresent: boolean; properties?: ServerProperties }): void {
    if (this.#up) return
    this.#up = true
    const properties = connack.properties ?? {}
    this.#events.up({
      sessionPresent: connack.sessionPresent,
      receiveMaximum: properties.receiveMaximum ?? 65_535,
      maximumPacketBytes: properties.maximumPacketSize ?? 268_435_460,
      maximumQos: properties.maximumQoS === 0 ? 0 : 1,
      retainAvailable: properties.retainAvailable !== false,
      subscriptionIdentifiers:
        this.protocolVersion === 5 && properties.subscriptionIdentifiersAvailable !== false,
    })
    const early = this.#early
    this.#early = []
    if (early.length > 0) this.#events.messages(early)
  }
}

interface ServerProperties {
  readonly receiveMaximum?: number
  readonly maximumPacketSize?: number
  readonly maximumQoS?: number
  readonly retainAvailable?: boolean
  readonly subscriptionIdentifiersAvailable?: boolean
}

function causeOf(error: Error & { code?: unknown }): DownCause {
  if (typeof error.code === 'number') return { kind: 'connack', code: error.code }
  if (error.message === 'Keepalive timeout') return { kind: 'keepalive' }
  if (error.message === 'connack timeout') return { kind: 'connect-timeout' }
  return { kind: 'client', message: error.message }
}
