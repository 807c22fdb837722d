/** The channel for text messages, through Twilio or a gateway that speaks as it does. */
import type { Notification } from '../../core/alerts/notification.ts'
import type {
  Channel,
  ChannelConnection,
  CheckOutcome,
  FindRequest,
  SendOutcome,
  SendRequest,
} from '../../ports/channel.ts'
import { type Attempt, beginAttempt } from '../shared/attempt.ts'
import { redactor } from '../shared/redactor.ts'
import { type TwilioAccount, twilioAccountSchema } from './account.ts'
import { statusCallbackUrl } from './callback-urls.ts'
import { type Exchange, maxConnections, TwilioHttpError } from './exchange.ts'
import { failureOfAnswer, failureOfCode, failureWithoutAnswer, type TwilioError } from './failures.ts'
import { type SmsText, smsText } from './sms-text.ts'
import { type SmsTarget, smsTargetSchema } from './target.ts'

type Messages = import('./twilio-messages.ts').Messages
type MessagesOver = (exchange: Exchange, signal: AbortSignal) => Messages
type Failure = Extract<SendOutcome, { ok: false }>

export const sms: Channel<SmsTarget, TwilioAccount> = {
  name: 'sms',
  description: 'Text messages to phones, through Twilio; answers acknowledge.',
  capabilities: { reportsDelivery: true, takesReplies: true, costs: true },
  targetSchema: smsTargetSchema,
  accountName: 'twilio',
  accountSchema: twilioAccountSchema,
  targets: ({ to }) => to.map((number) => ({ address: number, target: { to: [number] } })),
  preview: ({ notification, target }, account) => {
    const { text } = account === null ? smsText(notification, plainLimits) : textFor(account, notification)
    return { to: onlyNumber(target), subject: null, text }
  },
  terms: (account) => ({ caps: account?.caps ?? null, price: account?.price ?? null, keepsStatus: false }),
  connect: (account, { nowMs }) => new SmsConnection(account, nowMs),
}

/** Without an account a text is shown as the plainest one would send it, with the code that answers it. */
const plainLimits = { segments: 1, prefix: '', replies: true }

/** The text that a notification becomes with this account: the same each time, so that it can be found again. */
export function textFor(account: TwilioAccount, notification: Notification): SmsText {
  return smsText(notification, {
    segments: account.maxSegments,
    prefix: account.prefix,
    replies: account.publicUrl !== null,
  })
}

/** A page of Twilio's list: more than the caps let through to one number in the time an attempt takes. */
const listedMessages = 50
/** Twilio's list may lag behind what it took: what is missing so soon may still appear. */
const listLagMs = 5_000
/** Messages known to belong to another delivery are never taken for the one that is looked for. */
const maxKnownSids = 2_000

class SmsConnection implements ChannelConnection<SmsTarget> {
  readonly parallel = maxConnections
  readonly #account: TwilioAccount
  readonly #nowMs: () => number
  #client: Promise<MessagesOver> | null = null
  readonly #redact: (text: string) => string
  readonly #closing = new AbortController()
  /** Message id → delivery id, oldest first. */
  readonly #known = new Map<string, string>()

  constructor(account: TwilioAccount, nowMs: () => number) {
    this.#account = account
    this.#nowMs = nowMs
    this.#redact = redactor([account.authToken, account.accountSid])
  }

