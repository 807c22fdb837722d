/**
 * What is known of the link to a broker, and the time during which messages could be heard at all. Absence is
 * measured on that clock: it stands still while the link or the engine is down, so a night without a network
 * makes no device silent.
 */
import { sliceId } from './state.ts'

export interface LinkSliceData {
  readonly online: boolean
  /** Since when, steady ms. */
  readonly sinceMs: number
  /** How long the link has been down in all, outages before this one. */
  readonly downMs: number
  /** Counts MQTT sessions: a new one means that the broker forgot what was subscribed. */
  readonly session: number
}

const fresh: LinkSliceData = { online: false, sinceMs: 0, downMs: 0, session: 0 }

/** Asked for with every message; there are as many as brokers are configured. */
const sliceIds = new Map<string, string>()

/**
 * Rules that keep RETAIN as it was published listen over a session of their own, which is a link beside the
 * broker's: no name of a broker has a tilde.
 */
export function keepLinkName(broker: string): string {
  return `${broker}~keep`
}

export function linkSliceId(broker: string): string {
  let id = sliceIds.get(broker)
  if (id === undefined) {
    id = sliceId('link', broker)
    sliceIds.set(broker, id)
  }
  return id
}

export function linkData(data: unknown): LinkSliceData {
  return (data as LinkSliceData | undefined) ?? fresh
}

/** The moment on the clock that runs only while the link is up. */
export function hearingMs(link: LinkSliceData, nowMs: number): number {
  return (link.online ? nowMs : link.sinceMs) - link.downMs
}

export function linkWentUp(link: LinkSliceData, nowMs: number, newSession: boolean): LinkSliceData {
  const session = newSession || link.session === 0 ? link.session + 1 : link.session
  if (link.online) return { ...link, session }
  return { online: true, sinceMs: nowMs, downMs: link.downMs + Math.max(0, nowMs - link.sinceMs), session }
}

export function linkWentDown(link: LinkSliceData, atMs: number): LinkSliceData {
  return link.online ? { ...link, online: false, sinceMs: Math.max(atMs, link.sinceMs) } : link
}
