/**
 * Stands in for a channel that the settings say not to use: what would have gone out is formed as the channel would,
 * kept in the journal `inbox` and shown. Nothing is pretended to be sent to anybody.
 */
import type { Channel, ChannelConnection, Kept, SendOutcome } from '../ports/channel.ts'
import type { Observer } from '../ports/observer.ts'
import type { Store, StoreOutcome } from '../ports/store.ts'

const parallel = 20
/** Longer texts are cut before they are kept: a webhook may carry 256 KiB. */
const textLimit = 16_384

/** Resolves when it is kept, or cannot be. */
export type Keep = (kept: Kept) => Promise<StoreOutcome<void>>

/** A connection like any other: what it is given is delivered once it is kept. */
export function createInbox(channel: Channel, keep: Keep): ChannelConnection<unknown> {
  return {
    parallel,
    async send({ deliveryId, notification, target, signal }): Promise<SendOutcome> {
      if (signal.aborted) {
        return { ok: false, kind: 'temporary', reason: 'timeout', message: 'It was ended before it began.' }
      }
      const preview = channel.preview({ deliveryId, notification, target }, null)
      const kept = await keep({
        ...preview,
        text: shortened(preview.text),
        channel: channel.name,
        delivery: deliveryId,
        kind: notification.kind,
        severity: notification.severity,
      })
      if (kept.ok) return { ok: true, providerId: null, state: 'delivered' }
      const { message } = kept.failure
      return {
        ok: false,
        kind: 'temporary',
        reason: 'server-error',
        message: `It cannot be kept: ${message}`,
      }
    },
    async close() {},
  }
}

/** Keeps messages in the journal of a store, and shows each of them. `wallMs`: of the wall clock, since the epoch. */
export function keepInJournal(store: Store, observer: Pick<Observer, 'kept'>, wallMs: () => number): Keep {
  return async (kept) => {
    const entry = {
      journal: 'inbox',
      subject: kept.to,
      atMs: Math.floor(wallMs()),
      data: { ...kept },
    } as const
    const committed = await store.commit({ journal: { add: [entry] } })
    if (!committed.ok) return committed
    observer.kept(kept)
    return { ok: true, value: undefined }
  }
}

function shortened(text: string): string {
  return text.length > textLimit ? `${text.slice(0, textLimit - 1)}…`.toWellFormed() : text
}
