/** What Twilio's errors mean for a delivery, in words with a next step. */
import type { SendOutcome } from '../../ports/channel.ts'
import type { Exchange, TwilioHttpError } from './exchange.ts'

type Failure = Extract<SendOutcome, { ok: false }>
type Meaning = readonly [kind: Failure['kind'], reason: Failure['reason'], words: string]

const maxRetryAfterMs = 3_600_000

const number = (words: string): Meaning => ['permanent', 'bad-recipient', words]
const forbidden = (words: string): Meaning => ['permanent', 'not-allowed', words]
const sender: Meaning = [
  'permanent',
  'refused',
  'Twilio cannot send from `settings.twilio.from`; check there that the number can send text messages to this country',
]
const credentials: Meaning = [
  'permanent',
  'bad-credentials',
  'Twilio refused the credentials; check `account_sid` and `auth_token` in settings.twilio',
]
const inactive: Meaning = [
  'permanent',
  'bad-credentials',
  'the Twilio account is suspended or closed; see its console',
]
const limited: Meaning = ['temporary', 'rate-limited', 'Twilio asks to send more slowly']
const tooLong: Meaning = ['permanent', 'too-large', 'Twilio finds the message too long']

/** From twilio.com/docs/api/errors; codes that are not here are told by the status of the answer. */
const meanings: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  [20003, credentials],
  [20004, credentials],
  [20005, inactive],
  [20006, credentials],
  [
    20404,
    [
      'permanent',
      'bad-credentials',
      'Twilio does not know the account; check `account_sid` in settings.twilio',
    ],
  ],
  [20429, limited],
  [14107, limited],
  [21211, number('the number is not a phone number that Twilio can reach; check it in the receiver')],
  [21214, number('the number cannot be reached; check it in the receiver')],
  [21217, number('the number is not a valid phone number; check it in the receiver')],
  [21265, number('the number is a short code, which cannot get text messages')],
  [21266, number('the number is the one that the messages come from; write another in the receiver')],
  [21268, number('the number is a premium service, which cannot get text messages')],
  [21614, number('the number cannot get text messages; write the number of a mobile phone')],
  [
    21635,
    number('the number is a landline, which cannot get text messages; write the number of a mobile phone'),
  ],
  [
    21408,
    forbidden(
      'text messages to this country are not enabled; enable it under Geo permissions in the Twilio console',
    ),
  ],
  [
    21608,
    forbidden(
      'a trial account may only send to verified numbers; verify it in the Twilio console, or upgrade',
    ),
  ],
  [
    21610,
    forbidden('the owner of the number has answered STOP; only their answer START allows messages again'),
  ],
  [
    21609,
    [
      'permanent',
      'refused',
      'Twilio refused the address for delivery reports; check `public_url` in settings.twilio',
    ],
  ],
  [21212, sender],
  [21603, sender],
  [21606, sender],
  [21612, sender],
  [21659, sender],
  [21660, sender],
  [21661, sender],
  [21701, sender],
  [21703, sender],
  [21704, sender],
  [21705, sender],
  [21611, ['temporary', 'rate-limited', 'too many messages of this sender wait at Twilio']],
  [30001, limited],
  [63038, ['temporary', 'rate-limited', 'the Twilio account has reached its number of messages for today']],
  [21605, tooLong],
  [21617, tooLong],
  [30002, inactive],
  [30003, ['temporary', 'unreachable', 'the phone is off, out of reach or cannot get text messages']],
  [30004, forbidden('the phone or its network blocks the message')],
  [30005, number('the network does not know the number; check it in the receiver')],
  [30006, number('the number is a landline, or its network cannot be reached')],
  [
    30007,
    [
      'permanent',
      'refused',
      'the network took the message for spam; register the sender in the Twilio console',
    ],
  ],
  [30008, ['temporary', 'unreachable', 'the network did not say why it did not deliver the message']],
  [30032, forbidden('the toll-free number is not verified yet; verify it in the Twilio console')],
  [
    30034,
    forbidden('the sender is not registered for this country (A2P 10DLC); register it in the Twilio console'),
  ],
  [30044, ['permanent', 'too-large', 'a trial account cannot send so long a message']],
  [30410, ['temporary', 'unreachable', 'the network did not answer in time']],
])

