/**
 * What ends a circle of messages that no check could see before: how often a message was passed on, as MQTT 5 carries
 * it along, and a memory of what rules sent lately, for where it cannot.
 */
import { hash53 } from '../hash.ts'

/** The user property that counts how often a message was forwarded, by whatever Tocsin. */
export const hopsProperty = 'tocsin-hops'
/** A message that was forwarded so often is not forwarded again. */
export const forwardHopsLimit = 8
/** Rules cause each other's messages at most so many times in a row. */
export const causedHopsLimit = 16
/** A message that equals one of ours counts as that one for so long. */
const rememberedMs = 10_000
const rememberedMost = 10_000
/** Of a long payload its two ends tell it apart well enough. */
const hashedBytes = 1_024

interface Sent {
  readonly hops: number
  readonly atMs: number
}

/** How often the properties say that the message was forwarded. */
export function forwardedHops(userProperties: readonly (readonly [string, string])[]): number {
  let hops = 0
  for (const [name, value] of userProperties) {
    if (name === hopsProperty && /^\d{1,9}$/.test(value)) hops = Math.max(hops, Number(value))
  }
  return hops
}

/**
 * What rules sent because of a message, lately, as far as another rule may hear it. A message that comes in and
 * equals one of these was caused by ours; what it causes in turn was caused over one message more. Times are steady ms.
 */
export class SentLately {
  readonly #hears: (broker: string, topic: string) => boolean
  /** In the order of sending. */
  readonly #sent = new Map<number, Sent>()

  /** `hears`: whether a rule listens to that topic of the broker; what nobody hears is not remembered. */
  constructor(hears: (broker: string, topic: string) => boolean) {
    this.#hears = hears
  }

  /** Over how many messages of ours this one was caused; 0 when it is nobody's echo. */
  hopsOf(broker: string, topic: string, payload: Uint8Array, nowMs: number): number {
    if (this.#sent.size === 0) return 0
    const sent = this.#sent.get(fingerprint(broker, topic, payload))
    return sent === undefined || nowMs - sent.atMs > rememberedMs ? 0 : sent.hops + 1
  }

  /** Something is sent because of a message with so many hops. */
  note(broker: string, topic: string, payload: Uint8Array, hops: number, nowMs: number): void {
    if (!this.#hears(broker, topic)) return
    const key = fingerprint(broker, topic, payload)
    const before = this.#sent.get(key)
    const isFresh = before !== undefined && nowMs - before.atMs <= rememberedMs
    this.#sent.delete(key)
    this.#sent.set(key, { hops: isFresh ? Math.max(hops, before.hops) : hops, atMs: nowMs })
    for (const [oldest, { atMs }] of this.#sent) {
      if (this.#sent.size <= rememberedMost && nowMs - atMs <= rememberedMs) break
      this.#sent.delete(oldest)
    }
  }
}

function fingerprint(broker: string, topic: string, payload: Uint8Array): number {
  const head = `${broker}\0${topic}\0${payload.length}`
  if (payload.length <= 2 * hashedBytes) return hash53(head, payload)
  const end = hash53('', payload.subarray(payload.length - hashedBytes))
  return hash53(`${head}\0${end}`, payload.subarray(0, hashedBytes))
}
