/**
 * Answers requests on `tocsin/request/<verb>`. Who may publish there may ask: the access list of the broker decides.
 * A request is acknowledged once its answer has arrived at the broker or is durable, so a crash between makes it
 * come again; a request that comes again without a crash is not answered twice.
 */
import { createHash } from 'node:crypto'
import type { OutboundMessage } from '../../core/message.ts'
import type { MayAnswer } from '../../core/requests/answer-place.ts'
import { quoted } from '../../core/topics/topic-text.ts'
import type { InboundMessage } from '../../ports/broker.ts'
import type { Asked, Control } from '../../ports/control.ts'
import type { Observer } from '../../ports/observer.ts'
import type { Counters } from '../counters.ts'
import { answerMessage, unknownVerb } from './answer.ts'
import { type ReadRequest, readRequest } from './read-request.ts'
import { TokenBucket } from './token-bucket.ts'
import { verbNames, verbs } from './verbs.ts'

export interface RequestsDeps {
  readonly control: Control
  readonly counters: Counters
  readonly observer: Observer
  readonly mayAnswer: MayAnswer
  /** Resolves when the message has arrived, was refused for good, or is durable. */
  send(message: OutboundMessage): Promise<void>
  /** Sends the message if that can be done at once. */
  sendNow(message: OutboundMessage): void
  nowMs(): number
}

const answersPerSecond = 100
const answersBurst = 200
/** That there are too many requests is told so often; beyond it they are dropped. */
const busyPerSecond = 500
/** Requests in hand at once. */
const inHandLimit = 1_000
/** Requests of the past that are recognised when they come again. */
const rememberedRequests = 2_000
const tellEveryMs = 60_000

const busy: Asked<never> = {
  ok: false,
  error: { code: 'busy', message: `Tocsin answers ${answersPerSecond} requests a second. Ask again later.` },
}

type Answerable = Extract<ReadRequest, { readonly kind: 'request' | 'wrong' }>

export class Requests {
  readonly #deps: RequestsDeps
  readonly #verbs = new Map(verbs.map((verb) => [verb.name, verb]))
  readonly #answers = new TokenBucket(answersPerSecond, answersBurst)
  readonly #busyAnswers = new TokenBucket(busyPerSecond, busyPerSecond)
  readonly #inHand = new Set<Promise<void>>()
  /** QoS 1 requests in hand or answered, the oldest first: what they were → when they may be acknowledged. */
  readonly #taken = new Map<string, Promise<void>>()
  #toldMs = Number.NEGATIVE_INFINITY

  constructor(deps: RequestsDeps) {
    this.#deps = deps
  }

  /** Resolves when the request may be acknowledged; never rejects. The payload is not kept. */
  take(message: InboundMessage): Promise<void> {
    const { counters, mayAnswer } = this.#deps
    const id = message.qos === 1 ? identityOf(message) : null
    const before = id !== null && message.dup ? this.#taken.get(id) : undefined
    if (before !== undefined) {
      counters.redelivered++
      return before
    }
    counters.requests++
    const request = readRequest(message, message.oversizedBytes !== undefined, mayAnswer)
    if (request.kind === 'dropped') {
      counters.requestsDropped++
      if (request.responseTopic !== undefined) this.#tellRefused(request.responseTopic)
      return Promise.resolve()
    }
    const nowMs = this.#deps.nowMs()
    if (this.#inHand.size >= inHandLimit || !this.#answers.take(nowMs)) {
      this.#sayBusy(request, nowMs)
      return Promise.resolve()
    }
    const answered = this.#answer(request)
    this.#inHand.add(answered)
    void answered.then(() => this.#inHand.delete(answered))
    if (id !== null) this.#remember(id, answered)
    return answered
  }

  /** Resolves when no request is in hand. */
  async idle(): Promise<void> {
    await Promise.all(this.#inHand)
  }

  async #answer(request: Answerable): Promise<void> {
    const asked = request.kind === 'wrong' ? request.asked : await this.#ask(request)
    try {
      await this.#deps.send(answerMessage(asked, request.requestId, request.place, 1))
      this.#deps.counters.requestsAnswered++
    } catch (error) {
      this.#tellFailed('its answer', error)
    }
  }

  async #ask({ verb, input }: Extract<ReadRequest, { readonly kind: 'request' }>): Promise<Asked<unknown>> {
    const known = this.#verbs.get(verb)
    if (known === undefined) return unknownVerb(verb, verbNames)
    try {
      return await known.ask(this.#deps.control, input)
    } catch (error) {
      this.#tellFailed(verb, error)
      return { ok: false, error: { code: 'failed', message: 'The request failed: see the log of Tocsin.' } }
    }
  }

  #tellFailed(what: string, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    this.#deps.observer.trouble({ kind: 'request', message: `A request failed (${what}): ${message}` })
  }

  #sayBusy(request: Answerable, nowMs: number): void {
    this.#deps.counters.requestsBusy++
    if (!this.#busyAnswers.take(nowMs)) return
    // At QoS 0 and never kept: a flood of requests must not become a flood of answers that wait.
    this.#deps.sendNow(answerMessage(busy, request.requestId, request.place, 0))
  }

  #remember(id: string, answered: Promise<void>): void {
    this.#taken.delete(id)
    this.#taken.set(id, answered)
    if (this.#taken.size <= rememberedRequests) return
    const oldest = this.#taken.keys().next().value
    if (oldest !== undefined) this.#taken.delete(oldest)
  }

  #tellRefused(responseTopic: string): void {
    const nowMs = this.#deps.nowMs()
    if (nowMs - this.#toldMs < tellEveryMs) return
    this.#toldMs = nowMs
    this.#deps.observer.trouble({
      kind: 'request',
      message: `A request wanted its answer on ${quoted(responseTopic)}, where answers may not go. It was not answered.`,
      help: 'Have it ask for an answer below response/, or add the topic to `settings.respond_to`.',
    })
  }
}

/** What stays the same when the broker sends a request again: its packet identifier and what it says. */
function identityOf({ packetId, topic, payload, properties }: InboundMessage): string {
  const hash = createHash('sha1').update(topic).update('\0').update(payload).update('\0')
  hash
    .update(properties?.responseTopic ?? '')
    .update('\0')
    .update(properties?.correlationData ?? '')
  return `${packetId} ${hash.digest('base64')}`
}
