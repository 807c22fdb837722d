/** Who watches the engine: the terminal, the log, the metrics, a test. Told, never asked. */
import type { Effect } from '../core/effect.ts'
import type { Message } from '../core/message.ts'
import type { DeadLetter, Decision, Notice, Transition } from '../core/outcome.ts'
import type { LinkState } from './broker.ts'
import type { Kept } from './channel.ts'

export interface Observer {
  /** Whether `decided` is wanted: it costs a little for every message. */
  readonly watchesDecisions: boolean
  /** A message was stepped: what each rule made of it, and what is to be done. */
  decided(message: Message, decisions: readonly Decision[], effects: readonly Effect[]): void
  transition(transition: Transition): void
  notice(notice: Notice): void
  deadLetter(letter: DeadLetter): void
  /** An effect reached its broker or file. */
  carriedOut(effect: Effect): void
  /** An effect will never be carried out. */
  refused(effect: Effect, message: string): void
  /** A message was kept instead of being sent, as the settings say. */
  kept(kept: Kept): void
  link(broker: string, state: LinkState): void
  /** The broker has answered to what was subscribed: from here on messages come. */
  subscribed(broker: string, filters: { readonly granted: number; readonly refused: number }): void
  /** Something about the engine itself that people should know, in words. */
  trouble(trouble: Trouble): void
}

export interface Trouble {
  readonly kind:
    | 'store'
    | 'log'
    | 'subscription'
    | 'outbox'
    | 'clock'
    | 'timers'
    | 'line'
    | 'request'
    | 'watch'
    | 'stalled'
    | 'http'
    | 'own'
    | 'heartbeat'
  readonly message: string
  readonly help?: string
}
