/** A QoS 1 message on the line: recognised when it is a redelivery, marked when it has changed something. */
import type { Event } from '../core/event.ts'
import type { Draft } from '../core/state.ts'
import type { InboundMessage } from '../ports/broker.ts'
import type { LineItem } from './line.ts'
import { hashOf, type Marks } from './marks.ts'

export interface MessageSource {
  readonly marks: Marks
  nowMs(): number
  redelivered(): void
  acknowledge(message: InboundMessage): void
}

/** A class, as one is made for every message: methods are shared where closures would be made anew. */
export class MessageItem implements LineItem {
  readonly event: Event
  readonly #message: InboundMessage
  readonly #source: MessageSource
  readonly #use: number
  /** What else has to be finished before the message is acknowledged. */
  #first: Promise<void> | null
  #answered: (() => void) | null = null

  constructor(event: Event, message: InboundMessage, source: MessageSource, first: Promise<void> | null) {
    this.event = event
    this.#message = message
    this.#source = source
    this.#use = source.marks.use(message)
    this.#first = first
  }

  /** Asked when the event's turn comes: the same message may have been stepped while this copy waited. */
  get needs(): readonly string[] | undefined {
    const { packetId } = this.#message
    const { marks } = this.#source
    return marks.has(packetId) ? [marks.sliceOf(packetId)] : undefined
  }

  get mayRepeat(): boolean {
    return this.#message.dup
  }

  admit(draft: Draft): boolean {
    const { marks } = this.#source
    const answer = marks.answerUnderWay(this.#message)
    if (answer === null && !marks.repeats(this.#message, draft)) return true
    // The copy must not be acknowledged before the answer that it asks for again has left.
    if (answer !== null) this.#first = answer
    this.#source.redelivered()
    return false
  }

  changed(draft: Draft): void {
    this.#source.marks.set(this.#message.packetId, this.#use, hashOf(this.#message), draft)
  }

  unchanged(): (draft: Draft) => void {
    const source = this.#source
    const use = this.#use
    const { packetId } = this.#message
    // Not the message itself, which is a view of all that was read with it.
    const hash = hashOf(this.#message)
    return (draft) => source.marks.setLate(packetId, use, hash, draft, source.nowMs())
  }

  answering(): void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#answered = resolve
    this.#source.marks.answering(this.#message, promise)
  }

  done(): void {
    this.#answered?.()
    if (this.#first === null) this.#finish()
    else void this.#first.then(() => this.#finish())
  }

  #finish(): void {
    this.#source.acknowledge(this.#message)
    this.#source.marks.acknowledged(this.#message.packetId, this.#source.nowMs())
  }
}
