/** What Twilio calls back: whether a message arrived, and what people answer. Only with Twilio's signature. */
import type { TwilioAccount } from '../channels/sms/account.ts'
import { callbackPaths } from '../channels/sms/callback-urls.ts'
import {
  type CallbackForm,
  isFromTwilio,
  parseCallbackForm,
  parseStatusReport,
} from '../channels/sms/callbacks.ts'
import { answerText, parseInbound, type Reply, type ReplyResult, twiml } from '../channels/sms/replies.ts'
import type { Notifying } from '../engine/notifying.ts'
import type { WebAnswer, WebRequest, WebRoute } from '../ports/web.ts'

const bodyLimitBytes = 65_536
/** Twilio repeats a request whose answer it missed; signatures bear no time, so a repeat may also be a forger's. */
const rememberedSids = 10_000

export function twilioRoutes(
  account: TwilioAccount,
  /** As they are configured now. */
  recipients: () => ReadonlySet<string>,
  notifying: Notifying,
): readonly WebRoute[] {
  const answered = new Map<string, string>()
  const signed =
    (handle: (form: CallbackForm, request: WebRequest) => Promise<WebAnswer>) =>
    async (request: WebRequest): Promise<WebAnswer> => {
      const form = parseCallbackForm(request.body)
      const signature = request.headers['x-twilio-signature']
      const isGenuine = form !== null && isFromTwilio(account, { pathAndQuery: request.url, form, signature })
      if (!isGenuine) return { status: 403, contentType: 'text/plain', body: 'Forbidden' }
      return handle(form, request)
    }
  return [
    {
      method: 'POST',
      path: callbackPaths.status,
      bodyLimitBytes,
      handle: signed(async (form, { url }) => {
        const report = parseStatusReport(url, form)
        if (report?.deliveryId != null && report.state !== 'sent') {
          const { deliveryId: delivery, state, failure } = report
          await notifying.ask({ type: 'confirm', delivery, state, message: failure?.message ?? '' })
        }
        return { status: 204, contentType: 'text/plain', body: '' }
      }),
    },
    {
      method: 'POST',
      path: callbackPaths.inbound,
      bodyLimitBytes,
      handle: signed(async (form) => {
        const inbound = parseInbound(form, recipients())
        if (!inbound.ok) return xml(twiml(null))
        const before = answered.get(inbound.messageSid)
        if (before !== undefined) return xml(before)
        const answer = twiml(answerText(await carryOut(inbound.reply, inbound.from, notifying)))
        const oldest = answered.keys().next()
        if (answered.size >= rememberedSids && !oldest.done) answered.delete(oldest.value)
        answered.set(inbound.messageSid, answer)
        return xml(answer)
      }),
    },
  ]
}

async function carryOut(reply: Reply, from: string, notifying: Notifying): Promise<ReplyResult> {
  const asked = { by: from, via: 'sms' } as const
  switch (reply.kind) {
    case 'ack': {
      const code = reply.code ?? (await notifying.latestCode('sms', from))
      if (code === null) return { kind: 'nothing-open' }
      const answer = await notifying.ask({ type: 'ack', about: { code }, ...asked })
      if (answer?.ok === true) return { kind: 'acked', code, title: answer.about }
      if (answer?.reason === 'already') return { kind: 'already', code, by: await notifying.ackedBy(code) }
      return reply.code === null ? { kind: 'nothing-open' } : { kind: 'no-such-code', code }
    }
    case 'resolve': {
      const names = await notifying.firingUnder(reply.code)
      const answers = await Promise.all(
        names.map((alert) => notifying.ask({ type: 'resolve', alert, ...asked })),
      )
      return answers.some((answer) => answer?.ok === true)
        ? { kind: 'resolved', code: reply.code, title: names.join(', ') }
        : { kind: 'no-such-code', code: reply.code }
    }
    case 'stop':
    case 'start':
      await notifying.optOut('sms', from, reply.kind === 'stop')
      return { kind: reply.kind }
    default:
      return { kind: reply.kind }
  }
}

function xml(body: string): WebAnswer {
  return { status: 200, contentType: 'text/xml; charset=utf-8', body }
}
