/**
 * Where the answer to a request goes: to its MQTT 5 response topic with its correlation data, else to
 * `response/<request_id>`. Only topics that the settings allow are published to, and never Tocsin's own, so that
 * no request makes Tocsin speak where it should not, or to itself.
 */
import type { MessageProperties } from '../message.ts'
import { checkTopicName, parsePlainFilter } from '../topics/filter.ts'
import { Matcher } from '../topics/matcher.ts'
import { quoted } from '../topics/topic-text.ts'

export interface AnswerPlace {
  readonly topic: string
  /** Given back as it came [MQTT-3.3.2-16]. */
  readonly correlationData: Uint8Array | null
}

export type FoundPlace =
  | { readonly kind: 'place'; readonly place: AnswerPlace }
  /** The response topic is refused; `place`: where that can be told, if anywhere. */
  | { readonly kind: 'refused'; readonly responseTopic: string; readonly place: AnswerPlace | null }
  /** There is no way to answer. */
  | { readonly kind: 'nowhere' }

/** Whether answers may be published to a topic name. */
export type MayAnswer = (topic: string) => boolean

const requestIdLength = 128
/** Topics below it are answered to when a request has no response topic. */
export const answersBelow = 'response/'

/** `respondTo`: plain filters; a bad one is an error of programming and throws. */
export function makeMayAnswer(respondTo: readonly string[]): MayAnswer {
  const entries = respondTo.map((text) => {
    const filter = parsePlainFilter(text)
    if (!filter.ok) throw new TypeError(`respond_to: ${filter.problems[0]?.message ?? text}`)
    return { filter: filter.value, value: true }
  })
  // Hardly any topic of an answer is seen again: nothing is kept of them.
  const matcher = new Matcher(entries, { entries: 0, sizeBytes: 0 })
  return (topic) =>
    checkTopicName(topic) === null && !/^(tocsin(\/|$)|\$)/.test(topic) && matcher.match(topic).length > 0
}

/** A request id is also a level of a topic: 1 to 128 characters without `/`, wildcards and control characters. */
export function isRequestId(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length <= requestIdLength &&
    !value.includes('/') &&
    checkTopicName(value) === null
  )
}

/** For the requester: why its id, in that field, cannot be used. */
export function idFault(field: string): string {
  return `\`${field}\` must be a text of 1 to ${requestIdLength} characters without /, +, # and control characters.`
}

/** For the requester: why its answer does not go where it wants it. */
export function placeFault(responseTopic: string): string {
  return `Answers may not go to ${quoted(responseTopic)}: \`settings.respond_to\` says where they may.`
}

export function findPlace(
  properties: MessageProperties | null,
  requestId: string | null,
  mayAnswer: MayAnswer,
): FoundPlace {
  const given = properties?.correlationData
  // What was read together shares one buffer, which an answer that waits would keep alive: hence the copy.
  const correlationData = given === undefined ? null : Uint8Array.from(given)
  const responseTopic = properties?.responseTopic
  if (responseTopic !== undefined && mayAnswer(responseTopic))
    return { kind: 'place', place: { topic: responseTopic, correlationData } }
  const byId = requestId === null ? null : `${answersBelow}${requestId}`
  const place = byId === null || !mayAnswer(byId) ? null : { topic: byId, correlationData }
  if (responseTopic === undefined) return place === null ? { kind: 'nowhere' } : { kind: 'place', place }
  return { kind: 'refused', responseTopic, place }
}
