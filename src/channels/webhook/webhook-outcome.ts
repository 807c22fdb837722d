/** What an answer, or none, says about a webhook: sent, or why not. */
import type { SendOutcome } from '../../ports/channel.ts'
import { cleanLine } from '../shared/clean-text.ts'
import { notAllowedCode } from './guarded-lookup.ts'
import type { HttpResult } from './http-call.ts'
import { field } from './presets/preset.ts'

type Failed = Extract<SendOutcome, { ok: false }>

const maxAnswerChars = 200
const maxRetryAfterMs = 24 * 3_600_000

export interface OutcomeContext {
  readonly host: string
  readonly timeoutMs: number
  /** The engine ended the attempt, or the connection was closed. */
  readonly stopped: boolean
  readonly nowMs: number
  readonly redact: (text: string) => string
  readonly idOf: (answer: unknown) => string | null
}

export function webhookOutcome(result: HttpResult, context: OutcomeContext): SendOutcome {
  return result.kind === 'answer' ? answered(result, context) : broken(result, context)
}

function answered(result: Extract<HttpResult, { kind: 'answer' }>, context: OutcomeContext): SendOutcome {
  const { host, redact, idOf, nowMs } = context
  const { status, headers, text } = result
  const answer = parseJson(text)
  if (status >= 200 && status < 300) return { ok: true, providerId: idOf(answer), state: 'sent' }
  const said = cleanLine(redact(cleanLine(text, 4000)), maxAnswerChars)
  const words = `(${status}${said === '' ? '' : `: ${said}`})`
  if (status >= 300 && status < 400) {
    return failed(
      'permanent',
      'not-allowed',
      `${host} wants it sent elsewhere (${status}), which is not followed; write the final URL.`,
    )
  }
  if (status === 429 || status === 425) {
    const wait = retryAfterMs(headers['retry-after'], answer, nowMs)
    return {
      ...failed('temporary', 'rate-limited', `${host} takes no more at the moment ${words}.`),
      ...wait,
    }
  }
  if (status === 408 || status >= 500 || status < 200) {
    const wait = retryAfterMs(headers['retry-after'], null, nowMs)
    const reason = status === 408 ? 'timeout' : 'server-error'
    return { ...failed('temporary', reason, `${host} has a failure of its own ${words}.`), ...wait }
  }
  if (status === 401 || status === 403 || status === 407)
    return failed(
      'permanent',
      'bad-credentials',
      `${host} does not allow it ${words}; check the URL, token and headers.`,
    )
  if (status === 404 || status === 410)
    return failed('permanent', 'bad-recipient', `${host} has no such webhook ${words}; check its URL.`)
  if (status === 413) return failed('permanent', 'too-large', `${host} finds the message too large ${words}.`)
  return failed('permanent', 'refused', `${host} refused the message ${words}.`)
}

/** From `Retry-After` (seconds or a date), else from the answer, as Discord and Telegram give it in seconds. */
function retryAfterMs(header: string | undefined, answer: unknown, nowMs: number): { retryAfterMs?: number } {
  const given =
    header === undefined
      ? undefined
      : /^\s*\d+(\.\d+)?\s*$/.test(header)
        ? Number(header)
        : (Date.parse(header) - nowMs) / 1000
  const inBody = field(answer, 'retry_after') ?? field(field(answer, 'parameters'), 'retry_after')
  const seconds = given ?? inBody
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds <= 0) return {}
  return { retryAfterMs: Math.min(Math.ceil(seconds * 1000), maxRetryAfterMs) }
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ENOTFOUND: 'there is no such host; check its name',
  EAI_AGAIN: 'its name cannot be looked up at the moment',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
}

function broken(
  { error, handedOver }: Extract<HttpResult, { kind: 'failed' }>,
  context: OutcomeContext,
): Failed {
  const { host, timeoutMs, stopped } = context
  const code = error.code ?? ''
  if (code === notAllowedCode) {
    const help = 'write allow_private: true in the receiver if that is meant'
    return failed('permanent', 'not-allowed', `${host} is this machine or its own network; ${help}.`)
  }
  const kind = handedOver ? 'ambiguous' : 'temporary'
  const sent = handedOver ? 'the request was sent, and may have been taken' : 'nothing was sent'
  const isTimeout = code === 'ABORT_ERR' || error.name === 'AbortError' || error.name === 'TimeoutError'
  if (stopped) return failed(kind, 'timeout', `The attempt to reach ${host} was ended; ${sent}.`)
  if (isTimeout || code === 'ETIMEDOUT')
    return failed(kind, 'timeout', `${host} did not answer within ${timeoutMs / 1000} s; ${sent}.`)
  if (/CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/.test(code))
    return failed(kind, 'tls', `The certificate of ${host} cannot be trusted (${code}); ${sent}.`)
  if (/^(ERR_SSL|ERR_TLS|EPROTO)/.test(code))
    return failed(kind, 'tls', `${host} does not speak TLS as it should (${code}); ${sent}.`)
  return failed(
    kind,
    'unreachable',
    `${host} cannot be reached: ${words[code] ?? 'it broke the connection'}; ${sent}.`,
  )
}

function failed(kind: Failed['kind'], reason: Failed['reason'], message: string): Failed {
  return { ok: false, kind, reason, message: cleanLine(message, 500) }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
