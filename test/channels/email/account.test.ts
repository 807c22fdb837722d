/** What people write below settings.smtp and in a receiver, and what is made of it. */
import { describe, expect, test } from 'vitest'
import { readMailbox } from '../../../src/channels/email/address.ts'
import { email } from '../../../src/channels/email/email.ts'
import { emailTargetSchema, smtpAccountSchema } from '../../../src/channels/email/schema.ts'

const from = 'Tocsin <tocsin@example.com>'
const problems = (schema: typeof emailTargetSchema | typeof smtpAccountSchema, written: unknown): string =>
  (schema.safeParse(written).error?.issues ?? []).map(({ message }) => message).join('\n')

describe('an account', () => {
  test.each<[object, object]>([
    [
      { url: 'smtp://mail.example.com' },
      { host: 'mail.example.com', port: 587, secure: false, requireTls: true },
    ],
    [{ url: 'smtps://mail.example.com' }, { port: 465, secure: true, requireTls: true, verify: true }],
    [
      { url: 'smtp://mail.example.com:25', require_tls: false },
      { port: 25, requireTls: false, verify: false },
    ],
    [{ url: 'smtp://localhost:1025' }, { host: 'localhost', port: 1025, requireTls: false }],
    [{ url: 'smtp://127.0.0.2' }, { requireTls: false }],
    [{ url: 'smtp://[::1]:443' }, { host: '::1', port: 443, requireTls: false }],
    [
      { url: 'smtp://localhost', require_tls: true },
      { requireTls: true, verify: true },
    ],
    [
      { url: 'smtp://ann%40example.com:p%2Fss@mail.example.com:2525' },
      { username: 'ann@example.com', password: 'p/ss', port: 2525 },
    ],
    [
      { url: 'smtp://mail.example.com', username: 'u', password: 'p@:/' },
      { username: 'u', password: 'p@:/' },
    ],
    [{ host: 'mail', port: 465 }, { secure: true }],
    [{ host: 'mail' }, { port: 587, secure: false, pool: 3, timeoutMs: 60_000, connectTimeoutMs: 10_000 }],
  ])('%j is read', (written, expected) => {
    expect(smtpAccountSchema.parse({ from, ...written })).toMatchObject(expected)
  })

  test.each<[object, RegExp]>([
    [{}, /mail server is missing/],
    [{ url: 'mail.example.com:587' }, /begins with `smtp:\/\/`/],
    [{ url: 'https://u:secret-marker@mail.example.com' }, /begins with `smtp:\/\/`/],
    [{ url: 'smtp://' }, /cannot be read/],
    [{ url: 'smtp://u:secret/marker@mail.example.com' }, /cannot be read|goes on after/],
    [{ url: 'smtp://mail.example.com/?pool=true' }, /goes on after the host/],
    [{ url: 'smtp://u:%zz@mail.example.com' }, /not written correctly/],
    [{ url: 'smtp://u@mail.example.com' }, /no password/],
    [{ url: 'smtp://u:p@mail.example.com', password: 'secret-marker' }, /password in the URL and in/],
    [{ url: 'smtp://mail.example.com', host: 'mail' }, /`host` or `port` too/],
    [{ url: 'smtp://mail.example.com', timeout: '5m' }, /too long/],
    [{ url: 'smtp://mail.example.com', timeout: 5 }, /expected:duration/],
    [{ url: 'smtp://mail.example.com', from: 'Tocsin' }, /not a mail address/],
    [{ url: 'smtp://mail.example.com', from: 'a <a@b>\r\nBcc: eve@example.com' }, /not a mail address/],
    [{ url: 'smtp://mail.example.com', from: '"a\r\nBcc: eve@example.com" <a@b>' }, /not a mail address/],
  ])('%j is refused in words', (written, words) => {
    expect(problems(smtpAccountSchema, { from, ...written })).toMatch(words)
    expect(problems(smtpAccountSchema, { from, ...written })).not.toMatch(/secret.marker/)
  })
})

describe('a mailbox', () => {
  test.each<[string, object | null]>([
    ['a@example.com', { name: '', address: 'a@example.com' }],
    ['<a@example.com>', { name: '', address: 'a@example.com' }],
    ['Ann B. <a@example.com>', { name: 'Ann B.', address: 'a@example.com' }],
    ['"Ann, B." <a@example.com>', { name: 'Ann, B.', address: 'a@example.com' }],
    ['a@bücher.example', { name: '', address: 'a@xn--bcher-kva.example' }],
    ['a@b@c', null],
    ['a b@example.com', null],
    ['a@example.com, b@example.com', null],
    ['a@exa\nmple.com', null],
    ['', null],
  ])('%j is read', (text, expected) => expect(readMailbox(text)).toEqual(expected))
})

describe('a target', () => {
  test.each<[unknown, RegExp]>([
    [{ to: [] }, /at least one address/],
    [{ to: ['ops'] }, /`ops` is not a mail address/],
    [{ to: ['Ops <ops@example.com>'] }, /not a mail address/],
    [{ to: ['a@example.com\r\nRCPT TO:<eve@example.com>'] }, /not a mail address/],
    [{ to: Array.from({ length: 51 }, (_, index) => `a${index}@example.com`) }, /at most 50/],
  ])('%j is refused in words', (written, words) =>
    expect(problems(emailTargetSchema, written)).toMatch(words),
  )

  test('names everybody once', () => {
    const target = emailTargetSchema.parse({ to: ['a@example.com', 'b@example.com', ' a@example.com'] })
    expect(email.targets(target)).toEqual([
      { address: 'a@example.com', target: { to: ['a@example.com'] } },
      { address: 'b@example.com', target: { to: ['b@example.com'] } },
    ])
  })
})
