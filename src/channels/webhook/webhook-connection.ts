/** Sends webhooks; nothing is kept open between them. */
import type { ChannelConnection, SendOutcome, SendRequest } from '../../ports/channel.ts'
import { beginAttempt } from '../shared/attempt.ts'
import { redactor } from '../shared/redactor.ts'
import { guardedLookup } from './guarded-lookup.ts'
import { callHttp } from './http-call.ts'
import { presets } from './presets/index.ts'
import type { WebhookTarget } from './schema.ts'
import { signature, signatureHeader } from './signature.ts'
import { webhookOutcome } from './webhook-outcome.ts'
import { webhookRequests } from './webhook-request.ts'

const parallel = 10
const minSecretLevelChars = 6

/** `lookup` is the guarded one, unless a test stands in for a name server. */
export function connectWebhook(
  nowMs: () => number,
  lookup = guardedLookup(),
): ChannelConnection<WebhookTarget> {
  const closing = new AbortController()
  const running = new Set<Promise<unknown>>()

  async function attempt({
    deliveryId,
    notification,
    target,
    signal,
  }: SendRequest<WebhookTarget>): Promise<SendOutcome> {
    const made = webhookRequests(target, notification, deliveryId)
    if (!made.ok) return { ok: false, kind: 'permanent', reason: made.reason, message: made.message }
    const time = beginAttempt(signal, closing.signal, target.timeoutMs)
    const redact = redactor([...webhookSecrets(target), notification.ackUrl])
    const preset = target.preset === 'generic' ? null : presets[target.preset]
    let outcome: SendOutcome = { ok: true, providerId: null, state: 'sent' }
    for (const [index, request] of made.requests.entries()) {
      const key = headerText(made.requests.length === 1 ? deliveryId : `${deliveryId}.${index}`)
      const result = await callHttp({
        method: target.method,
        url: request.url,
        headers: headersOf(target, request.contentType, request.body, key),
        body: request.body,
        signal: time.signal,
        lookup: target.allowPrivate ? null : lookup,
        ca: target.ca,
        verify: target.verify,
      })
      outcome = webhookOutcome(result, {
        host: request.url.host,
        timeoutMs: target.timeoutMs,
        stopped: time.wasStopped(),
        nowMs: nowMs(),
        redact,
        idOf: (answer) => preset?.idOf?.(answer) ?? null,
      })
      if (!outcome.ok) return outcome
    }
    return outcome
  }

  function headersOf(
    target: WebhookTarget,
    contentType: string,
    body: Buffer,
    key: string,
  ): Record<string, string> {
    const { username, password } = new URL(target.url)
    const login = username === '' && password === '' ? null : `${decode(username)}:${decode(password)}`
    const headers: Record<string, string> = {
      accept: 'application/json',
      'user-agent': 'Tocsin',
      'content-type': contentType,
      ...(login === null ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
    }
    for (const [name, value] of Object.entries(target.headers)) headers[name.toLowerCase()] = value
    headers['idempotency-key'] = key
    if (target.secret !== null)
      headers[signatureHeader.toLowerCase()] = signature(target.secret, body, nowMs())
    return headers
  }

  return {
    parallel,
    send(request) {
      const sending = attempt(request).finally(() => running.delete(sending))
      running.add(sending)
      return sending
    },
    async close() {
      closing.abort()
      await Promise.allSettled(running)
    },
  }
}

/** Everything in a target that gives whoever knows it a way in, as a server's answer could repeat it. */
export function webhookSecrets({ url, headers, secret, routingKey }: WebhookTarget): (string | null)[] {
  const { pathname, search, searchParams, username, password } = new URL(url)
  const levels = pathname.split('/').filter((level) => level.length >= minSecretLevelChars)
  const values = Object.values(headers).flatMap((value) => [value, ...value.split(/\s+/).slice(1)])
  return [
    ...[`${pathname}${search}`.length > 1 ? `${pathname}${search}` : null, secret, routingKey],
    ...[
      decode(username),
      decode(password),
      ...levels,
      ...levels.map(decode),
      ...searchParams.values(),
      ...values,
    ],
  ]
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Visible ASCII, as a header wants it; different ids stay different. */
function headerText(id: string): string {
  return encodeURIComponent(id.toWellFormed()).slice(0, 500)
}
