/**
 * Links by which a person acknowledges from a mail. The token is made at random, only its hash is kept; it is worth
 * one conversation, and some days. Attempts of one delivery bear the same link while this process runs.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Notification } from '../core/alerts/notification.ts'
import { sliceId } from '../core/state.ts'
import type { Store } from '../ports/store.ts'

export interface LinkData {
  readonly code: string
  readonly threadId: string
  /** Steady, ms. */
  readonly expiresMs: number
}

export interface AckLinksDeps {
  readonly store: Store
  /** Where people reach the listener, without a slash at its end. */
  readonly publicUrl: string
  nowMs(): number
  /** Keeps a slice; resolves when it is durable. */
  keep(slice: string, data: LinkData): Promise<void>
  /** Drops slices. */
  drop(slices: readonly string[]): void
}

const tokenBytes = 20
const lifeMs = 7 * 24 * 3_600_000
/** Links kept at most; the next sweep drops the oldest beyond. */
const linkLimit = 100_000
/** Deliveries whose link is remembered for their next attempt. */
const rememberedLimit = 10_000
const scanPage = 1_000
const prefix = `${sliceId('acklink')}/`

export class AckLinks {
  readonly #deps: AckLinksDeps
  readonly #byDelivery = new Map<string, string>()

  constructor(deps: AckLinksDeps) {
    this.#deps = deps
  }

  /** The notification with its link, once the link is durable; as it is when there is nothing to acknowledge. */
  async addTo(delivery: string, notification: Notification): Promise<Notification> {
    const { ackCode: code, threadId } = notification
    if (code === null) return notification
    const known = this.#byDelivery.get(delivery)
    if (known !== undefined) return { ...notification, ackUrl: known }
    const token = randomBytes(tokenBytes).toString('base64url')
    await this.#deps.keep(sliceOf(token), { code, threadId, expiresMs: this.#deps.nowMs() + lifeMs })
    const url = `${this.#deps.publicUrl}/ack/${token}`
    const oldest = this.#byDelivery.keys().next()
    if (this.#byDelivery.size >= rememberedLimit && !oldest.done) this.#byDelivery.delete(oldest.value)
    this.#byDelivery.set(delivery, url)
    return { ...notification, ackUrl: url }
  }

  /** What a token is worth; null when it is unknown or too old. */
  async open(token: string): Promise<LinkData | null> {
    const slice = sliceOf(token)
    const loaded = await this.#deps.store.load([slice])
    const data = loaded.ok ? (loaded.value.get(slice)?.data as LinkData | undefined) : undefined
    return data === undefined || data.expiresMs <= this.#deps.nowMs() ? null : data
  }

  /** Drops what has expired, and the oldest when there are too many. */
  async sweep(): Promise<void> {
    const found: { id: string; expiresMs: number }[] = []
    for (let after: string | null = null; ; ) {
      const page = await this.#deps.store.scan(prefix, after, scanPage)
      if (!page.ok || page.value.length === 0) break
      for (const { id, data } of page.value) found.push({ id, expiresMs: (data as LinkData).expiresMs })
      after = page.value.at(-1)?.id ?? null
    }
    found.sort((a, b) => b.expiresMs - a.expiresMs)
    const nowMs = this.#deps.nowMs()
    const gone = found.filter(({ expiresMs }, index) => expiresMs <= nowMs || index >= linkLimit)
    for (let at = 0; at < gone.length; at += scanPage) {
      this.#deps.drop(gone.slice(at, at + scanPage).map(({ id }) => id))
    }
  }
}

function sliceOf(token: string): string {
  return sliceId('acklink', createHash('sha256').update(token).digest('hex'))
}
