/** What can happen to the engine. Everything it does is a function of its state and these, in their order. */
import type { AlertingEvent } from './alerts/events.ts'
import type { CommandEvent } from './commands/issue.ts'
import type { Message } from './message.ts'

export interface MessageEvent {
  readonly type: 'message'
  readonly message: Message
}

/** A slice's timer is due. */
export interface TimerEvent {
  readonly type: 'timer'
  readonly slice: string
}

/** The ingest link of a broker went up or down. `newSession`: the broker had kept nothing for us. */
export interface LinkEvent {
  readonly type: 'link'
  readonly broker: string
  readonly online: boolean
  readonly newSession: boolean
  /** When it happened, steady ms, if that was not now: the engine learns of its own crash afterwards. */
  readonly atMs?: number
}

/** A message that was longer than is taken in. */
export interface OversizedEvent {
  readonly type: 'oversized'
  readonly message: Message
  readonly sizeBytes: number
}

/** The engine notes something about itself. */
export interface KeepEvent {
  readonly type: 'keep'
  readonly slice: string
  readonly data: unknown
}

/** Slices of the engine's own that are no longer needed. */
export interface DropEvent {
  readonly type: 'drop'
  readonly slices: readonly string[]
}

/** The keys that a rule expects to hear from begin to be waited for. */
export interface ExpectEvent {
  readonly type: 'expect'
  readonly rule: string
}

/** A key is no longer watched: a device was taken away, or the rule or its key was changed. */
export interface ForgetEvent {
  readonly type: 'forget'
  readonly slice: string
  readonly reason: 'forgotten' | 'rule_removed'
}

export type Event =
  | MessageEvent
  | OversizedEvent
  | TimerEvent
  | LinkEvent
  | ExpectEvent
  | ForgetEvent
  | KeepEvent
  | DropEvent
  | CommandEvent
  | AlertingEvent
