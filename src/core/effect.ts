/** What the core wants done in the world. Effects are plain data: they can be stored and carried out later. */
import type { OutboundMessage } from './message.ts'

export interface PublishEffect {
  readonly kind: 'publish'
  /** The configured name of the broker it goes to. */
  readonly broker: string
  readonly message: OutboundMessage
}

export interface LogEffect {
  readonly kind: 'log'
  /** Relative to the log directory; already escaped so that it cannot leave it. */
  readonly file: string
  readonly format: 'csv' | 'ndjson'
  /** One record: column name → value, in column order. */
  readonly record: Readonly<Record<string, unknown>>
  readonly rotate: LogRotation
}

export interface LogRotation {
  /** A file that would grow past this is rotated first. */
  readonly sizeBytes: number
  /** How many rotated files are kept. */
  readonly keep: number
}

export type Effect = PublishEffect | LogEffect
export type EffectKind = Effect['kind']
