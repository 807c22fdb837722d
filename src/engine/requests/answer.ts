/** What is answered to a request, and how it is written. */
import { closest } from '../../core/conditions/did-you-mean.ts'
import type { OutboundMessage } from '../../core/message.ts'
import type { AnswerPlace } from '../../core/requests/answer-place.ts'
import type { AskError, Asked } from '../../ports/control.ts'

/** An answer is one JSON object: `data` is null after an error, `error` is null otherwise. */
export interface Answer {
  readonly status: 'success' | 'error'
  readonly data: unknown
  readonly error: AskError | null
  readonly request_id: string | null
}

/** Longer answers are replaced by an error; lists come in pages that stay well below it. */
const answerBytes = 256 * 1024

export function answerMessage(
  asked: Asked<unknown>,
  requestId: string | null,
  place: AnswerPlace,
  qos: 0 | 1,
): OutboundMessage {
  const payload = Buffer.from(JSON.stringify(answerOf(asked, requestId)))
  if (payload.length > answerBytes) {
    const message = 'The answer is longer than 256 KiB. Ask for fewer with `limit`.'
    return answerMessage({ ok: false, error: { code: 'too-large', message } }, requestId, place, qos)
  }
  const correlation = place.correlationData === null ? {} : { correlationData: place.correlationData }
  return {
    topic: place.topic,
    payload,
    qos,
    retain: false,
    // On MQTT 3.1.1 they are left out when the message is sent.
    properties: { contentType: 'application/json', payloadFormatIndicator: true, ...correlation },
  }
}

export function badRequest(message: string): { readonly ok: false; readonly error: AskError } {
  return { ok: false, error: { code: 'bad-request', message } }
}

export function unknownVerb(
  verb: string,
  verbs: readonly string[],
): { readonly ok: false; readonly error: AskError } {
  const near = closest(verb, verbs)
  const hint = near === null ? `There is: ${verbs.join(', ')}.` : `Did you mean ${near}?`
  return {
    ok: false,
    error: { code: 'unknown-verb', message: `There is no request "${verb.slice(0, 60)}". ${hint}` },
  }
}

function answerOf(asked: Asked<unknown>, requestId: string | null): Answer {
  return asked.ok
    ? { status: 'success', data: asked.value, error: null, request_id: requestId }
    : { status: 'error', data: null, error: asked.error, request_id: requestId }
}
