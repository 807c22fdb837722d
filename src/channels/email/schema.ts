/** What is written below `email:` in a receiver, and below `settings.smtp`. */
import { z } from 'zod'
import { maxAttemptMs } from '../shared/attempt.ts'
import { addProblem, duration } from '../shared/schema-fields.ts'
import { type Mailbox, readAddress, readMailbox } from './address.ts'
import { isLoopback, readSmtpUrl } from './smtp-url.ts'

const maxRecipients = 50
const maxConnections = 20

const recipient = z.string().transform((text, context): string => {
  const address = readAddress(text)
  if (address !== null) return address
  const shown = text.slice(0, 60).replace(/[\0-\u001f\u007f-\u009f]/g, ' ')
  const help =
    readMailbox(text) === null
      ? 'write one such as ops@example.com'
      : 'write the address alone, without the name'
  addProblem(context, [], `\`${shown}\` is not a mail address`, help)
  return z.NEVER
})

export const emailTargetSchema = z.strictObject({
  to: z
    .array(recipient)
    .min(1, { error: 'a receiver needs at least one address: write to: [ops@example.com]' })
    .max(maxRecipients, { error: `a receiver has at most ${maxRecipients} addresses: use a mailing list` })
    .describe('Addresses, each of which gets a mail of its own.'),
})

export type EmailTarget = z.output<typeof emailTargetSchema>

const mailbox = z.string().transform((text, context): Mailbox => {
  const read = readMailbox(text)
  if (read !== null) return read
  addProblem(
    context,
    [],
    'this is not a mail address',
    'write one such as tocsin@example.com, or "Tocsin <tocsin@example.com>"',
  )
  return z.NEVER
})

const minTimeoutMs = 1000

const written = z.strictObject({
  url: z
    .string()
    .optional()
    .describe('smtp://user:password@host:587, or smtps://host:465 with TLS from the start.'),
  host: z.string().min(1).max(255).optional().describe('Instead of `url`: the name of the mail server.'),
  port: z.int().min(1).max(65_535).optional().describe('With `host`: 587 unless given.'),
  username: z.string().min(1).optional().describe('User name for the mail server.'),
  password: z.string().min(1).optional().describe(`Password; better as \${env:SMTP_PASSWORD} or \${file:…}.`),
  from: mailbox.describe('The sender, such as "Tocsin <tocsin@example.com>".'),
  reply_to: mailbox.optional().describe('Where answers go, if not to `from`.'),
  pool: z
    .int()
    .min(1)
    .max(maxConnections)
    .default(3)
    .describe('How many connections to the server may be open at once.'),
  require_tls: z
    .boolean()
    .optional()
    .describe(
      'Whether mails wait rather than go unencrypted: true unless given, false for this machine itself.',
    ),
  tls: z
    .strictObject({
      ca: z.string().optional().describe(`Authority to trust: PEM text from \${file:…}.`),
      server_name: z
        .string()
        .min(1)
        .optional()
        .describe('Name that the certificate must carry, if not the host.'),
      verify: z.boolean().optional().describe('false accepts any certificate: for trying out only.'),
    })
    .optional()
    .describe('How certificates are checked.'),
  connect_timeout: duration(
    'How long connecting may take; 10s unless given.',
    minTimeoutMs,
    maxAttemptMs,
  ).optional(),
  timeout: duration(
    'How long sending one mail may take; 60s unless given.',
    minTimeoutMs,
    maxAttemptMs,
  ).optional(),
})

export interface SmtpAccount {
  readonly host: string
  readonly port: number
  /** TLS from the first byte, rather than STARTTLS. */
  readonly secure: boolean
  readonly requireTls: boolean
  readonly username: string | null
  readonly password: string | null
  readonly from: Mailbox
  readonly replyTo: Mailbox | null
  readonly pool: number
  readonly ca: string | null
  readonly serverName: string | null
  readonly verify: boolean
  readonly connectTimeoutMs: number
  readonly timeoutMs: number
}

export const smtpAccountSchema = written.transform((account, context): SmtpAccount => {
  const problem = (path: PropertyKey[], message: string, help: string) => {
    addProblem(context, path, message, help)
    return z.NEVER
  }
  if (account.url === undefined && account.host === undefined) {
    return problem([], 'the mail server is missing', 'write url: smtp://host:587, or host: and port:')
  }
  if (account.url !== undefined && (account.host !== undefined || account.port !== undefined)) {
    return problem(['url'], 'there is a `url`, and `host` or `port` too', 'keep one of the two')
  }
  const url = account.url === undefined ? null : readSmtpUrl(account.url)
  if (url !== null && !url.ok) return problem(['url'], url.message, url.help)
  const server = url?.value ?? {
    host: account.host ?? '',
    port: null,
    secure: account.port === 465,
    username: null,
    password: null,
  }
  for (const key of ['username', 'password'] as const) {
    if (server[key] !== null && account[key] !== undefined) {
      return problem([key], `there is a ${key} in the URL and in \`${key}\``, 'keep the second only')
    }
  }
  const username = server.username ?? account.username ?? null
  const password = server.password ?? account.password ?? null
  if ((username === null) !== (password === null)) {
    const [has, lacks] = username === null ? ['password', 'username'] : ['username', 'password']
    return problem([], `there is a ${has} for the mail server but no ${lacks}`, `add \`${lacks}\``)
  }
  const requireTls = server.secure || (account.require_tls ?? !isLoopback(server.host))
  return {
    host: server.host,
    port: server.port ?? account.port ?? (server.secure ? 465 : 587),
    secure: server.secure,
    requireTls,
    username,
    password,
    from: account.from,
    replyTo: account.reply_to ?? null,
    pool: account.pool,
    ca: account.tls?.ca ?? null,
    serverName: account.tls?.server_name ?? null,
    // Where TLS is not required, whoever could show a false certificate could as well leave TLS out.
    verify: account.tls?.verify ?? requireTls,
    connectTimeoutMs: account.connect_timeout ?? 10_000,
    timeoutMs: account.timeout ?? maxAttemptMs,
  }
})
