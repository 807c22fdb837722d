/** A way to reach people or systems: email, SMS, webhook. It gives a notification its form and sends it once. */

import type { z } from 'zod'
import type { Notification } from '../core/alerts/notification.ts'
import type { Caps } from '../core/deliveries/caps.ts'
import type { SendOutcome } from '../core/deliveries/send-outcome.ts'

export interface ChannelCapabilities {
  /** Whether the provider tells later that it was delivered, or not. */
  readonly reportsDelivery: boolean
  /** Whether people can answer. */
  readonly takesReplies: boolean
  /** Whether sending costs money: such channels have caps. */
  readonly costs: boolean
}

export type { SendOutcome }

export interface SendRequest<Target> {
  /** Stable over attempts: message ids and idempotency keys are made of it. */
  readonly deliveryId: string
  readonly notification: Notification
  readonly target: Target
  /** Ends the attempt. */
  readonly signal: AbortSignal
}

export interface FindRequest<Target> extends SendRequest<Target> {
  /** When the attempt in question began: wall clock, ms since the epoch. */
  readonly attemptedMs: number
}

/** What would go out, as the one who gets it would read it. */
export interface Preview {
  /** Never a secret. */
  readonly to: string
  /** Null where messages have none. */
  readonly subject: string | null
  readonly text: string
}

/** A message that was not sent but kept, because the settings say so. */
export interface Kept extends Preview {
  readonly channel: string
  readonly delivery: string
  readonly kind: Notification['kind']
  readonly severity: Notification['severity']
}

/** What trying an account came to. Sentences without secrets. */
export type CheckOutcome =
  | {
      readonly ok: true
      readonly what: string
      /** It works, and something about it is to be known. */
      readonly warning?: string
      /** How far the clock of the provider is ahead of ours, ms, and what to call it. */
      readonly clock?: { readonly whose: string; readonly aheadMs: number }
    }
  | { readonly ok: false; readonly message: string }

export interface ChannelConnection<Target> {
  /** How many attempts may run at once: more would wait inside, and their time would run. */
  readonly parallel: number
  /** For channels that cost: units (segments) that the notification takes, and the price of one if it is known. Pure. */
  cost?(notification: Notification): { readonly units: number; readonly price: number | null }
  /** One attempt. Never throws; resolves within its own limit (at most 60 s). */
  send(request: SendRequest<Target>): Promise<SendOutcome>
  /**
   * What became of an attempt that was ambiguous. `temporary`: it surely did not arrive and may be sent again.
   * `ambiguous`: the provider could not be asked just now. Null: it cannot tell.
   */
  find?(request: FindRequest<Target>): Promise<SendOutcome | null>
  /** Tries the account, and sends nothing to anybody. Never throws. */
  check?(signal: AbortSignal): Promise<CheckOutcome>
  close(): Promise<void>
}

export interface ChannelTerms {
  /** How much may be sent; null: no end. All addresses of a channel share one account. */
  readonly caps: Caps | null
  /** Of one unit, in the currency of the caps; null when it is not known. */
  readonly price: number | null
  /** Keeps a status of its own, such as PagerDuty: is told of acknowledgements too. */
  readonly keepsStatus: boolean
}

export interface Channel<Target = unknown, Account = unknown> {
  readonly name: string
  /** One line for the docs and the schema. */
  readonly description: string
  readonly capabilities: ChannelCapabilities
  /** What stands below the channel's name in a receiver. */
  readonly targetSchema: z.ZodType<Target>
  /** The key under `settings` that holds its account, e.g. `smtp`; null when nothing is needed. */
  readonly accountName: string | null
  /** What stands below that key; null when nothing is needed: then `connect` takes null. */
  readonly accountSchema: z.ZodType<Account> | null
  /** What the core must know of an address beside its name; nothing unless given. */
  terms?(account: Account | null, target: Target): ChannelTerms
  /** One person or address each: a receiver with several targets makes several deliveries. */
  targets(target: Target): readonly { readonly address: string; readonly target: Target }[]
  /** Forms what `send` would, and sends nothing. `account: null`: there is none, as when messages are kept. */
  preview(
    request: Pick<SendRequest<Target>, 'deliveryId' | 'notification' | 'target'>,
    account: Account | null,
  ): Preview
  connect(account: Account, deps: { readonly nowMs: () => number }): ChannelConnection<Target>
}
