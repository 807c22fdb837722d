/**
 * Carries one request of Twilio's library over HTTP, and keeps account of whether any of it was sent: a message
 * that surely never left may be sent again without asking.
 */
import http from 'node:http'
import https from 'node:https'
import { type Exchange, maxConnections, TwilioHttpError } from './exchange.ts'

/** Twilio's answers have a few kilobytes; lists of 50 messages about 50. */
const maxAnswerSizeBytes = 1_048_576
/** The parts of the library's request that are used. */
export interface TwilioRequest {
  readonly method?: string
  readonly uri?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly params?: object
  readonly data?: object
}

export interface TwilioAnswer {
  readonly statusCode: number
  readonly body: string
  readonly headers: http.IncomingHttpHeaders
}

export class TwilioHttp {
  readonly #baseUrl: string
  readonly #authorization: string
  readonly #agent: http.Agent

  constructor(account: {
    readonly baseUrl: string
    readonly accountSid: string
    readonly authToken: string
  }) {
    this.#baseUrl = account.baseUrl
    const credentials = Buffer.from(`${account.accountSid}:${account.authToken}`).toString('base64')
    this.#authorization = `Basic ${credentials}`
    const options = { keepAlive: false, maxSockets: maxConnections }
    this.#agent = account.baseUrl.startsWith('https:') ? new https.Agent(options) : new http.Agent(options)
  }

  /** `signal` ends it; the promise fails with a TwilioHttpError only. */
  request(asked: TwilioRequest, exchange: Exchange, signal: AbortSignal): Promise<TwilioAnswer> {
    if (signal.aborted) return Promise.reject(new TwilioHttpError('ended'))
    const target = this.#targetOf(asked)
    const body = asked.data === undefined ? null : formOf(asked.data).toString()
    const headers = {
      ...asked.headers,
      Authorization: this.#authorization,
      'User-Agent': 'tocsin',
      // No connection serves twice: one that the other side has just closed would leave a message in doubt.
      Connection: 'close',
      ...(body === null ? {} : { 'Content-Length': Buffer.byteLength(body) }),
    }
    const { promise, resolve, reject } = Promise.withResolvers<TwilioAnswer>()
    const isTls = target.protocol === 'https:'
    const request = (isTls ? https : http).request(target, {
      method: (asked.method ?? 'get').toUpperCase(),
      headers,
      agent: this.#agent,
    })
    const fail = (error: TwilioHttpError) => {
      reject(error)
      request.destroy()
    }
    const onAbort = () => fail(new TwilioHttpError('ended'))
    request.on('socket', (socket) => {
      if (request.reusedSocket) exchange.sent = true
      socket.once(isTls ? 'secureConnect' : 'connect', () => {
        exchange.sent = true
      })
    })
    request.on('error', (error) => reject(connectionError(error)))
    request.on('response', (response) => {
      exchange.status = response.statusCode ?? 0
      exchange.headers = response.headers
      const chunks: Buffer[] = []
      let sizeBytes = 0
      response.on('data', (chunk: Buffer) => {
        sizeBytes += chunk.length
        if (sizeBytes > maxAnswerSizeBytes) fail(new TwilioHttpError('too-large'))
        else chunks.push(chunk)
      })
      response.on('error', (error) => reject(connectionError(error)))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ statusCode: response.statusCode ?? 0, body: text, headers: response.headers })
      })
    })
    signal.addEventListener('abort', onAbort, { once: true })
    request.end(body ?? undefined)
    return promise.finally(() => signal.removeEventListener('abort', onAbort))
  }

  /** The library asks api.twilio.com; only what stands after the host is taken from it. */
  #targetOf(asked: TwilioRequest): URL {
    const { pathname, search } = new URL(asked.uri ?? '')
    const target = new URL(`${this.#baseUrl}${pathname}${search}`)
    if (asked.params !== undefined) {
      for (const [name, value] of formOf(asked.params)) target.searchParams.append(name, value)
    }
    return target
  }
}

function formOf(values: object): URLSearchParams {
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) {
    for (const item of Array.isArray(value) ? value : [value]) form.append(name, String(item))
  }
  return form
}

function connectionError(error: Error & { code?: unknown }): TwilioHttpError {
  const code = typeof error.code === 'string' ? error.code : ''
  const isTls = /CERT|^ERR_TLS|^ERR_SSL|SELF_SIGNED|^EPROTO$|UNABLE_TO_/.test(code)
  return new TwilioHttpError(isTls ? 'tls' : 'connection', code)
}
