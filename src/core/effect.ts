/** What the core wants done in the world. Effects are plain data: they can be stored and carried out later. */
import type { Seen } from './commands/command-state.ts'
import type { IdPlace } from './commands/id-place.ts'
import type { MessageProperties, OutboundMessage } from './message.ts'
import type { Severity } from './rules/definition.ts'

export interface PublishEffect {
  readonly kind: 'publish'
  /** The configured name of the broker it goes to. */
  readonly broker: string
  readonly message: OutboundMessage
  /** Which action it comes from, when that is not `publish`. */
  readonly via?: Via
}

/** How many effects may wait, and which go when there are more. */
export interface QueueLimit {
  readonly max: number
  readonly drop: 'oldest' | 'newest'
}

export type Via =
  /** The answer to a request. */
  | { readonly kind: 'respond' }
  /** It waits in the queue of the rule's forwards to that broker, beside what others send there. */
  | { readonly kind: 'forward'; readonly rule: string }
  /** It is sent only while the command still waits for its acknowledgement, in this attempt. */
  | {
      readonly kind: 'command'
      readonly id: string
      readonly slice: string
      readonly attempt: number
    }

export interface LogEffect {
  readonly kind: 'log'
  /** Relative to the log directory, with `/` between its parts; passes `logFileNameFault`. */
  readonly file: string
  readonly format: 'csv' | 'ndjson'
  /** Column names in their order. A list beside `values`, for an object would sort names such as `1` first. */
  readonly columns: readonly string[]
  /** One record: a value for each column; null where there is none. */
  readonly values: readonly LogValue[]
  readonly rotate: LogRotation
}

/** What a cell can hold; lists and objects become JSON text in CSV. */
export type LogValue =
  | string
  | number
  | boolean
  | null
  | readonly unknown[]
  | { readonly [name: string]: unknown }

export interface LogRotation {
  /** A file that would grow past this is rotated first. */
  readonly sizeBytes: number
  /** How many rotated files are kept. */
  readonly keep: number
}

export type Effect = PublishEffect | LogEffect

/** Receivers are to be told. The core turns it into deliveries in the same step: it is never carried out elsewhere. */
export interface NotifyEffect {
  readonly kind: 'notify'
  /** Names of receivers of the configuration. */
  readonly receivers: readonly string[]
  readonly summary: string
  /** May be empty. */
  readonly body: string
  /** Null: as the rule's alert. */
  readonly severity: Severity | null
  /** IANA zone for the times in texts. */
  readonly zone: string
}

/** A device is to do something, and to say that it did. The core keeps it and sends it: it is never carried out elsewhere. */
export interface CommandEffect {
  readonly kind: 'command'
  /** Finds the command in its rule again, also when other things in the rule were edited. */
  readonly place: string
  readonly broker: string
  readonly topic: string
  /** Without its id. */
  readonly payload: unknown
  readonly qos: 0 | 1
  readonly properties: MessageProperties | null
  readonly ackTopic: string
  /** Null: any message there that meets the condition acknowledges it. */
  readonly idAt: IdPlace | null
  /** How long each attempt waits. */
  readonly withinMs: number
  readonly attempts: number
  readonly seen: Seen
}

/** What an action plans. */
export type PlannedEffect = Effect | NotifyEffect | CommandEffect
