/**
 * Requests that wait for their answers. Each has an id and a topic of its own, `response/<id>`: the MQTT 5 response
 * topic, and where responders answer that know only JSON, so that an answer arrives whichever of the two the
 * responder goes by. A request is sent once, never again.
 */
import { randomUUID } from 'node:crypto'
import type { IPublishPacket, MqttClient } from 'mqtt'
import { answersBelow } from '../../core/requests/answer-place.ts'
import { checkTopicName } from '../../core/topics/filter.ts'
import { reasonWords } from '../../mqtt/reason-words.ts'
import type { LinkFailure } from '../../ports/broker.ts'
import type { Clock } from '../../ports/clock.ts'
import { AnswerTopics } from './answer-topics.ts'
import { type Answered, failed, type RequestCode } from './answered.ts'
import { parseJson, requestBody } from './request-body.ts'
import type { Answer, AskOptions, RequestCounts } from './requester.ts'
import type { Connection, SteadyLinkEvents } from './steady-link.ts'

const defaultTimeoutMs = 5_000
const longestTimeoutMs = 86_400_000
/** Requests that wait for their PUBACK, when the broker allows as many. */
const windowMessages = 100
const requestLimitBytes = 1_048_576
const answerLimitBytes = 16_777_216
/** Nobody has subscribed to the topic (3.4.2.1). */
const noMatchingSubscribers = 0x10
/** What the topic and the properties of a request may take of its packet. */
const envelopeBytes = 512

/** One connection, as long as it lasts. */
interface Session {
  readonly client: MqttClient
  readonly isVersion5: boolean
  readonly maximumPacketBytes: number
  readonly topics: AnswerTopics
  /** How many requests may wait for their PUBACK. */
  readonly window: number
  unacknowledged: number
  /** By packet id (MQTT 5). */
  readonly published: Map<number, Asked>
}

/** One request that waits for its answer. */
interface Asked {
  readonly id: string
  readonly topic: string
  readonly named: boolean
  readonly text: string
  /** `waiting` for a connection, `subscribing` to its answer, `ready` and waiting for its turn, or `sent`. */
  state: 'waiting' | 'subscribing' | 'ready' | 'sent'
  /** The first call counts. */
  settle(answered: Answered<Answer, RequestCode>): void
}

export class InFlight implements SteadyLinkEvents {
  /** Of the broker, without secrets. */
  readonly #url: string
  readonly #clock: Clock
  readonly #inFlightLimit: number
  readonly #counts = { asked: 0, answered: 0, tooMany: 0, ignored: 0 }
  readonly #asked = new Map<string, Asked>()
  readonly #waiting = new Set<Asked>()
  readonly #ready = new Set<Asked>()
  #session: Session | null = null
  #failure: LinkFailure | null = null
  #closed = false

  constructor(url: string, clock: Clock, inFlightLimit: number) {
    this.#url = url
    this.#clock = clock
    this.#inFlightLimit = inFlightLimit
  }

  get connected(): boolean {
    return this.#session !== null
  }

  get counts(): RequestCounts {
    return { ...this.#counts }
  }

  up({ client, protocolVersion, greeting }: Connection): void {
    const session: Session = {
      client,
      isVersion5: protocolVersion === 5,
      maximumPacketBytes: greeting.maximumPacketBytes,
      topics: new AnswerTopics(client),
      window: Math.min(windowMessages, greeting.receiveMaximum),
      unacknowledged: 0,
      published: new Map(),
    }
    this.#session = session
    this.#failure = null
    client.on('message', (topic, payload, packet) => this.#hear(topic, payload, packet))
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'puback') this.#acknowledged(session, packet.messageId, packet.reasonCode)
    })
    for (const asked of this.#waiting) this.#subscribe(session, asked)
    this.#waiting.clear()
  }

