/** What became of a request: its answer, or why there is none. */

export type Answered<T, Code extends string = string> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: RequestFailure<Code> }

export interface RequestFailure<Code extends string> {
  /** A `RequestCode`, or that of an error with which Tocsin answered. */
  readonly code: Code
  /** In plain English, with what to do. */
  readonly message: string
}

/** Why a request has no answer that could be used. */
export type RequestCode =
  /** Nobody answered within the time. */
  | 'timeout'
  | 'cancelled'
  /** The link to the broker was lost after the request was sent, or was not there in time. It is not sent again. */
  | 'link-lost'
  /** The broker does not allow to publish the request, or to hear the answer. */
  | 'refused'
  /** The broker knows that nobody has subscribed to the topic (MQTT 5). */
  | 'nobody-listens'
  /** As many requests as may be are under way. */
  | 'too-many'
  /** The request, or its answer. */
  | 'too-large'
  /** The answer is not what it should be. */
  | 'malformed'
  /** It cannot be sent as it is: the topic, the data, the time to wait. */
  | 'bad-request'
  /** What is no JSON object has no place for an id, and so needs MQTT 5. */
  | 'needs-mqtt-5'
  /** The requester was closed. */
  | 'closed'

export function failed(code: RequestCode, message: string) {
  return { ok: false, error: { code, message } } as const
}
