/** What Twilio tells us over HTTP: whether it was Twilio, and what became of a message. Pure functions. */
import webhooks from 'twilio/lib/webhooks/webhooks.js'
import type { SendOutcome } from '../../ports/channel.ts'
import { failureOfCode } from './failures.ts'

/** A field that is there several times has a list. */
export type CallbackForm = Readonly<Record<string, string | readonly string[]>>

/** Twilio's own have about 20 fields and 2 KB; a long incoming message has 1,600 characters. */
const maxFields = 200
const maxFormChars = 65_536
const maxIdChars = 200

/** The fields of an `application/x-www-form-urlencoded` body; null when it is too large. */
export function parseCallbackForm(body: string): CallbackForm | null {
  if (body.length > maxFormChars) return null
  const fields = new Map<string, string[]>()
  for (const [name, value] of new URLSearchParams(body)) {
    const values = fields.get(name)
    if (values !== undefined) values.push(value)
    else if (fields.size < maxFields) fields.set(name, [value])
    else return null
  }
  return Object.fromEntries(
    [...fields].map(([name, values]) => [name, values.length > 1 ? values : (values[0] ?? '')]),
  )
}

/** The field's value; the first where it is there several times. */
export function fieldOf(form: CallbackForm, name: string): string | null {
  const value = Object.hasOwn(form, name) ? form[name] : undefined
  if (value === undefined || typeof value === 'string') return value ?? null
  return value[0] ?? null
}

export interface SignedRequest {
  /** Path and query as they were asked of the listener, for example `/twilio/status?delivery=7`. */
  readonly pathAndQuery: string
  readonly form: CallbackForm
  /** The header `X-Twilio-Signature`. */
  readonly signature: string | readonly string[] | undefined
}

/**
 * Whether Twilio made the request. The address is the configured one and never what the request says of itself:
 * a proxy may have changed that, and a forger may have chosen it.
 */
export function isFromTwilio(
  account: { readonly authToken: string; readonly publicUrl: string | null },
  { pathAndQuery, form, signature }: SignedRequest,
): boolean {
  if (account.publicUrl === null || typeof signature !== 'string' || signature === '') return false
  if (!pathAndQuery.startsWith('/')) return false
  const url = `${account.publicUrl}${pathAndQuery}`
  if (!URL.canParse(url)) return false
  return webhooks.validateRequest(account.authToken, signature, url, form)
}

export type DeliveryState = 'sent' | 'delivered' | 'undelivered'

export interface StatusReport {
  /** From the address of the callback; null when it names none. */
  readonly deliveryId: string | null
  readonly messageSid: string
  readonly state: DeliveryState
  /** Why it was not delivered; null for other states. */
  readonly failure: Extract<SendOutcome, { ok: false }> | null
}

const states: Readonly<Record<string, DeliveryState>> = {
  sent: 'sent',
  partially_delivered: 'sent',
  delivered: 'delivered',
  read: 'delivered',
  undelivered: 'undelivered',
  failed: 'undelivered',
  canceled: 'undelivered',
}

/** Null when it reports nothing that matters: the message is still on its way, or this is no report. */
export function parseStatusReport(pathAndQuery: string, form: CallbackForm): StatusReport | null {
  const messageSid = fieldOf(form, 'MessageSid') ?? fieldOf(form, 'SmsSid')
  const status = (fieldOf(form, 'MessageStatus') ?? fieldOf(form, 'SmsStatus') ?? '').toLowerCase()
  const state = Object.hasOwn(states, status) ? states[status] : undefined
  if (messageSid === null || messageSid === '' || messageSid.length > maxIdChars || state === undefined)
    return null
  const query = pathAndQuery.indexOf('?')
  const deliveryId = query < 0 ? null : new URLSearchParams(pathAndQuery.slice(query)).get('delivery')
  return {
    deliveryId:
      deliveryId === null || deliveryId === '' || deliveryId.length > maxIdChars ? null : deliveryId,
    messageSid,
    state,
    failure: state === 'undelivered' ? undelivered(status, fieldOf(form, 'ErrorCode')) : null,
  }
}

function undelivered(status: string, errorCode: string | null): Extract<SendOutcome, { ok: false }> {
  const code = errorCode !== null && /^\d{1,6}$/.test(errorCode) ? Number(errorCode) : null
  const known = code === null ? null : failureOfCode(code)
  if (known !== null) return known
  const message = `Twilio reports the message as ${status}${code === null ? '' : ` (Twilio error ${code})`}`
  return { ok: false, kind: 'permanent', reason: 'refused', message }
}

/** Reports overtake each other: what has been delivered stays so, and what failed too. */
export function laterState(now: DeliveryState, reported: DeliveryState): DeliveryState {
  return now === 'sent' ? reported : now
}
