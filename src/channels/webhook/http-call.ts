/** One HTTP request over a connection of its own: no redirects, no proxy, no more of the answer than is of use. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { isPublicAddress } from './address-guard.ts'
import { notAllowed } from './guarded-lookup.ts'

/** What is said in more than this is not read. */
const maxAnswerBytes = 65_536

export interface HttpCall {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly signal: AbortSignal
  /** Null: every address is allowed. */
  readonly lookup: LookupFunction | null
  readonly ca: string | null
  readonly verify: boolean
}

export type HttpResult =
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly headers: IncomingMessage['headers']
      readonly text: string
    }
  | {
      readonly kind: 'failed'
      readonly error: NodeJS.ErrnoException
      /** Whether the other side may have the whole request. */
      readonly handedOver: boolean
    }

/** Never rejects. */
export function callHttp(call: HttpCall): Promise<HttpResult> {
  const { method, url, headers, body, signal, lookup, ca, verify } = call
  const isTls = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const { promise, resolve } = Promise.withResolvers<HttpResult>()
  // Node asks no lookup about what is an address already.
  if (lookup !== null && isIP(host) !== 0 && !isPublicAddress(host)) {
    resolve({ kind: 'failed', error: notAllowed(), handedOver: false })
    return promise
  }
  let handedOver = false
  const fail = (error: NodeJS.ErrnoException) => resolve({ kind: 'failed', error, handedOver })
  if (signal.aborted) {
    fail(Object.assign(new Error('ended before it began'), { code: 'ABORT_ERR' }))
    return promise
  }
  const options = {
    ...{ method, host, path: `${url.pathname}${url.search}`, signal },
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    ...(lookup === null ? {} : { lookup }),
    headers: { ...headers, 'content-length': String(body.byteLength) },
  }
  // A connection that was kept could be closed by the other side just as it is used: then nobody would know.
  const request = isTls
    ? httpsRequest({
        ...options,
        agent: new HttpsAgent({ keepAlive: false }),
        rejectUnauthorized: verify,
        minVersion: 'TLSv1.2',
        ...(isIP(host) === 0 ? { servername: host } : {}),
        ...(ca === null ? {} : { ca }),
      })
    : httpRequest({ ...options, agent: new HttpAgent({ keepAlive: false }) })
  // Comes when the last byte is with the system, so after connecting and after the agreement on TLS.
  request.once('finish', () => {
    handedOver = true
  })
  let onError = fail
  request.on('error', (error) => onError(error))
  request.once('response', (response) => {
    const chunks: Buffer[] = []
    let sizeBytes = 0
    // The status is the answer; whatever happens to the rest of it changes nothing.
    const answer = () => {
      const text = Buffer.concat(chunks).toString('utf8').slice(0, maxAnswerBytes)
      resolve({ kind: 'answer', status: response.statusCode ?? 0, headers: response.headers, text })
      request.destroy()
    }
    onError = answer
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      sizeBytes += chunk.byteLength
      if (sizeBytes >= maxAnswerBytes) answer()
    })
    response.once('end', answer)
    response.once('error', answer)
    response.once('close', answer)
  })
  request.end(body)
  return promise
}
