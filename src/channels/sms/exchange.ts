/** What one request to Twilio has come to, for telling what that means. */
import type { IncomingHttpHeaders } from 'node:http'

/** Requests beyond this would wait for a connection while their time runs. */
export const maxConnections = 20

/** What one request has come to; it is there also when the request failed. */
export interface Exchange {
  /** The connection stood, so that the request may have been read. */
  sent: boolean
  status: number | null
  /** Headers of the answer, names in lower case. */
  headers: IncomingHttpHeaders
}

/** Why there is no answer; `code` is the system's or the TLS library's. */
export class TwilioHttpError extends Error {
  override readonly name = 'TwilioHttpError'
  readonly kind: 'ended' | 'connection' | 'tls' | 'too-large'
  readonly code: string

  constructor(kind: TwilioHttpError['kind'], code = '') {
    super(`no answer from Twilio: ${kind} ${code}`.trim())
    this.kind = kind
    this.code = code
  }
}
