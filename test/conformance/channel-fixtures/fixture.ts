/**
 * What the conformance suite needs of a channel: a real server on 127.0.0.1 that behaves as told. The file
 * `<channel>.ts` beside this one exports such a `fixture`; the suite finds it by the channel's name.
 */
import type { Notification } from '../../../src/core/alerts/notification.ts'
import type { SendOutcome } from '../../../src/ports/channel.ts'
import type { Inbox } from '../../support/wait-for.ts'

/** How the server treats every attempt from now on. */
export type Behaviour =
  | 'accepts'
  /** No, and it will stay no. */
  | 'refuses'
  | 'refuses-recipient'
  | 'refuses-credentials'
  /** A failure of its own: 500, SMTP 4xx. */
  | 'fails'
  /** Too many, come back later. */
  | 'limits'
  /** Takes the connection and closes it before it has read anything that could be delivered. */
  | 'drops-before'
  /** Closes the connection when it has everything, without an answer. */
  | 'drops-after'
  /** Has everything and says nothing. */
  | 'hangs-after'

export interface Received {
  /** Everything a person could read, decoded: subject, texts, fields. */
  readonly text: string
  /** What makes a repeated attempt recognisable: the Message-ID, the idempotency key; null when it has none. */
  readonly id: string | null
  /** What is unsafe or broken about it, in words: a header too many, a tag that came from a title. */
  readonly faults: readonly string[]
}

export interface ChannelStand {
  /** As people write it below `settings`; null for a channel without account. Its time limit is 2 s. */
  readonly account: unknown
  /** As people write it in a receiver, with one address. */
  readonly target: unknown
  /** Another account or target that leads to a port where nobody listens. */
  readonly nobodyThere: { readonly account: unknown; readonly target: unknown }
  /** As people write several at once, and the addresses `targets` makes of it. */
  readonly several: { readonly target: unknown; readonly addresses: readonly string[] }
  /** Texts in account and target that no outcome may show; the server repeats them in its answers where it can. */
  readonly secrets: readonly string[]
  behave(behaviour: Behaviour): void
  /** What the server took as delivered, or could have. */
  readonly received: Inbox<Received>
  close(): Promise<void>
}

export type Failure = Pick<Extract<SendOutcome, { ok: false }>, 'kind' | 'reason'>

export interface ChannelFixture {
  /** The outcome that each behaviour must have; those left out are not possible for this channel. */
  readonly outcomes: Readonly<
    Partial<Record<Exclude<Behaviour, 'accepts'> | 'nobody-there', Failure>> & { 'nobody-there': Failure }
  >
  open(): Promise<ChannelStand>
}

const startMs = Date.UTC(2026, 6, 31, 12, 5)

/** A notification of one critical alert; give what should be different. */
export function notification(different: Partial<Notification> = {}): Notification {
  return {
    kind: 'firing',
    title: 'g1 is at 36.2 °C',
    threadTitle: 'g1 is at 36.2 °C',
    text: '',
    severity: 'critical',
    alerts: [
      {
        rule: 'overheating',
        fingerprint: '4f7a90c2',
        severity: 'critical',
        state: 'firing',
        summary: 'g1 is at 36.2 °C',
        description: 'Open the roof windows, then check the fan.',
        labels: { device: 'g1', site: 'greenhouse' },
        values: { value: '36.2 °C', limit: '35 °C' },
        sinceMs: startMs,
        resolvedMs: null,
      },
    ],
    more: 0,
    by: null,
    ackCode: '4F7',
    ackUrl: 'https://tocsin.example.com/ack/q7Rk0pMarkerOfTheAckLink',
    threadId: 'default/site=greenhouse/7',
    threadIndex: 0,
    atMs: startMs + 120_000,
    zone: 'Europe/Berlin',
    ...different,
  }
}
