/**
 * Asks a running Tocsin over MQTT and waits for the answers: many at once over one connection, each with an id of
 * its own. An answer is listened to on `response/<id>`, which is also the MQTT 5 response topic, so that it arrives
 * whichever version of MQTT Tocsin itself speaks.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import type { MqttClient } from 'mqtt'
import { type BrokerOptions, resolveOptions } from '../../mqtt/connect-options.ts'
import { connectPlain } from '../../mqtt/plain-client.ts'
import { reasonWords } from '../../mqtt/reason-words.ts'
import type { LinkFailure } from '../../ports/broker.ts'
import type { Clock } from '../../ports/clock.ts'
import { readAnswer } from './read-answer.ts'
import type { Answered, RequestError, Requests } from './requests.ts'

/** As for a running Tocsin, but never with its client id: each requester has a random one. */
export type RequesterOptions = Omit<BrokerOptions, 'name' | 'clientId'>

export interface AskOptions {
  /** How long to wait for the answer, ms. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Requester {
  /** Where it is connected to, without secrets. */
  readonly url: string
  /** Never rejects. May be called many times at once. */
  ask<V extends keyof Requests>(
    verb: V,
    input: Requests[V]['input'],
    options?: AskOptions,
  ): Promise<Answered<Requests[V]['answer']>>
  /** Ends the connection, and what is still asked with `link-lost`. */
  close(): Promise<void>
}

export type Connected =
  | { readonly ok: true; readonly requester: Requester }
  | { readonly ok: false; readonly failure: LinkFailure }

const defaultTimeoutMs = 5_000
const connectTimeoutMs = 5_000
const inFlightLimit = 1_000
/** Nobody has subscribed to the topic (3.4.2.1). */
const noMatchingSubscribers = 0x10

/** Connects once. When the link is lost it stays so: connect anew. */
export async function connectRequester(
  options: RequesterOptions,
  { clock }: { readonly clock: Clock },
): Promise<Connected> {
  const settings = resolveOptions({
    connectTimeoutMs,
    ...options,
    name: 'request',
    // A 3.1.1 broker need not take client ids of more than 23 characters [MQTT-3.1.3-5].
    clientId: `tocsin-ask-${randomBytes(6).toString('hex')}`,
  })
  const made = await connectPlain(settings)
  if (!made.ok) return { ok: false, failure: made.failure }
  return { ok: true, requester: new MqttRequester(made.client, settings.endpoint.shown, clock) }
}

/** One request that waits. */
interface Asked {
  readonly verb: string
  readonly topic: string
  /** The first call counts. */
  settle(answered: Answered<unknown>): void
}

class MqttRequester implements Requester {
  readonly url: string
  readonly #client: MqttClient
  readonly #clock: Clock
  /** By the topic of the answer. */
  readonly #asked = new Map<string, Asked>()
  /** By the packet id of the published request, until it is acknowledged. */
  readonly #published = new Map<number, Asked>()
  #lost = false

  constructor(client: MqttClient, url: string, clock: Clock) {
    this.url = url
    this.#client = client
    this.#clock = clock
    client.on('message', (topic, payload, { retain }) => {
      if (!retain) this.#asked.get(topic)?.settle(readAnswer(payload, topic.slice(topic.indexOf('/') + 1)))
    })
    client.on('packetreceive', (packet) => {
      if (packet.cmd !== 'puback' || packet.messageId === undefined) return
      const asked = this.#published.get(packet.messageId)
      this.#published.delete(packet.messageId)
      if (packet.reasonCode === noMatchingSubscribers) asked?.settle(failed('nobody-listens', nobodyListens))
    })
    client.on('close', () => this.#lose())
  }

  ask<V extends keyof Requests>(
    verb: V,
    input: Requests[V]['input'],
    { timeoutMs = defaultTimeoutMs, signal }: AskOptions = {},
  ): Promise<Answered<Requests[V]['answer']>> {
    const id = randomUUID()
    return new Promise((resolve) => {
      if (this.#lost) return resolve(failed('link-lost', linkLost))
      if (signal?.aborted === true) return resolve(failed('cancelled', cancelled))
      if (this.#asked.size >= inFlightLimit) return resolve(failed('too-many', tooMany))
      const topic = `response/${id}`
      const cancelTimer = this.#clock.setTimer(this.#clock.now() + timeoutMs, () =>
        asked.settle(failed('no-answer', `Nobody answered within ${timeoutMs / 1_000} s.`)),
      )
      const abort = () => asked.settle(failed('cancelled', cancelled))
      const asked: Asked = {
        verb,
        topic,
        settle: (answered) => {
          if (!this.#asked.delete(topic)) return
          cancelTimer()
          signal?.removeEventListener('abort', abort)
          if (!this.#lost) this.#client.unsubscribe(topic)
          // What the answer holds is Tocsin's promise: the types say what that is.
          resolve(answered as Answered<Requests[V]['answer']>)
        },
      }
      signal?.addEventListener('abort', abort)
      this.#asked.set(topic, asked)
      this.#listen(asked, JSON.stringify({ ...input, request_id: id }))
    })
  }

  async close(): Promise<void> {
    this.#lose()
    await new Promise<void>((resolve) => this.#client.end(false, {}, () => resolve()))
  }

  #listen(asked: Asked, payload: string): void {
    this.#client.subscribe(asked.topic, { qos: 1 }, (error, _granted, suback) => {
      if (!this.#asked.has(asked.topic)) return
      const code = suback?.granted[0]
      if (typeof code === 'number' && code >= 0x80) {
        const words = `The broker refused to let it hear response/#: ${reasonWords(code)}. ${aclHelp}`
        asked.settle(failed('refused', words))
      } else if (error !== null) asked.settle(failed('link-lost', linkLost))
      else this.#publish(asked, payload)
    })
  }

  #publish(asked: Asked, payload: string): void {
    const { verb, topic } = asked
    const properties = {
      responseTopic: topic,
      correlationData: Buffer.from(topic),
      contentType: 'application/json',
      payloadFormatIndicator: true,
    }
    const isVersion5 = this.#client.options.protocolVersion === 5
    this.#client.publish(
      `tocsin/request/${verb}`,
      payload,
      { qos: 1, ...(isVersion5 ? { properties } : {}) },
      (error) => {
        if (error === undefined || error === null) return
        const words = `The broker refused tocsin/request/${verb}: ${error.message}. ${aclHelp}`
        asked.settle(failed('refused', words))
      },
    )
    if (!isVersion5) return
    const packetId = this.#client.getLastMessageId()
    if (packetId !== null) this.#published.set(packetId, asked)
  }

  #lose(): void {
    this.#lost = true
    this.#published.clear()
    for (const asked of [...this.#asked.values()]) asked.settle(failed('link-lost', linkLost))
  }
}

const linkLost = 'The link to the broker was lost before the answer came.'
const cancelled = 'It was cancelled.'
const tooMany = `There are ${inFlightLimit} requests under way already.`
const nobodyListens = 'No Tocsin listens to requests on this broker.'
const aclHelp =
  'Allow this user to publish to tocsin/request/# and to hear response/# in the access list of the broker.'

function failed(code: string, message: string): { readonly ok: false; readonly error: RequestError } {
  return { ok: false, error: { code, message } }
}