/** Of an error code in an answer or a delivery report; null when it is not known here. */
export function failureOfCode(code: number): Failure | null {
  const meaning = meanings.get(code)
  if (meaning === undefined) return null
  const [kind, reason, words] = meaning
  return { ok: false, kind, reason, message: `${words} (Twilio error ${code})` }
}

export interface TwilioError {
  readonly status: number | null
  readonly code: number | null
  /** Twilio's own words, which may repeat what was sent. */
  readonly words: string | null
}

/** `redact` takes secrets out of Twilio's words. */
export function failureOfAnswer(
  { status, code, words }: TwilioError,
  { headers }: Exchange,
  nowMs: number,
  redact: (text: string) => string,
): Failure {
  const retryAfterMs = retryAfter(headers['retry-after'], nowMs)
  const wait = retryAfterMs === null ? {} : { retryAfterMs }
  const known = code === null ? null : failureOfCode(code)
  if (known !== null) return known.reason === 'rate-limited' ? { ...known, ...wait } : known
  const http = status ?? 0
  const said =
    words === null
      ? ''
      : `: ${redact(words)
          .replace(/[\s\p{Cc}]+/gu, ' ')
          .slice(0, 200)}`
  const error = code === null ? `status ${http}` : `error ${code}`
  const tell = (kind: Failure['kind'], reason: Failure['reason'], what: string): Failure => ({
    ok: false,
    kind,
    reason,
    message: `${what} (Twilio ${error})${said}`,
  })
  if (http === 429)
    return { ...tell('temporary', 'rate-limited', 'Twilio asks to send more slowly'), ...wait }
  if (http === 408) return tell('temporary', 'timeout', 'Twilio waited too long for the message')
  if (http === 503) return { ...tell('temporary', 'server-error', 'Twilio is not available'), ...wait }
  if (http >= 500)
    return tell('ambiguous', 'server-error', 'Twilio failed, perhaps after it took the message')
  if (http === 401 || (http === 403 && code !== null)) {
    return { ...tell('permanent', 'bad-credentials', credentials[2]) }
  }
  if (code !== null) return tell('permanent', 'refused', 'Twilio refused the message')
  if (http >= 400 || (http >= 300 && http < 400)) {
    return tell(
      'temporary',
      'refused',
      'something other than Twilio answered; check `base_url` in settings.twilio, and proxies on the way',
    )
  }
  return tell('ambiguous', 'server-error', 'Twilio answered in a way that cannot be read')
}

/** No answer came. `stopped` when we ended the attempt ourselves before its time. */
export function failureWithoutAnswer(error: TwilioHttpError, { sent }: Exchange, stopped: boolean): Failure {
  const code = error.code === '' ? '' : ` (${error.code})`
  if (error.kind === 'too-large') {
    return {
      ok: false,
      kind: 'ambiguous',
      reason: 'server-error',
      message: 'the answer of Twilio is too long to be read',
    }
  }
  if (sent) {
    const ended = error.kind === 'ended'
    return {
      ok: false,
      kind: 'ambiguous',
      reason: ended ? 'timeout' : 'unreachable',
      message: ended
        ? `${stopped ? 'the attempt was ended' : 'Twilio did not answer in time'}; the message may have been sent`
        : `the connection to Twilio broke; the message may have been sent${code}`,
    }
  }
  if (error.kind === 'ended') {
    const message = stopped
      ? 'the attempt was ended before anything was sent'
      : 'no connection to Twilio came about in time; check the network'
    return { ok: false, kind: 'temporary', reason: 'timeout', message }
  }
  if (error.kind === 'tls') {
    const message = `no secure connection to Twilio came about; check the clock, proxies, and \`base_url\`${code}`
    return { ok: false, kind: 'temporary', reason: 'tls', message }
  }
  const message = `Twilio cannot be reached; check the network, its names and firewalls${code}`
  return { ok: false, kind: 'temporary', reason: 'unreachable', message }
}

/** Seconds or a date [RFC 9110 10.2.3]; null when it says nothing useful. */
function retryAfter(header: string | undefined, nowMs: number): number | null {
  if (header === undefined) return null
  const ms = /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - nowMs
  return ms > 0 ? Math.min(ms, maxRetryAfterMs) : null
}
