/** Sends mails over a pool of SMTP connections. */
import { createTransport, type NodemailerError } from 'nodemailer'
import type { ChannelConnection, CheckOutcome, SendOutcome, SendRequest } from '../../ports/channel.ts'
import { beginAttempt } from '../shared/attempt.ts'
import { cleanLine } from '../shared/clean-text.ts'
import { redactor } from '../shared/redactor.ts'
import { mailMessage } from './mail-message.ts'
import type { EmailTarget, SmtpAccount } from './schema.ts'
import { smtpFailure } from './smtp-failure.ts'

/** A server may close a connection for reasons of its own after some mails; we do so before. */
const maxMailsPerConnection = 100
/** An idle connection keeps a place at the server. */
const idleMs = 30_000

export function connectSmtp(account: SmtpAccount): ChannelConnection<EmailTarget> {
  const transport = createTransport({
    pool: true,
    host: account.host,
    port: account.port,
    secure: account.secure,
    requireTLS: account.requireTls,
    ...(account.username === null
      ? {}
      : { auth: { user: account.username, pass: account.password ?? '' }, forceAuth: true }),
    tls: {
      rejectUnauthorized: account.verify,
      minVersion: 'TLSv1.2',
      ...(account.ca === null ? {} : { ca: account.ca }),
      ...(account.serverName === null ? {} : { servername: account.serverName }),
    },
    maxConnections: account.pool,
    maxMessages: maxMailsPerConnection,
    // Once, for a connection that the server closed while it was idle; all else is for the engine to repeat.
    maxRequeues: 1,
    idleTimeout: idleMs,
    dnsTimeout: account.connectTimeoutMs,
    connectionTimeout: account.connectTimeoutMs,
    greetingTimeout: account.connectTimeoutMs,
    socketTimeout: account.timeoutMs,
    socketCloseTimeout: 1000,
    disableFileAccess: true,
    disableUrlAccess: true,
    logger: false,
  })
  /**
   * Attempts whose mail the socket has to its end, and the final dot with it: from here on a broken connection
   * says nothing about the mail. Before it, a server must not deliver (RFC 5321, 4.1.1.4).
   */
  const handedOver = new WeakSet<AbortSignal>()
  transport.use('stream', (mail, done) => {
    const { message } = mail
    const { signal } = mail.data
    const createReadStream = message.createReadStream.bind(message)
    message.createReadStream = (options) => {
      const stream = createReadStream(options)
      stream.once('end', () => {
        if (signal !== undefined) handedOver.add(signal)
      })
      return stream
    }
    done()
  })
  const closing = new AbortController()
  const redactSecrets = redactor([account.password, account.username])
  const running = new Set<Promise<unknown>>()

  async function attempt(request: SendRequest<EmailTarget>): Promise<SendOutcome> {
    const { deliveryId, notification, target } = request
    const recipient = target.to[0] ?? ''
    const { signal, wasStopped } = beginAttempt(request.signal, closing.signal, account.timeoutMs)
    const redactLink = redactor([notification.ackUrl])
    const redact = (text: string) => redactLink(redactSecrets(text))
    try {
      const mail = mailMessage(account, recipient, deliveryId, notification)
      const sent = await transport.sendMail({ ...mail, signal })
      // `250 2.0.0 Ok: queued as 4F7A` is what the server's log can be searched for.
      return { ok: true, providerId: cleanLine(redact(sent.response), 200), state: 'sent' }
    } catch (error) {
      const stopped = wasStopped()
      return smtpFailure(error as NodemailerError, {
        ...{ account, recipient, redact, stopped },
        handedOver: handedOver.has(signal),
      })
    }
  }

  return {
    parallel: account.pool,
    send(request) {
      const sending = attempt(request).finally(() => running.delete(sending))
      running.add(sending)
      return sending
    },
    async check(signal): Promise<CheckOutcome> {
      const { host, port, username } = account
      const ended = Promise.withResolvers<never>()
      const end = () => ended.reject(Object.assign(new Error('ended'), { code: 'ETIMEDOUT' }))
      signal.addEventListener('abort', end, { once: true })
      try {
        await Promise.race([transport.verify(), ended.promise])
        const login = username === null ? 'it asks for no login' : 'the login is accepted'
        return { ok: true, what: `The mail server ${host}:${port} answers, and ${login}. Nothing was sent.` }
      } catch (error) {
        const context = { account, recipient: '', redact: redactSecrets, stopped: false, handedOver: false }
        return { ok: false, message: smtpFailure(error as NodemailerError, context).message }
      } finally {
        signal.removeEventListener('abort', end)
      }
    },
    async close() {
      closing.abort()
      await Promise.allSettled(running)
      transport.close({ force: true })
    },
  }
}