  down(failure: LinkFailure): void {
    this.#session = null
    this.#failure = failure
    this.#ready.clear()
    for (const asked of [...this.#asked.values()]) {
      if (asked.state === 'sent') asked.settle(failed('link-lost', `${lostAfterSending} ${failure.message}`))
      else {
        asked.state = 'waiting'
        this.#waiting.add(asked)
      }
    }
  }

  /** See `Requester`. */
  ask(topic: string, json: string, options: AskOptions = {}): Promise<Answered<Answer, RequestCode>> {
    const { timeoutMs = defaultTimeoutMs, signal } = options
    const id = randomUUID()
    const body = requestBody(json, id)
    const wrong = checkTopicName(topic)
    if (wrong !== null) return settled('bad-request', `${wrong.message}. ${wrong.help ?? ''}`.trim())
    if (!body.ok) return settled('bad-request', body.message)
    if (!(timeoutMs > 0 && timeoutMs <= longestTimeoutMs))
      return settled('bad-request', 'The time to wait must be more than 0 ms and at most a day.')
    if (Buffer.byteLength(body.text) > requestLimitBytes)
      return settled('too-large', 'A request may have at most 1 MiB.')
    if (this.#closed) return settled('closed', closed)
    if (signal?.aborted === true) return settled('cancelled', cancelled)
    if (this.#asked.size >= this.#inFlightLimit) {
      this.#counts.tooMany++
      return settled('too-many', `There are ${this.#inFlightLimit} requests under way already.`)
    }
    this.#counts.asked++
    return new Promise((resolve) => {
      const cancelTimer = this.#clock.setTimer(this.#clock.now() + timeoutMs, () =>
        asked.settle(this.#late(asked, timeoutMs)),
      )
      const abort = () => asked.settle(failed('cancelled', cancelled))
      const asked: Asked = {
        id,
        topic,
        named: body.named,
        text: body.text,
        state: 'waiting',
        settle: (answered) => {
          if (!this.#asked.delete(id)) return
          cancelTimer()
          signal?.removeEventListener('abort', abort)
          this.#waiting.delete(asked)
          this.#ready.delete(asked)
          if (asked.state !== 'waiting') this.#session?.topics.leave(answerTopic(asked))
          resolve(answered)
        },
      }
      signal?.addEventListener('abort', abort)
      this.#asked.set(id, asked)
      if (this.#session === null) this.#waiting.add(asked)
      else this.#subscribe(this.#session, asked)
    })
  }

  /** Ends everything with `closed`; nothing is asked any more. */
  close(): void {
    this.#closed = true
    this.#session = null
    for (const asked of [...this.#asked.values()]) asked.settle(failed('closed', closed))
  }

  #late({ topic, state }: Asked, timeoutMs: number): Answered<never, RequestCode> {
    const within = `within ${timeoutMs / 1_000} s`
    if (state === 'sent') return failed('timeout', `Nobody answered ${within}.`)
    if (this.#session === null)
      return failed('link-lost', `There was no link to the broker ${within}. ${this.#failure?.message ?? ''}`)
    return failed('timeout', `The broker at ${this.#url} did not take the request on ${topic} ${within}.`)
  }

  #subscribe(session: Session, asked: Asked): void {
    if (!asked.named && !session.isVersion5) {
      asked.settle(failed('needs-mqtt-5', needsVersion5))
      return
    }
    asked.state = 'subscribing'
    session.topics.hear(answerTopic(asked), (code) => {
      if (this.#session !== session || this.#asked.get(asked.id) !== asked) return
      if (code >= 0x80) {
        asked.settle(
          failed(
            'refused',
            `The broker does not let this user hear ${answersBelow}#: ${reasonWords(code)}. ${aclHelp(asked)}`,
          ),
        )
        return
      }
      asked.state = 'ready'
      this.#ready.add(asked)
      this.#send(session)
    })
  }

  #send(session: Session): void {
    if (this.#session !== session) return
    for (const asked of this.#ready) {
      if (session.unacknowledged >= session.window) return
      this.#ready.delete(asked)
      this.#publish(session, asked)
    }
  }

  #publish(session: Session, asked: Asked): void {
    const { client, isVersion5, maximumPacketBytes } = session
    const { topic, text } = asked
    if (Buffer.byteLength(text) + Buffer.byteLength(topic) + envelopeBytes > maximumPacketBytes) {
      asked.settle(failed('too-large', `The broker takes packets of at most ${maximumPacketBytes} bytes.`))
      return
    }
    const properties = {
      responseTopic: answerTopic(asked),
      correlationData: Buffer.from(asked.id),
      contentType: 'application/json',
      payloadFormatIndicator: true,
    }
    asked.state = 'sent'
    session.unacknowledged++
    client.publish(topic, text, { qos: 1, ...(isVersion5 ? { properties } : {}) }, (error) => {
      session.unacknowledged--
      if (error !== undefined && error !== null) {
        // Other errors come when the connection has ended, which is told apart.
        if (!('code' in error) || typeof error.code !== 'number') return
        const words = `The broker does not let this user publish to ${topic}: ${reasonWords(error.code)}. ${aclHelp(asked)}`
        asked.settle(failed('refused', words))
      }
      this.#send(session)
    })
    const packetId = isVersion5 ? client.getLastMessageId() : null
    if (packetId !== null) session.published.set(packetId, asked)
  }

  #acknowledged({ published }: Session, packetId: number | undefined, reasonCode: number | undefined): void {
    if (packetId === undefined) return
    const asked = published.get(packetId)
    published.delete(packetId)
    if (reasonCode === noMatchingSubscribers)
      asked?.settle(failed('nobody-listens', `Nobody listens to ${asked.topic} on this broker.`))
  }

  #hear(topic: string, payload: Buffer, { properties }: IPublishPacket): void {
    const asked = topic.startsWith(answersBelow)
      ? this.#asked.get(topic.slice(answersBelow.length))
      : undefined
    const correlation = properties?.correlationData
    const json = payload.length > answerLimitBytes ? undefined : parseJson(payload.toString())
    if (
      asked?.state !== 'sent' ||
      (correlation !== undefined && correlation.toString() !== asked.id) ||
      isOfAnother(json, asked.id)
    ) {
      this.#counts.ignored++
      return
    }
    this.#counts.answered++
    if (payload.length > answerLimitBytes)
      asked.settle(failed('too-large', `The answer is larger than ${answerLimitBytes / 1_048_576} MiB.`))
    // The payload shares a buffer with what else was read, which an answer that is kept would keep alive.
    else asked.settle({ ok: true, value: { payload: Uint8Array.from(payload), json } })
  }
}

function answerTopic({ id }: Asked): string {
  return `${answersBelow}${id}`
}

/** Responders need not give the id back, but must not give another one. */
function isOfAnother(json: unknown, id: string): boolean {
  if (typeof json !== 'object' || json === null || !('request_id' in json)) return false
  return typeof json.request_id === 'string' && json.request_id !== id
}

function settled(...[code, message]: Parameters<typeof failed>): Promise<Answered<never, RequestCode>> {
  return Promise.resolve(failed(code, message))
}

const lostAfterSending = 'The link to the broker was lost before the answer came.'
const cancelled = 'The request was cancelled.'
const closed = 'The connection was closed.'
const needsVersion5 =
  'Only a JSON object can be asked over MQTT 3.1.1: the id of the request has no other place. Write an object, or use MQTT 5.'

function aclHelp({ topic }: Asked): string {
  return `Allow it to publish to ${topic} and to hear ${answersBelow}# in the access list of the broker.`
}
