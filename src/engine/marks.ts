/**
 * Redelivery marks of one broker: which messages were committed, or had nothing to change, and may come again
 * because the broker has not seen their acknowledgement. A mark is told from another message by packet id, DUP,
 * a resumed session and a hash.
 */
import { hash53 } from '../core/hash.ts'
import { type Draft, sliceId, sliceIdParts } from '../core/state.ts'
import type { InboundMessage } from '../ports/broker.ts'

/** What is kept under `mark/<broker>/<packet id>`. */
interface MarkData {
  readonly hash: number
}

interface Mark {
  /** When its message was acknowledged on this connection, steady ms; 0: not yet. */
  acknowledgedMs: number
  /** How many messages had come with its packet id. */
  readonly use: number
}

/** A mark is no longer needed once its message has been acknowledged for so long on a living connection. */
const markKeepMs = 10_000
/** Marks dropped in one go at most. */
const sweepLimit = 2_000

export class Marks {
  /** All ids begin so. */
  readonly prefix: string
  readonly #byPacketId = new Map<number, Mark>()
  /** Counts what came with each packet id, copies of one message too. */
  readonly #uses = new Uint32Array(65_536)
  /** The use of the latest message that was no copy: what came before it was acknowledged. */
  readonly #fresh = new Uint32Array(65_536)
  /** Requests that were answered without a commit, and when their answers have left: what a crash may forget. */
  readonly #answers = new Map<number, { readonly hash: number; readonly left: Promise<void> }>()
  #resumed = false

  constructor(broker: string) {
    this.prefix = `${sliceId('mark', broker)}/`
  }

  /** Ids of the marks in the store when the engine starts. */
  restore(slices: readonly string[]): void {
    for (const id of slices) {
      this.#byPacketId.set(Number(sliceIdParts(id)[2]), { acknowledgedMs: 0, use: 0 })
    }
  }

  /** A new connection: what was acknowledged on an earlier one may not have arrived. */
  connected(resumed: boolean): void {
    this.#resumed = resumed
    for (const mark of this.#byPacketId.values()) mark.acknowledgedMs = 0
  }

  /** A message came; the number tells it from others with its packet id. */
  use({ packetId, dup }: InboundMessage): number {
    this.#uses[packetId]!++
    const use = this.#uses[packetId]!
    if (!dup || !this.#resumed) {
      this.#fresh[packetId] = use
      this.#answers.delete(packetId)
    }
    return use
  }

  sliceOf(packetId: number): string {
    return this.prefix + packetId
  }

  has(packetId: number): boolean {
    return this.#byPacketId.has(packetId)
  }

  /** Whether the message repeats one that is done. If not, a mark that speaks of another message goes. */
  repeats(message: InboundMessage, draft: Draft): boolean {
    const { packetId } = message
    if (!this.#byPacketId.has(packetId)) return false
    const id = this.sliceOf(packetId)
    const data = draft.read(id)?.data as MarkData | undefined
    if (data === undefined) return false
    if (message.dup && this.#resumed && data.hash === hashOf(message)) return true
    draft.remove(id)
    this.#byPacketId.delete(packetId)
    return false
  }

  answering(message: InboundMessage, left: Promise<void>): void {
    this.#answers.set(message.packetId, { hash: hashOf(message), left })
  }

  /** When the answer to a request that comes again has left; null: it was not answered yet. */
  answerUnderWay(message: InboundMessage): Promise<void> | null {
    if (!message.dup || !this.#resumed) return null
    const answer = this.#answers.get(message.packetId)
    return answer?.hash === hashOf(message) ? answer.left : null
  }

  set(packetId: number, use: number, hash: number, draft: Draft): void {
    draft.write(this.sliceOf(packetId), { hash } satisfies MarkData)
    this.#byPacketId.set(packetId, { acknowledgedMs: 0, use })
  }

  /** As `set`, for a message that was acknowledged already; does nothing when its packet id is another's now. */
  setLate(packetId: number, use: number, hash: number, draft: Draft, nowMs: number): void {
    if (this.#fresh[packetId]! > use) return
    this.set(packetId, use, hash, draft)
    this.acknowledged(packetId, nowMs)
  }

  acknowledged(packetId: number, nowMs: number): void {
    const mark = this.#byPacketId.get(packetId)
    if (mark !== undefined) mark.acknowledgedMs = nowMs
  }

  /** Forgets marks of messages whose acknowledgement the broker must have by now, and names their slices. */
  sweep(nowMs: number): string[] {
    const slices: string[] = []
    for (const [packetId, { acknowledgedMs, use }] of this.#byPacketId) {
      if (acknowledgedMs === 0 || acknowledgedMs > nowMs - markKeepMs) continue
      // A message that waits in the line uses the id anew: what it does to the mark comes first.
      if (use !== this.#uses[packetId]) continue
      slices.push(this.sliceOf(packetId))
      this.#byPacketId.delete(packetId)
      if (slices.length === sweepLimit) break
    }
    return slices
  }
}

export function hashOf(message: InboundMessage): number {
  return hash53(message.topic, message.payload)
}
