/** Why a mail was not sent, told from nodemailer's error: what is sure, and what to do. */
import type { NodemailerError } from 'nodemailer'
import type { SendOutcome } from '../../ports/channel.ts'
import { cleanLine } from '../shared/clean-text.ts'
import type { SmtpAccount } from './schema.ts'

type Failed = Extract<SendOutcome, { ok: false }>

/** Servers lock accounts that try wrong passwords in quick succession. */
const loginRetryMs = 5 * 60_000
const maxAnswerChars = 200

export interface SmtpFailureContext {
  readonly account: SmtpAccount
  readonly recipient: string
  /** Whether the server may have the whole mail: then only its answer says what became of it. */
  readonly handedOver: boolean
  /** The engine ended the attempt, or the connection was closed. */
  readonly stopped: boolean
  readonly redact: (text: string) => string
}

export function smtpFailure(error: NodemailerError, context: SmtpFailureContext): Failed {
  const { account, handedOver } = context
  // With an answer there is no doubt, also after the final dot: 4yz and 5yz mean that it was not taken.
  if (error.responseCode !== undefined) return answered(error, error.responseCode, context)
  if (error.code === 'EMESSAGE')
    return failed('permanent', 'too-large', `${place(account)} does not take mails of this size`)
  // Not one byte was sent with a password; a person has to correct the settings first.
  if (error.code === 'EAUTH' || error.code === 'ENOAUTH') {
    return withRetry(
      failed(
        'temporary',
        'bad-credentials',
        `${place(account)} offers no way to log in that can be used; check \`username\` and \`password\``,
      ),
    )
  }
  const { reason, words } = broken(error, context)
  if (!handedOver) return failed('temporary', reason, `${words}; nothing was sent`)
  return failed(
    'ambiguous',
    reason,
    `${words} after the whole mail was handed over; it may have been delivered`,
  )
}

function answered(error: NodemailerError, code: number, context: SmtpFailureContext): Failed {
  const { account, recipient, redact } = context
  const answer = cleanLine(error.response ?? String(code), 10_000)
  const enhanced = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(answer)?.[1] ?? ''
  const said = cleanLine(redact(answer), maxAnswerChars)
  const command = error.command ?? ''
  const at = place(account)
  // A wrong password fails every mail until a person corrects it: those written meanwhile must not be lost for it.
  if (command.startsWith('AUTH') || error.code === 'EAUTH' || code === 530 || code === 535) {
    // The answer to a login may repeat it in any encoding, so only its code is shown.
    const shown = enhanced === '' ? code : `${code} ${enhanced}`
    if (code < 500)
      return withRetry(failed('temporary', 'rate-limited', `${at} takes no login at the moment (${shown})`))
    const words =
      account.username === null
        ? `${at} wants a login (${shown}); add \`username\` and \`password\` to settings.smtp`
        : `${at} does not accept the login (${shown}); check \`username\` and \`password\` in settings.smtp`
    return withRetry(failed('temporary', 'bad-credentials', words))
  }
  if (error.code === 'ETLS' || command === 'STARTTLS') {
    return failed('temporary', 'tls', `${at} does not offer encryption (${said}); ${tlsAdvice}`)
  }
  // 421 closes the session and 503 speaks of it, not of the mail; before MAIL FROM nothing was said about the mail.
  if (code < 500 || code === 503 || !/^(MAIL FROM|RCPT TO|DATA)/.test(command)) {
    const isLimit = /too many|too much|rate|limit|quota|throttl|greylist|slow down/i.test(answer)
    const reason = isLimit ? 'rate-limited' : 'server-error'
    return failed('temporary', reason, `${at} does not take the mail at the moment: ${said}`)
  }
  if (code === 552 && !enhanced.startsWith('5.2.2'))
    return failed('permanent', 'too-large', `${at} finds the mail too large: ${said}`)
  if (command === 'RCPT TO') {
    const isAddress = enhanced === '' ? [550, 551, 553].includes(code) : enhanced.startsWith('5.1.')
    if (isAddress) return failed('permanent', 'bad-recipient', `${at} does not know ${recipient}: ${said}`)
    return failed('permanent', 'refused', `${at} does not take mails for ${recipient}: ${said}`)
  }
  if (command === 'MAIL FROM') {
    return failed(
      'permanent',
      'refused',
      `${at} takes no mails from ${account.from.address}; check \`from\`: ${said}`,
    )
  }
  return failed('permanent', 'refused', `${at} refused the mail: ${said}`)
}

const tlsAdvice = 'use another port, or `require_tls: false` if mails may cross the network unencrypted'

/** What OpenSSL and Node call the ways in which a certificate cannot be trusted. */
const certificateWords: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; check the clock',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name; check the host, or set tls.server_name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself; give it as tls.ca',
  SELF_SIGNED_CERT_IN_CHAIN:
    'its certificate comes from an authority that is not known here; give that as tls.ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate comes from an authority that is not known here; give that as tls.ca',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate comes from an authority that is not known here; give that as tls.ca',
}
const networkWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there; check host and port',
  ENOTFOUND: 'there is no such host; check its name',
  EAI_AGAIN: 'its name cannot be looked up at the moment',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  ECONNRESET: 'it broke the connection',
  EPIPE: 'it broke the connection',
}

function broken(
  error: NodemailerError,
  context: SmtpFailureContext,
): { reason: Failed['reason']; words: string } {
  const at = place(context.account)
  if (context.stopped) return { reason: 'timeout', words: 'the attempt was ended' }
  if (error.code === 'EABORT' || error.code === 'ETIMEDOUT')
    return { reason: 'timeout', words: `${at} did not answer in time` }
  const cause = originalCode(error)
  const certificate = certificateWords[cause]
  if (certificate !== undefined) return { reason: 'tls', words: `${at} cannot be trusted: ${certificate}` }
  if (/wrong version number|packet length too long|http request/i.test(error.message)) {
    const words = `${at} does not speak TLS from the start; write smtp:// instead of smtps://`
    return { reason: 'tls', words }
  }
  if (error.code === 'ETLS' || /^(ERR_(SSL|TLS)|CERT_)|SSL routines/.test(`${cause} ${error.message}`)) {
    return { reason: 'tls', words: `${at} and Tocsin could not agree on encryption` }
  }
  if (error.code === 'EDNS')
    return { reason: 'unreachable', words: `${at} cannot be reached: ${networkWords.ENOTFOUND}` }
  const network = networkWords[cause] ?? 'it broke the connection'
  return { reason: 'unreachable', words: `${at} cannot be reached: ${network}` }
}

function originalCode(error: NodemailerError): string {
  const { originalCode: original, code } = error as { originalCode?: unknown; code?: unknown }
  return typeof original === 'string' ? original : typeof code === 'string' ? code : ''
}

function place({ host, port }: SmtpAccount): string {
  return `the mail server ${host}:${port}`
}

function failed(kind: Failed['kind'], reason: Failed['reason'], message: string): Failed {
  return {
    ok: false,
    kind,
    reason,
    message: cleanLine(`${message.slice(0, 1).toUpperCase()}${message.slice(1)}.`, 500),
  }
}

function withRetry(outcome: Failed): Failed {
  return { ...outcome, retryAfterMs: loginRetryMs }
}
