/** Keeps a plain connection to a broker up: after it was lost it is made anew, with backoff, until closed. */
import { backoffMs, type ConnectOptions } from '../../mqtt/connect-options.ts'
import { connectPlain, type PlainConnected } from '../../mqtt/plain-client.ts'
import type { LinkFailure } from '../../ports/broker.ts'
import type { Clock } from '../../ports/clock.ts'

export type Connection = Extract<PlainConnected, { readonly ok: true }>

export interface SteadyLinkEvents {
  up(connection: Connection): void
  /** The connection was lost, or could not be made anew: it is tried again. */
  down(failure: LinkFailure): void
}

/** A connection that lasts so long was a good one: backoff begins anew after it. */
const stableMs = 10_000
/** How long the broker may take to say goodbye. */
const goodbyeMs = 1_000

export class SteadyLink {
  readonly #settings: ConnectOptions
  readonly #clock: Clock
  readonly #events: SteadyLinkEvents
  readonly #closing = new AbortController()
  #connection: Connection | null = null
  #attempt = 0
  #cancelRetry: (() => void) | null = null

  /** `first` has just been made. `up` is called for it before this returns. */
  constructor(first: Connection, settings: ConnectOptions, clock: Clock, events: SteadyLinkEvents) {
    this.#settings = settings
    this.#clock = clock
    this.#events = events
    this.#begin(first)
  }

  /** Says goodbye to the broker; resolves when the connection is closed, after a second at the latest. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#cancelRetry?.()
    const connection = this.#connection
    if (connection === null) return
    const cancel = this.#clock.setTimer(this.#clock.now() + goodbyeMs, () => connection.stream.destroy())
    connection.client.end()
    await connection.closed
    cancel()
  }

  #begin(connection: Connection): void {
    const sinceMs = this.#clock.now()
    this.#connection = connection
    this.#events.up(connection)
    void connection.closed.then(({ failure }) => {
      this.#connection = null
      if (this.#closing.signal.aborted) return
      if (this.#clock.now() - sinceMs >= stableMs) this.#attempt = 0
      this.#lost(failure)
    })
  }

  #lost(failure: LinkFailure): void {
    this.#events.down(failure)
    const pauseMs = backoffMs(this.#settings.reconnect, this.#attempt++, Math.random())
    this.#cancelRetry = this.#clock.setTimer(this.#clock.now() + pauseMs, () => {
      void connectPlain(this.#settings, { signal: this.#closing.signal }).then((made) => {
        if (this.#closing.signal.aborted) {
          if (made.ok) made.stream.destroy()
        } else if (made.ok) this.#begin(made)
        else this.#lost(made.failure)
      })
    })
  }
}
