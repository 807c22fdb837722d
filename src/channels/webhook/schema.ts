/** What is written below `webhook:` in a receiver. */
import { isIP } from 'node:net'
import { z } from 'zod'
import { compileValue } from '../../core/templates/compile.ts'
import { maxAttemptMs } from '../shared/attempt.ts'
import { addProblem, duration } from '../shared/schema-fields.ts'
import { isPublicAddress } from './address-guard.ts'
import { fieldRoots } from './notification-fields.ts'

const limits = { url: 2000, headers: 30, header: 4000, secret: 500 }
const presetNames = ['generic', 'slack', 'discord', 'telegram', 'ntfy', 'pagerduty'] as const
type Preset = (typeof presetNames)[number]

const written = z.strictObject({
  url: z
    .string()
    .max(limits.url, { error: 'the URL is too long' })
    .optional()
    .describe(`Where to send it; better as \${env:CHAT_URL}, as who knows it can often write there.`),
  preset: z.enum(presetNames).default('generic').describe('The service, whose form of messages is known.'),
  method: z.enum(['POST', 'PUT', 'PATCH']).default('POST').describe('For generic.'),
  headers: z
    .record(z.string(), z.string().max(limits.header))
    .default({})
    .describe('More HTTP headers, such as Authorization.'),
  body: z
    .union([z.string(), z.record(z.string(), z.unknown()), z.array(z.unknown())])
    .optional()
    .describe('For generic: a map or list that is sent as JSON, or a text; templates anywhere inside.'),
  secret: z
    .string()
    .min(8)
    .max(limits.secret)
    .optional()
    .describe('Signs what is sent, in X-Tocsin-Signature.'),
  chat_id: z
    .union([z.string().min(1), z.int()])
    .optional()
    .describe('For telegram: the chat or channel.'),
  token: z.string().min(1).optional().describe('For telegram: the token of the bot.'),
  routing_key: z.string().min(1).optional().describe('For pagerduty: the integration key of the service.'),
  allow_http: z.boolean().default(false).describe('Whether it may go unencrypted.'),
  allow_private: z.boolean().default(false).describe('Whether it may go to this machine or its own network.'),
  tls: z
    .strictObject({
      ca: z.string().optional().describe(`Authority to trust: PEM text from \${file:…}.`),
      verify: z.boolean().default(true).describe('false accepts any certificate: for trying out only.'),
    })
    .optional()
    .describe('How certificates are checked.'),
  timeout: duration('How long one attempt may take; 15s unless given.', 1000, maxAttemptMs).optional(),
})

type Written = z.output<typeof written>

export interface WebhookTarget {
  readonly preset: Preset
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  /** Templates; null for the service's own form. */
  readonly body: unknown
  readonly secret: string | null
  readonly chatId: string | null
  readonly routingKey: string | null
  readonly allowPrivate: boolean
  readonly ca: string | null
  readonly verify: boolean
  readonly timeoutMs: number
}

type Refuse = (
  path: PropertyKey[],
  message: string,
  help: string,
  more?: { code?: string; offset?: number },
) => void

export const webhookTargetSchema = written.transform((target, context): WebhookTarget => {
  let isWrong = false
  const refuse: Refuse = (...problem) => {
    isWrong = true
    addProblem(context, ...problem)
  }
  checkFields(target, refuse)
  const url = urlOf(target, refuse)
  checkHeaders(target.headers, refuse)
  checkBody(target.body, refuse)
  if (isWrong || url === null) return z.NEVER
  return {
    preset: target.preset,
    url,
    method: target.method,
    headers: target.headers,
    body: target.body ?? null,
    secret: target.secret ?? null,
    chatId: target.chat_id === undefined ? null : String(target.chat_id),
    routingKey: target.routing_key ?? null,
    allowPrivate: target.allow_private,
    ca: target.tls?.ca ?? null,
    verify: target.tls?.verify ?? true,
    timeoutMs: target.timeout ?? 15_000,
  }
})

/** Which fields belong to which service, and which of them it needs. */
const ownFields = { chat_id: 'telegram', token: 'telegram', routing_key: 'pagerduty' } as const

