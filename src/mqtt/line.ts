/** Keeps one connection to a broker up: connects, explains failures, and connects anew with backoff until stopped. */
import type { LinkState } from '../ports/broker.ts'
import type { Clock } from '../ports/clock.ts'
import { backoffMs, type ConnectOptions } from './connect-options.ts'
import {
  Connection,
  type ConnectionEvents,
  type ConnectionPlan,
  clientIdOf,
  type Greeting,
} from './connection.ts'
import type { Counters } from './counters.ts'
import { type DownCause, explainFailure } from './link-failure.ts'
import { isSilent, type ProtocolChoice, refusesVersion } from './protocol-choice.ts'

/** A connection that lasts so long was a good one: backoff begins anew after it. */
const stableMs = 10_000
/** A close by the broker within this time of connecting may mean that the client id is taken. */
const earlyCloseMs = 5_000

export interface LineEvents extends Omit<ConnectionEvents, 'up' | 'down'> {
  /** The connection is up; told before `link`. */
  up(connection: Connection, greeting: Greeting): void
  /** A connection that was up is gone; told before `link`. */
  down(cause: DownCause): void
  link(state: LinkState): void
}

export interface LineParts {
  readonly options: ConnectOptions
  readonly role: ConnectionPlan['role']
  readonly choice: ProtocolChoice
  readonly clock: Clock
  readonly random: () => number
  readonly counters: Counters
}

export class Line {
  readonly #parts: LineParts
  readonly #events: LineEvents
  #connection: Connection | null = null
  #onlineSince: number | null = null
  #number = 0
  #attempt = 0
  #earlyCloses = 0
  #cancelRetry: (() => void) | null = null
  #stopped = true
  #whenClosed: (() => void) | null = null

  constructor(parts: LineParts, events: LineEvents) {
    this.#parts = parts
    this.#events = events
  }

  /** The connection, once it is up. */
  get online(): Connection | null {
    return this.#onlineSince === null ? null : this.#connection
  }

  start(): void {
    if (!this.#stopped) return
    this.#stopped = false
    this.#connect()
  }

  /** Disconnects cleanly; resolves when the connection is closed. `cut` breaks it off when that takes too long. */
  stop(): Promise<void> {
    this.#stopped = true
    this.#cancelRetry?.()
    this.#cancelRetry = null
    const connection = this.#connection
    if (connection === null) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenClosed = resolve
      if (this.#onlineSince === null) connection.gate.destroy()
      else connection.gate.finish()
    })
  }

  cut(): void {
    this.#connection?.gate.destroy()
  }

  #connect(): void {
    const { options, role, choice, clock, counters } = this.#parts
    const protocolVersion = choice.version
    const connection = new Connection(
      { options, role, protocolVersion, number: ++this.#number },
      {
        up: (greeting) => {
          choice.confirm(protocolVersion)
          this.#onlineSince = clock.now()
          counters[role === 'ingest' ? 'ingestConnects' : 'outgoingConnects']++
          if (this.#stopped) return
          const { sessionPresent, subscriptionIdentifiers } = greeting
          this.#events.up(connection, greeting)
          this.#events.link({ state: 'online', sessionPresent, protocolVersion, subscriptionIdentifiers })
        },
        messages: (batch) => {
          if (!this.#stopped) this.#events.messages(batch)
        },
        puback: (packetId, reasonCode) => this.#events.puback(packetId, reasonCode),
        drain: () => this.#events.drain(),
        down: (cause) => this.#down(connection, cause),
      },
      clock,
      counters,
    )
    this.#connection = connection
  }

  #down(connection: Connection, cause: DownCause): void {
    const { options, role, choice, clock, random, counters } = this.#parts
    const upForMs = this.#onlineSince === null ? null : clock.now() - this.#onlineSince
    this.#connection = null
    this.#onlineSince = null
    if (upForMs !== null) this.#events.down(cause)
    if (this.#stopped) {
      this.#whenClosed?.()
      this.#whenClosed = null
      return
    }
    if (
      upForMs === null &&
      refusesVersion(cause) &&
      choice.refused(connection.protocolVersion, isSilent(cause))
    ) {
      this.#connect()
      return
    }
    counters[role === 'ingest' ? 'ingestFailures' : 'outgoingFailures']++
    if (upForMs !== null) {
      this.#earlyCloses = upForMs < earlyCloseMs && isSilent(cause) ? this.#earlyCloses + 1 : 0
      if (upForMs >= stableMs) this.#attempt = 0
    }
    const retryInMs = backoffMs(options.reconnect, this.#attempt++, random())
    const failure = explainFailure(cause, {
      options,
      clientId: clientIdOf(options, role),
      wasOnline: upForMs !== null,
      earlyCloses: this.#earlyCloses,
    })
    this.#cancelRetry = clock.setTimer(clock.now() + retryInMs, () => {
      this.#cancelRetry = null
      this.#connect()
    })
    this.#events.link({ state: 'offline', failure, retryInMs })
  }
}
