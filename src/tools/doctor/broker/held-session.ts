/**
 * A connection that takes up a session without touching it: it subscribes nothing and acknowledges nothing unless told
 * to, so that all that waits in the session comes again to whoever connects next [MQTT-4.4.0-1].
 */

import type { ConnectOptions } from '../../../mqtt/connect-options.ts'
import { Connection } from '../../../mqtt/connection.ts'
import { newCounters } from '../../../mqtt/counters.ts'
import type { DownCause } from '../../../mqtt/link-failure.ts'
import { connectPlain } from '../../../mqtt/plain-client.ts'
import type { Clock } from '../../../ports/clock.ts'

export type HeldSession =
  | {
      readonly ok: true
      readonly sessionPresent: boolean
      readonly connection: Connection
      /** Messages that were sent to us so far. */
      readonly came: () => number
      /** The end of the connection, whoever ended it. */
      readonly down: Promise<DownCause>
    }
  | { readonly ok: false; readonly cause: DownCause }

/** As many as are sent before the first acknowledgement: what is never acknowledged should be little. */
const receiveMaximum = 1

export interface SessionOptions {
  readonly settings: ConnectOptions
  readonly protocolVersion: 4 | 5
  readonly clock: Clock
  /** Acknowledges what comes, and takes as much at once as the broker likes. */
  readonly acknowledges?: boolean
  readonly heard?: (messages: number) => void
}

export function holdSession(options: SessionOptions): Promise<HeldSession> {
  const { settings, protocolVersion, clock, acknowledges = false, heard } = options
  const down = Promise.withResolvers<DownCause>()
  const { promise, resolve } = Promise.withResolvers<HeldSession>()
  let messages = 0
  const connection: Connection = new Connection(
    {
      options: acknowledges ? settings : { ...settings, receiveMaximum },
      protocolVersion,
      number: 1,
      role: 'ingest',
    },
    {
      up: ({ sessionPresent }) =>
        resolve({ ok: true, sessionPresent, connection, came: () => messages, down: down.promise }),
      messages(batch) {
        messages += batch.length
        if (acknowledges) for (const message of batch) connection.gate.acknowledge(message)
        heard?.(messages)
      },
      puback: () => {},
      drain: () => {},
      down(cause) {
        resolve({ ok: false, cause })
        down.resolve(cause)
      },
    },
    clock,
    newCounters(),
  )
  return promise
}

/** Drops the session of a client id. Only for one that was made by us: what waits in it is lost. */
export async function dropSession(settings: ConnectOptions, protocolVersion: 4 | 5): Promise<void> {
  const made = await connectPlain({ ...settings, protocol: protocolVersion === 5 ? '5' : '3.1.1' })
  if (!made.ok) return
  made.client.end()
  await made.closed
}
