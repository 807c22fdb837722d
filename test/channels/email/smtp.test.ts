/** Mails against a real mail server: encryption, logins, and what each failure at each stage means. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { email } from '../../../src/channels/email/email.ts'
import { smtpAccountSchema } from '../../../src/channels/email/schema.ts'
import type { ChannelConnection, SendOutcome } from '../../../src/ports/channel.ts'
import { notification } from '../../conformance/channel-fixtures/fixture.ts'
import { type Authority, type Certificate, makeAuthority } from '../../support/certificates.ts'
import { within } from '../../support/wait-for.ts'
import { type Answer, type MailStation, openMailStation, type Stage } from './mail-station.ts'

const from = 'Tocsin <tocsin@example.com>'
let authority: Authority
let certificate: Certificate
const closers: (() => Promise<void>)[] = []

beforeAll(() => {
  authority = makeAuthority()
  certificate = authority.sign('mail', ['IP:127.0.0.1'])
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
afterAll(() => authority.remove())

async function station(options: Parameters<typeof openMailStation>[0] = {}): Promise<MailStation> {
  const opened = await openMailStation(options)
  closers.push(() => opened.close())
  return opened
}

function connect(written: object): ChannelConnection<{ to: string[] }> {
  const account = smtpAccountSchema.parse({ from, timeout: '2s', connect_timeout: '1s', ...written })
  const connection = email.connect(account, { nowMs: () => 0 })
  closers.push(() => connection.close())
  return connection
}

function send(connection: ChannelConnection<{ to: string[] }>, deliveryId = 'd1'): Promise<SendOutcome> {
  const request = { deliveryId, notification: notification(), target: { to: ['ops@example.com'] } }
  return within(8000, 'an outcome', connection.send({ ...request, signal: new AbortController().signal }))
}

const tls = () => ({ cert: certificate.cert, key: certificate.key })
const trusted = () => ({ tls: { ca: authority.cert } })

describe('encryption', () => {
  test('is from the start with smtps://', async () => {
    const server = await station({ ...tls(), secure: true })
    expect(await send(connect({ url: `smtps://127.0.0.1:${server.port}`, ...trusted() }))).toMatchObject({
      ok: true,
    })
    expect((await server.mails.count(1))[0]?.secure).toBe(true)
  })

  test('is by STARTTLS with smtp://, before the login', async () => {
    const server = await station({ ...tls(), users: { ann: 'secret' } })
    const url = `smtp://ann:secret@127.0.0.1:${server.port}`
    expect(await send(connect({ url, require_tls: true, ...trusted() }))).toMatchObject({ ok: true })
    expect((await server.mails.count(1))[0]).toMatchObject({ secure: true, user: 'ann' })
  })

  test('that is required and not offered holds the mail back, and the password', async () => {
    const server = await station({ users: { ann: 'secret' } })
    const url = `smtp://ann:secret@127.0.0.1:${server.port}`
    const outcome = await send(connect({ url, require_tls: true }))
    expect(outcome).toMatchObject({ ok: false, kind: 'temporary', reason: 'tls' })
    expect(outcome).toMatchObject({ message: expect.stringContaining('`require_tls: false`') })
    expect(server.mails.items).toEqual([])
  })

  test('is not asked of this machine itself, but taken when offered, whatever its certificate', async () => {
    const plain = await station()
    expect(await send(connect({ url: `smtp://127.0.0.1:${plain.port}` }))).toMatchObject({ ok: true })
    expect(plain.mails.items[0]?.secure).toBe(false)
    const offered = await station(tls())
    expect(await send(connect({ url: `smtp://127.0.0.1:${offered.port}` }))).toMatchObject({ ok: true })
    expect(offered.mails.items[0]?.secure).toBe(true)
  })

  test('fails in words with a certificate that cannot be trusted', async () => {
    const server = await station(tls())
    const url = `smtp://127.0.0.1:${server.port}`
    expect(await send(connect({ url, require_tls: true }))).toMatchObject({
      ...{ kind: 'temporary', reason: 'tls' },
      message: expect.stringMatching(
        /authority that is not known here; give that as tls\.ca; nothing was sent\.$/,
      ),
    })
    const other = { ca: authority.cert, server_name: 'mail.example.com' }
    expect(await send(connect({ url, require_tls: true, tls: other }))).toMatchObject({
      ...{ kind: 'temporary', reason: 'tls' },
      message: expect.stringContaining('for another name'),
    })
    expect(server.mails.items).toEqual([])
  })

  test('from the start on a port without it says so', async () => {
    const server = await station()
    expect(await send(connect({ url: `smtps://127.0.0.1:${server.port}` }))).toMatchObject({
      ...{ kind: 'temporary', reason: 'tls' },
      message: expect.stringContaining('write smtp:// instead'),
    })
  })
})

describe('a failure', () => {
  test.each<[Stage, Answer, string, string]>([
    ['connect', '554 5.7.1 go away', 'temporary', 'server-error'],
    ['connect', '421 4.7.0 too many connections', 'temporary', 'rate-limited'],
    ['connect', 'hang', 'temporary', 'timeout'],
    ['connect', 'drop', 'temporary', 'unreachable'],
    ['auth', '535 5.7.8 wrong', 'temporary', 'bad-credentials'],
    ['auth', '454 4.7.0 not now', 'temporary', 'rate-limited'],
    ['auth', 'drop', 'temporary', 'unreachable'],
    ['mail', '450 4.3.2 busy', 'temporary', 'server-error'],
    ['mail', '550 5.7.1 sender not allowed', 'permanent', 'refused'],
    ['mail', '530 5.7.0 authentication required', 'temporary', 'bad-credentials'],
    ['mail', '552 5.3.4 too big', 'permanent', 'too-large'],
    ['mail', 'hang', 'temporary', 'timeout'],
    ['rcpt', '450 4.2.0 greylisted', 'temporary', 'rate-limited'],
    ['rcpt', '550 5.1.1 no such user', 'permanent', 'bad-recipient'],
    ['rcpt', '550 no such user', 'permanent', 'bad-recipient'],
    ['rcpt', '554 5.7.1 relay access denied', 'permanent', 'refused'],
    ['rcpt', '552 5.2.2 mailbox full', 'permanent', 'refused'],
    ['rcpt', 'drop', 'temporary', 'unreachable'],
    ['rcpt', 'hang', 'temporary', 'timeout'],
    ['data', '451 4.3.0 disk full', 'temporary', 'server-error'],
    ['data', '421 4.3.2 shutting down', 'temporary', 'server-error'],
    ['data', '554 5.7.1 spam', 'permanent', 'refused'],
    ['data', '552 5.3.4 too big', 'permanent', 'too-large'],
    ['data', 'drop', 'ambiguous', 'unreachable'],
    ['data', 'hang', 'ambiguous', 'timeout'],
  ])('at %s with %s is %s, %s', async (stage, answer, kind, reason) => {
    const server = await station({ users: { ann: 'secret' } })
    server.answers = { [stage]: answer }
    const outcome = await send(connect({ url: `smtp://ann:secret@127.0.0.1:${server.port}` }))
    expect(outcome).toMatchObject({ ok: false, kind, reason })
    expect(outcome.ok ? '' : outcome.message).toMatch(/^The mail server 127\.0\.0\.1:\d+ .*\.$/)
    expect(JSON.stringify(outcome)).not.toContain('secret')
  })

  test('of the login waits, so that the account is not locked', async () => {
    const server = await station({ users: { ann: 'other' } })
    expect(await send(connect({ url: `smtp://ann:secret@127.0.0.1:${server.port}` }))).toMatchObject({
      ...{ reason: 'bad-credentials', retryAfterMs: 300_000 },
      message: expect.stringContaining('check `username` and `password` in settings.smtp'),
    })
  })

  test('to find the host is told', async () => {
    expect(await send(connect({ url: 'smtp://mail.invalid', connect_timeout: '2s' }))).toMatchObject({
      kind: 'temporary',
      reason: expect.stringMatching(/unreachable|timeout/),
    })
  })

  test('of one mail leaves the connection good for the next', async () => {
    const server = await station()
    const connection = connect({ url: `smtp://127.0.0.1:${server.port}`, pool: 1 })
    server.answers = { rcpt: '550 5.1.1 no such user' }
    expect(await send(connection)).toMatchObject({ reason: 'bad-recipient' })
    server.answers = {}
    expect(await send(connection)).toMatchObject({ ok: true })
    expect(server.connections.opened).toBe(1)
  })
})

describe('connections', () => {
  test('are few, used again, and replaced when the server has closed them', async () => {
    const server = await station()
    const connection = connect({ url: `smtp://127.0.0.1:${server.port}`, pool: 2 })
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, (_, index) => send(connection, `d${index}`)),
    )
    expect(outcomes.every(({ ok }) => ok)).toBe(true)
    expect(server.connections.opened).toBe(2)
    expect(new Set(server.mails.items.map(({ mail }) => mail.messageId)).size).toBe(30)
    server.dropAll()
    expect(await send(connection)).toMatchObject({ ok: true })
    expect(server.mails.items).toHaveLength(31)
  })

  test('that a server ends while a mail waits for its answer do not send it again', async () => {
    const server = await station()
    server.answers = { data: 'drop' }
    const connection = connect({ url: `smtp://127.0.0.1:${server.port}`, pool: 1 })
    await send(connection, 'first')
    server.answers = {}
    expect(await send(connection, 'second')).toMatchObject({ ok: true })
    expect(server.mails.items.map(({ mail }) => mail.messageId)).toEqual([
      '<first@example.com>',
      '<second@example.com>',
    ])
  })
})