function checkFields(target: Written, refuse: Refuse): void {
  for (const [name, preset] of Object.entries(ownFields) as [keyof typeof ownFields, Preset][]) {
    if (target[name] !== undefined && target.preset !== preset)
      refuse([name], `\`${name}\` is for ${preset}`, `write preset: ${preset}, or leave it out`)
  }
  if (target.preset === 'telegram' && target.chat_id === undefined)
    refuse([], 'telegram needs a `chat_id`', 'write the number of the chat, or @name of a channel')
  if (target.preset === 'pagerduty' && target.routing_key === undefined)
    refuse([], 'pagerduty needs a `routing_key`', 'write the integration key of an Events API v2 integration')
  if (target.preset === 'generic') return
  if (target.body !== undefined)
    refuse(
      ['body'],
      `the preset ${target.preset} has a form of its own`,
      'leave out `body`, or write preset: generic',
    )
  if (target.method !== 'POST')
    refuse(['method'], `the preset ${target.preset} is always sent with POST`, 'leave out `method`')
}

const usualUrls: Partial<Record<Preset, (target: Written) => string | null>> = {
  pagerduty: () => 'https://events.pagerduty.com/v2/enqueue',
  telegram: ({ token }) => (token === undefined ? null : `https://api.telegram.org/bot${token}/sendMessage`),
}

/** No message shows the URL: it often is the secret. */
function urlOf(target: Written, refuse: Refuse): string | null {
  const text = target.url ?? usualUrls[target.preset]?.(target) ?? null
  if (target.preset === 'telegram' && target.token !== undefined && target.url !== undefined)
    refuse(['token'], 'there is a `token` and a `url`', 'keep the token')
  if (text === null) {
    const needs = target.preset === 'telegram' ? 'a `token`' : 'a `url`'
    refuse(
      [],
      `the webhook needs ${needs}`,
      target.preset === 'telegram' ? 'write the token of the bot' : 'write url: https://…',
    )
    return null
  }
  const url = URL.parse(text)
  if (
    url === null ||
    (url.protocol !== 'https:' && url.protocol !== 'http:') ||
    /[\0-\u0020\u007f]/.test(text)
  ) {
    refuse(['url'], 'this is not the URL of a webhook', 'write one that begins with https://')
    return null
  }
  if (url.protocol === 'http:' && !target.allow_http)
    refuse(['url'], 'the webhook would go unencrypted', 'write https://, or allow_http: true')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isInside = isIP(host) === 0 ? /(^|\.)localhost\.?$/.test(host) : !isPublicAddress(host)
  if (isInside && !target.allow_private)
    refuse(
      ['url'],
      `\`${host}\` is this machine or its own network`,
      'write allow_private: true if that is meant',
    )
  if (target.preset === 'ntfy' && !/^\/(.+\/)?[-_A-Za-z0-9]{1,64}\/?$/.test(url.pathname))
    refuse(['url'], 'the URL of ntfy ends with the topic', 'write one such as https://ntfy.sh/my-alerts')
  return url.href
}

const ownHeaders =
  /^(host|content-length|transfer-encoding|connection|upgrade|te|trailer|expect|idempotency-key|x-tocsin-signature)$/i

function checkHeaders(headers: Readonly<Record<string, string>>, refuse: Refuse): void {
  const names = Object.keys(headers)
  if (names.length > limits.headers)
    refuse(['headers'], 'there are too many headers', `write at most ${limits.headers}`)
  for (const name of names) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/.test(name))
      refuse(['headers', name], 'this cannot be the name of a header', 'use letters, digits and `-`')
    else if (ownHeaders.test(name))
      refuse(['headers', name], `\`${name}\` is set by Tocsin itself`, 'leave it out')
    if (!/^[\t\u0020-\u007e]*$/.test(headers[name] ?? ''))
      refuse(
        ['headers', name],
        `the value of \`${name}\` cannot stand in a header`,
        'use one line of plain ASCII',
      )
  }
}

function checkBody(body: unknown, refuse: Refuse): void {
  const compiled = compileValue(body ?? null, fieldRoots)
  if (compiled.ok) return
  for (const { code, message, help, path, offset } of compiled.problems)
    refuse(['body', ...path], message, help ?? '', { code, ...(offset === undefined ? {} : { offset }) })
}
