/** Reads the account at Twilio: whether the credentials are good, and whether it may send at all. */
import type { TwilioAccount } from './account.ts'
import type { Exchange } from './exchange.ts'
import { TwilioHttp } from './twilio-http.ts'

export type FetchedAccount =
  | { readonly ok: true; readonly what: string; readonly warning?: string }
  | { readonly ok: false; readonly message: string }
  /** Twilio answered with an error, in its own form. */
  | { readonly error: unknown }

/** Rejects with a TwilioHttpError when there is no answer. */
export async function fetchAccount(
  account: TwilioAccount,
  exchange: Exchange,
  signal: AbortSignal,
): Promise<FetchedAccount> {
  const uri = `https://api.twilio.com/2010-04-01/Accounts/${encodeURIComponent(account.accountSid)}.json`
  const answer = await new TwilioHttp(account).request({ method: 'get', uri }, exchange, signal)
  const told = read(answer.body)
  if (answer.statusCode !== 200 || told === null) return { error: told ?? {} }
  const { status, type } = told
  if (status !== undefined && status !== 'active') {
    const message = `The credentials are right, but the Twilio account is ${String(status)}; see its console.`
    return { ok: false, message }
  }
  const what = 'Twilio accepts the credentials, and the account is active. Nothing was sent.'
  if (type !== 'Trial') return { ok: true, what }
  return { ok: true, what, warning: 'It is a trial account: only verified numbers get messages.' }
}

function read(body: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null
  } catch {
    return null
  }
}