  cost(notification: Notification): { readonly units: number; readonly price: number | null } {
    return { units: textFor(this.#account, notification).segments, price: this.#account.price }
  }

  async send({ deliveryId, notification, target, signal }: SendRequest<SmsTarget>): Promise<SendOutcome> {
    const { from, publicUrl } = this.#account
    const text = textFor(this.#account, notification)
    const number = onlyNumber(target)
    const asked = await this.#ask(signal, async (messages) => {
      const created = await messages.create({
        to: number,
        body: text.text,
        ...(/^MG/i.test(from) && from.length === 34 ? { messagingServiceSid: from } : { from }),
        ...(publicUrl === null ? {} : { statusCallback: statusCallbackUrl(publicUrl, deliveryId) }),
      })
      if (typeof created.sid !== 'string' || created.sid === '')
        throw new SyntaxError('an answer without sid')
      this.#remember(created.sid, deliveryId)
      return outcomeOf(created, text.segments)
    })
    if (asked.ok) return asked.value
    const { failure } = asked
    // Sooner, the list of messages would not tell what became of it.
    return failure.kind === 'ambiguous' ? { ...failure, retryAfterMs: listLagMs + 1_000 } : failure
  }

  /**
   * Twilio takes no key by which it would recognise a repeated request, so its list of messages is asked: ours has
   * this number, this text, and was made after the attempt began. What is surely not there may be sent again.
   */
  async find(request: FindRequest<SmsTarget>): Promise<SendOutcome | null> {
    const { deliveryId, notification, target, signal, attemptedMs } = request
    const text = textFor(this.#account, notification)
    const number = onlyNumber(target)
    const asked = await this.#ask(signal, async (messages, exchange): Promise<SendOutcome | null> => {
      const page = await messages.page({ to: number, pageSize: listedMessages })
      const aheadMs = clockAheadMs(exchange, this.#nowMs())
      // Its times are whole seconds; what bears none may be recent.
      const since = page.instances.filter(
        ({ dateCreated }) => !(Number(dateCreated ?? Number.NaN) - aheadMs < attemptedMs - 2_000),
      )
      const ours = since.find(
        ({ sid, body, direction }) =>
          // Trial accounts put words of their own before the text.
          direction !== 'inbound' && body?.endsWith(text.text) && this.#mayBe(sid, deliveryId),
      )
      if (ours !== undefined) {
        this.#remember(ours.sid, deliveryId)
        return outcomeOf(ours, text.segments)
      }
      const isWhole = since.length < page.instances.length || page.instances.length < listedMessages
      const hidden = since.some(({ body }) => !body)
      if (!isWhole || hidden || this.#nowMs() - attemptedMs < listLagMs) return null
      const message = 'Twilio has not got the message; it may be sent again'
      return { ok: false, kind: 'temporary', reason: 'timeout', message }
    })
    // Not being able to ask says nothing about the message.
    return asked.ok ? asked.value : { ...asked.failure, kind: 'ambiguous' }
  }

  /** Reads the account itself, for which Twilio asks the same credentials as for a message. */
  async check(signal: AbortSignal): Promise<CheckOutcome> {
    const exchange: Exchange = { sent: false, status: null, headers: {} }
    const attempt = beginAttempt(signal, this.#closing.signal, this.#account.timeoutMs)
    try {
      const { fetchAccount } = await import('./twilio-account.ts')
      const fetched = await fetchAccount(this.#account, exchange, attempt.signal)
      const clock = { whose: 'Twilio', aheadMs: clockAheadMs(exchange, this.#nowMs()) }
      if ('error' in fetched)
        return { ok: false, message: this.#failure(fetched.error, exchange, attempt).message }
      return fetched.ok ? { ...fetched, clock } : fetched
    } catch (error) {
      return { ok: false, message: this.#failure(error, exchange, attempt).message }
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
  }

  /** One request through Twilio's client; never fails. */
  async #ask<T>(
    signal: AbortSignal,
    use: (messages: Messages, exchange: Exchange) => Promise<T>,
  ): Promise<{ ok: true; value: T } | { ok: false; failure: Failure }> {
    const exchange: Exchange = { sent: false, status: null, headers: {} }
    const attempt = beginAttempt(signal, this.#closing.signal, this.#account.timeoutMs)
    try {
      this.#client ??= loadClient(this.#account)
      const messagesOver = await this.#client
      return { ok: true, value: await use(messagesOver(exchange, attempt.signal), exchange) }
    } catch (error) {
      return { ok: false, failure: this.#failure(error, exchange, attempt) }
    }
  }

  #failure(error: unknown, exchange: Exchange, attempt: Attempt): Failure {
    if (error instanceof TwilioHttpError) return failureWithoutAnswer(error, exchange, attempt.wasStopped())
    // Without an answer it is no failure of the sending but a mistake of ours.
    if (exchange.status === null) throw error
    const told = twilioError(error, exchange)
    return failureOfAnswer(told, exchange, this.#nowMs(), this.#redact)
  }

  #mayBe(sid: string, deliveryId: string): boolean {
    const owner = this.#known.get(sid)
    return owner === undefined || owner === deliveryId
  }

  #remember(sid: string, deliveryId: string): void {
    this.#known.set(sid, deliveryId)
    if (this.#known.size <= maxKnownSids) return
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}

/** Loaded with the first message: most runs never send one. */
async function loadClient(account: TwilioAccount): Promise<MessagesOver> {
  const [{ TwilioHttp }, { twilioMessages }] = await Promise.all([
    import('./twilio-http.ts'),
    import('./twilio-messages.ts'),
  ])
  const http = new TwilioHttp(account)
  return (exchange, signal) =>
    twilioMessages(account.accountSid, (asked) => http.request(asked, exchange, signal))
}

function onlyNumber({ to }: SmsTarget): string {
  const [number] = to
  if (number === undefined || to.length > 1) throw new Error('a delivery has one number')
  return number
}

/** The parts of Twilio's message that are used. */
interface Told {
  readonly sid: string
  readonly status: string
  readonly numSegments: string
  readonly errorCode: number | null
}

function outcomeOf({ sid, status, numSegments, errorCode }: Told, segments: number): SendOutcome {
  if (status === 'failed' || status === 'undelivered' || status === 'canceled') {
    const code = Number.isInteger(errorCode) ? errorCode : null
    const known = code === null ? null : failureOfCode(code)
    const message = `Twilio took the message and did not deliver it${code === null ? '' : ` (Twilio error ${code})`}`
    return known ?? { ok: false, kind: 'permanent', reason: 'refused', message }
  }
  // A messaging service counts later, and says 0 until then.
  const units = Math.max(segments, Number.parseInt(numSegments, 10) || 0)
  return {
    ok: true,
    providerId: sid,
    state: status === 'delivered' || status === 'read' ? 'delivered' : 'sent',
    units,
  }
}

/** How far Twilio's clock is ahead of ours, by the date of its answer; 0 when it bears none. */
function clockAheadMs({ headers }: Exchange, nowMs: number): number {
  const date = Date.parse(headers.date ?? '')
  return Number.isNaN(date) ? 0 : date - nowMs
}

/** The library has two forms of errors (its own, and RFC 9457), and lets those of JSON through. */
function twilioError(error: unknown, exchange: Exchange): TwilioError {
  const field = (name: string): unknown =>
    typeof error === 'object' && error !== null && name in error ? Reflect.get(error, name) : undefined
  const code = field('code')
  const words = field('detail') ?? field('message')
  const isOfTwilio = typeof code === 'number' && code > 0
  return {
    status: exchange.status,
    code: isOfTwilio ? code : null,
    words: isOfTwilio && typeof words === 'string' ? words : null,
  }
}
