/** What people answer to a text message, and what they are told then. Pure functions. */
import MessagingResponse from 'twilio/lib/twiml/MessagingResponse.js'
import { type CallbackForm, fieldOf } from './callbacks.ts'
import { phoneNumberPattern } from './phone-number.ts'
import { shortText } from './sms-text.ts'

export type Reply =
  /** Without a code: the latest that its sender was told of. */
  | { readonly kind: 'ack'; readonly code: string | null }
  | { readonly kind: 'resolve'; readonly code: string }
  /** No more messages to this number, until `start`. */
  | { readonly kind: 'stop' | 'start' | 'help' | 'unknown' }

export type Inbound =
  | {
      readonly ok: true
      readonly from: string
      /** The same for a request that Twilio repeats. */
      readonly messageSid: string
      readonly reply: Reply
    }
  | { readonly ok: false; readonly reason: 'malformed' | 'not-a-recipient' }

const maxReadChars = 200
const maxAnswerSegments = 1
/** Twilio takes these only when they are the whole message, and so do we. */
const stopWords = new Set(
  'STOP STOPALL UNSUBSCRIBE CANCEL END QUIT REVOKE OPTOUT ARRET ARRETE ARRETT'.split(' '),
)
const startWords = new Set(['START', 'UNSTOP', 'YES'])
const helpWords = new Set(['HELP', 'INFO'])
const ackWords = 'ACK|ACKED|ACKNOWLEDGE|ACKNOWLEDGED'
const resolveWords = 'RESOLVE|RESOLVED'

/** Tolerant of case, punctuation, quotes and what phones make of them. */
export function parseReply(text: string): Reply {
  const line =
    text
      .slice(0, maxReadChars)
      .trim()
      .split(/[\r\n]/)[0] ?? ''
  const words = line
    .normalize('NFKD')
    .toUpperCase()
    .replace(/[^A-Z0-9\s:]+/g, '')
    .replace(/[\s:]+/g, ' ')
    .trim()
    .replace(/^REPLY /, '')
  const whole = words.replaceAll(' ', '')
  if (stopWords.has(whole)) return { kind: 'stop' }
  if (startWords.has(whole)) return { kind: 'start' }
  if (helpWords.has(whole) || /^\s*\?+\s*$/.test(line)) return { kind: 'help' }
  if (new RegExp(`^(?:${ackWords})$`).test(words)) return { kind: 'ack', code: null }
  const ack = codeAfter(ackWords, words)
  if (ack !== null) return { kind: 'ack', code: ack }
  const resolve = codeAfter(resolveWords, words)
  return resolve === null ? { kind: 'unknown' } : { kind: 'resolve', code: resolve }
}

/** The code, as it was sent: hexadecimal digits, of which people read 0 as O and 1 as I or L. */
function codeAfter(commands: string, words: string): string | null {
  const apart = new RegExp(`^(?:${commands}) ([A-Z0-9]{3,12})(?: |$)`).exec(words)?.[1]
  // `ACK4F7`: only with a digit, or words that begin alike would be commands.
  const written = apart ?? new RegExp(`^(?:${commands})(?=[A-Z]*\\d)([A-Z0-9]{3,12})(?: |$)`).exec(words)?.[1]
  const code = written?.replaceAll('O', '0').replace(/[IL]/g, '1')
  return code !== undefined && /^[0-9A-F]+$/.test(code) ? code : null
}

/** `recipients` are the numbers in the configuration: nobody else may answer. */
export function parseInbound(form: CallbackForm, recipients: ReadonlySet<string>): Inbound {
  const from = fieldOf(form, 'From')
  const messageSid = fieldOf(form, 'MessageSid') ?? fieldOf(form, 'SmsSid')
  if (
    from === null ||
    !phoneNumberPattern.test(from) ||
    messageSid === null ||
    !/^\w{1,64}$/.test(messageSid)
  ) {
    return { ok: false, reason: 'malformed' }
  }
  if (!recipients.has(from)) return { ok: false, reason: 'not-a-recipient' }
  // With Advanced Opt-Out, Twilio knows keywords of its own and in other languages.
  const optOut = fieldOf(form, 'OptOutType')?.toUpperCase()
  const kind = optOut === 'STOP' ? 'stop' : optOut === 'START' ? 'start' : optOut === 'HELP' ? 'help' : null
  const reply: Reply = kind === null ? parseReply(fieldOf(form, 'Body') ?? '') : { kind }
  return { ok: true, from, messageSid, reply }
}

/** What came of it. */
export type ReplyResult =
  | { readonly kind: 'acked' | 'resolved'; readonly code: string; readonly title: string }
  /** Somebody was faster. */
  | { readonly kind: 'already'; readonly code: string; readonly by: string }
  | { readonly kind: 'no-such-code'; readonly code: string }
  | { readonly kind: 'nothing-open' | 'stop' | 'start' | 'help' | 'unknown' }

/** In words, or null when nothing should be answered: Twilio itself answers STOP, START and, mostly, HELP. */
export function answerText(result: ReplyResult): string | null {
  switch (result.kind) {
    case 'acked':
      return `Acknowledged ${result.code}: ${result.title}`
    case 'resolved':
      return `Resolved ${result.code}: ${result.title}`
    case 'already':
      return `${result.code} was already acknowledged by ${result.by}`
    case 'no-such-code':
      return `There is no open alert ${result.code}. Reply ACK for the latest one.`
    case 'nothing-open':
      return 'There is no open alert to acknowledge.'
    case 'stop':
    case 'start':
      return null
    case 'help':
    case 'unknown':
      return 'Reply ACK and the code to acknowledge, ACK for the latest alert, RESOLVE and the code to resolve, STOP for no more messages.'
  }
}

/** The body of the answer to an incoming message (TwiML), type `text/xml`; the text becomes one segment. */
export function twiml(text: string | null): string {
  const response = new MessagingResponse()
  const short = text === null ? '' : shortText(text, maxAnswerSegments).text
  if (short !== '') response.message(short)
  return response.toString()
}
