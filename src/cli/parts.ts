/** The adapters that the commands work with, chosen by the composition root. */
import type { createLogWriter } from '../files/log-writer.ts'
import type { startEmbeddedBroker } from '../mqtt/embedded-broker.ts'
import type { createBroker } from '../mqtt/index.ts'
import type { Action } from '../ports/action.ts'
import type { Channel } from '../ports/channel.ts'
import type { Clock } from '../ports/clock.ts'
import type { Decoder } from '../ports/decoder.ts'
import type { createStore } from '../stores/index.ts'
import type { createPing } from '../web/ping.ts'
import type { startWebServer } from '../web/server.ts'

export interface Parts {
  /** Of the program. */
  readonly version: string
  readonly actions: readonly Action[]
  readonly decoders: readonly Decoder[]
  readonly channels: readonly Channel[]
  readonly clock: Clock
  readonly createBroker: typeof createBroker
  readonly startEmbeddedBroker: typeof startEmbeddedBroker
  readonly createStore: typeof createStore
  readonly createLogWriter: typeof createLogWriter
  readonly startWebServer: typeof startWebServer
  readonly createPing: typeof createPing
}

/** What a command may touch of the process around it. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: NodeJS.WritableStream & { isTTY?: boolean; columns?: number; rows?: number }
  readonly stderr: NodeJS.WritableStream & { isTTY?: boolean }
  readonly stdin: NodeJS.ReadableStream
  /** IANA name. */
  readonly zone: string
  /** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
  stopRequested(): Promise<string>
  onHangup(callback: () => void): () => void
}

/** 0 good, 1 problems found, 2 wrong usage. */
export type ExitCode = 0 | 1 | 2
