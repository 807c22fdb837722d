/** What is remembered of commands that wait for their acknowledgement: one slice for each topic where they are acknowledged. */
import type { MessageProperties, OutboundMessage } from '../message.ts'
import { sliceId } from '../state.ts'
import type { IdPlace } from './id-place.ts'

/** `topic`: commands that wait on one topic. `all`: in all. `bytes`: of one command, as it is kept. */
export const commandLimits = { topic: 100, all: 10_000, bytes: 32_768 } as const

/** What the actions that follow see of the message that caused the command. */
export interface Seen {
  readonly captures: readonly string[]
  readonly topic?: string | undefined
  readonly payload?: unknown
  readonly value?: unknown
  readonly qos?: number | undefined
  readonly retain?: boolean | undefined
  readonly properties?: MessageProperties | null | undefined
  /** Wall clock, ms since the epoch. */
  readonly receivedAt?: number | undefined
}

export interface PendingCommand {
  readonly id: string
  readonly rule: string
  /** Finds the command in its rule again. */
  readonly place: string
  readonly idAt: IdPlace | null
  readonly message: OutboundMessage
  /** How its payload is to be read. */
  readonly form: 'text' | 'json' | 'bytes'
  /** From 1. */
  readonly attempt: number
  readonly attempts: number
  readonly withinMs: number
  /** Steady clock, ms. */
  readonly sinceMs: number
  /** When its attempt is over, steady clock, ms. */
  readonly untilMs: number
  readonly seen: Seen
}

export interface CommandsData {
  readonly broker: string
  /** Where they are acknowledged. */
  readonly topic: string
  readonly pending: readonly PendingCommand[]
}

/** `next` numbers the commands; `waiting` counts those that wait. */
export interface CommandCount {
  readonly next: number
  readonly waiting: number
}

export const commandsPrefix = 'command/'
export const commandCountSliceId = sliceId('commands')

export function commandsSliceId(broker: string, ackTopic: string): string {
  return sliceId('command', broker, ackTopic)
}

/** Whether the slice holds commands: its timer is theirs. */
export function isCommandsSlice(slice: string): boolean {
  return slice.startsWith(commandsPrefix)
}

/** What a command sends, as expressions and templates read it. */
export function sentPayload({ form, message }: Pick<PendingCommand, 'form' | 'message'>): unknown {
  if (form === 'bytes') return message.payload
  const text = Buffer.from(message.payload).toString()
  return form === 'text' ? text : JSON.parse(text)
}

/** Whether a row of the outbox is still to be sent: its command waits, in this attempt, whose time is not over. */
export function isWanted(data: unknown, id: string, attempt: number, nowMs: number): boolean {
  const pending = (data as CommandsData | undefined)?.pending ?? []
  // After a start links may be there before timers run.
  return pending.some(
    (command) => command.id === id && command.attempt === attempt && command.untilMs > nowMs,
  )
}
