/** From a message on `tocsin/request/<verb>` to what is asked, and where the answer goes. */
import type { Message } from '../../core/message.ts'
import {
  type AnswerPlace,
  findPlace,
  idFault,
  isRequestId,
  type MayAnswer,
  placeFault,
} from '../../core/requests/answer-place.ts'
import type { Asked } from '../../ports/control.ts'
import { badRequest } from './answer.ts'

export type ReadRequest =
  | {
      readonly kind: 'request'
      readonly verb: string
      /** The payload without its `request_id`. */
      readonly input: Readonly<Record<string, unknown>>
      readonly requestId: string | null
      readonly place: AnswerPlace
    }
  /** It cannot be done, and that can be told. */
  | {
      readonly kind: 'wrong'
      readonly asked: Asked<never>
      readonly requestId: string | null
      readonly place: AnswerPlace
    }
  /** Nothing is answered. `responseTopic`: where the answer was wanted and may not go. */
  | { readonly kind: 'dropped'; readonly responseTopic?: string }

export const requestTopics = 'tocsin/request/'
export const requestBytes = 65_536

/** Whether a topic is that of a request: one level below `tocsin/request`. */
export function isRequestTopic(topic: string): boolean {
  return topic.startsWith(requestTopics) && !topic.includes('/', requestTopics.length)
}

/** `oversized`: the message was longer than is taken in, so that its payload is not known. */
export function readRequest(message: Message, oversized: boolean, mayAnswer: MayAnswer): ReadRequest {
  // A stored request is an old one: it would be answered at every start.
  if (message.retain) return { kind: 'dropped' }
  const tooLarge = oversized || message.payload.length > requestBytes
  const body = tooLarge ? null : readBody(message.payload)
  const written = body?.fields?.request_id
  const requestId = isRequestId(written) ? written : null
  const found = findPlace(message.properties, requestId, mayAnswer)
  if (found.kind === 'nowhere') return { kind: 'dropped' }
  if (found.kind === 'refused') {
    const { responseTopic, place } = found
    if (place === null) return { kind: 'dropped', responseTopic }
    const asked = {
      ok: false,
      error: { code: 'bad-response-topic', message: placeFault(responseTopic) },
    } as const
    return { kind: 'wrong', asked, requestId, place }
  }
  const { place } = found
  if (body === null) {
    const asked = {
      ok: false,
      error: { code: 'too-large', message: 'The request is longer than 64 KiB.' },
    } as const
    return { kind: 'wrong', asked, requestId, place }
  }
  if (body.fields === null) return { kind: 'wrong', asked: badRequest(body.fault), requestId, place }
  if (written !== undefined && requestId === null) {
    return { kind: 'wrong', asked: badRequest(idFault('request_id')), requestId, place }
  }
  const { request_id: _, ...input } = body.fields
  return { kind: 'request', verb: message.topic.slice(requestTopics.length), input, requestId, place }
}

type Body =
  | { readonly fields: Readonly<Record<string, unknown>> }
  | { readonly fields: null; readonly fault: string }

function readBody(payload: Uint8Array): Body {
  if (payload.length === 0) return { fields: {} }
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
  } catch {
    return { fields: null, fault: 'The payload is not JSON. Write an object such as {"request_id": "1"}.' }
  }
  return isObject(value)
    ? { fields: value }
    : {
        fields: null,
        fault: 'The payload must be a JSON object such as {"request_id": "1"}, or empty.',
      }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
