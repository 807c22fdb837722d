/** What Twilio calls back: who may, and what it says. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { twilioAccountSchema } from '../../../src/channels/sms/account.ts'
import { callbackPaths, inboundUrl, statusCallbackUrl } from '../../../src/channels/sms/callback-urls.ts'
import {
  isFromTwilio,
  laterState,
  parseCallbackForm,
  parseStatusReport,
} from '../../../src/channels/sms/callbacks.ts'
import { sms } from '../../../src/channels/sms/sms.ts'
import { notification } from '../../conformance/channel-fixtures/fixture.ts'
import { TwilioServer, twilioAccount, twilioSignature } from '../../support/twilio.ts'

const { authToken } = twilioAccount
const publicUrl = 'https://tocsin.example.com'
const account = { authToken, publicUrl }
const form = { MessageSid: 'SM1', MessageStatus: 'delivered', To: '+15550100', Body: 'naïve €5 & more' }
const pathAndQuery = '/twilio/status?delivery=7'
const signature = twilioSignature(`${publicUrl}${pathAndQuery}`, form)

describe('the signature', () => {
  test('of the published example is right', () => {
    const url = 'https://example.com/myapp'
    const published = {
      CallSid: 'CA1234567890ABCDE',
      Caller: '+14158675310',
      Digits: '1234',
      From: '+14158675310',
      To: '+18005551212',
    }
    const signed = twilioSignature(`${url}?foo=1&bar=2`, published, '12345')
    const asked = { pathAndQuery: '/myapp?foo=1&bar=2', form: published, signature: signed }
    expect(isFromTwilio({ authToken: '12345', publicUrl: 'https://example.com' }, asked)).toBe(true)
  })

  test('is right whatever the order of the fields', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(Object.entries(form), { minLength: 4 }), (entries) => {
        const parsed = parseCallbackForm(new URLSearchParams(entries).toString())
        expect(parsed).not.toBeNull()
        expect(isFromTwilio(account, { pathAndQuery, form: parsed ?? {}, signature })).toBe(true)
      }),
    )
  })

  test('is right with and without the port, as Twilio and proxies differ', () => {
    for (const [configured, signed] of [
      ['https://tocsin.example.com', 'https://tocsin.example.com:443'],
      ['https://tocsin.example.com:443', 'https://tocsin.example.com'],
      ['https://tocsin.example.com:8443', 'https://tocsin.example.com:8443'],
      ['https://tocsin.example.com:8443', 'https://tocsin.example.com'],
      ['http://tocsin.example.com', 'http://tocsin.example.com:80'],
      ['https://example.com/behind/proxy', 'https://example.com/behind/proxy'],
    ] as const) {
      const asked = { pathAndQuery, form, signature: twilioSignature(`${signed}${pathAndQuery}`, form) }
      expect({ configured, ok: isFromTwilio({ authToken, publicUrl: configured }, asked) }).toMatchObject({
        ok: true,
      })
    }
  })

  test('is wrong for anybody else', () => {
    const forged: [string, Partial<Parameters<typeof isFromTwilio>[1]>][] = [
      ['another token', { signature: twilioSignature(`${publicUrl}${pathAndQuery}`, form, 'guessed') }],
      ['no signature', { signature: undefined }],
      ['an empty one', { signature: '' }],
      ['two of them', { signature: [signature, signature] }],
      ['one that is longer', { signature: `${signature}=` }],
      ['a changed field', { form: { ...form, MessageStatus: 'failed' } }],
      ['one field more', { form: { ...form, ErrorCode: '30003' } }],
      ['one field less', { form: { MessageSid: 'SM1' } }],
      ['another delivery', { pathAndQuery: '/twilio/status?delivery=8' }],
      ['another path', { pathAndQuery: '/twilio/inbound?delivery=7' }],
      ['another host', { pathAndQuery: '@evil.example/twilio/status?delivery=7' }],
      ['what a proxy says', { signature: twilioSignature(`http://127.0.0.1:8080${pathAndQuery}`, form) }],
    ]
    for (const [name, different] of forged) {
      expect({ name, ok: isFromTwilio(account, { pathAndQuery, form, signature, ...different }) }).toEqual({
        name,
        ok: false,
      })
    }
    expect(isFromTwilio({ authToken, publicUrl: null }, { pathAndQuery, form, signature })).toBe(false)
  })

  test('no text in its place makes it right, or fails', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (guess, path) => {
        fc.pre(guess !== signature)
        expect(isFromTwilio(account, { pathAndQuery, form, signature: guess })).toBe(false)
        expect(isFromTwilio(account, { pathAndQuery: `/${path}`, form, signature })).toBe(false)
      }),
    )
  })
})

describe('the form', () => {
  test('is read, a field that is there twice as a list', () => {
    expect(parseCallbackForm('a=1&b=%E2%82%AC+x&a=2&__proto__=x')).toEqual(
      Object.fromEntries([
        ['a', ['1', '2']],
        ['b', '€ x'],
        ['__proto__', 'x'],
      ]),
    )
  })

  test('is refused when it is too large', () => {
    expect(parseCallbackForm('x'.repeat(70_000))).toBeNull()
    expect(parseCallbackForm(Array.from({ length: 201 }, (_, at) => `f${at}=1`).join('&'))).toBeNull()
  })
})

describe('the report', () => {
  let server: TwilioServer
  beforeAll(async () => {
    server = await TwilioServer.start()
  })
  afterAll(() => server.stop())

  test('of a message that was sent names the delivery, signed for our address', async () => {
    const connected = twilioAccountSchema.parse({
      account_sid: twilioAccount.accountSid,
      auth_token: authToken,
      from: '+15550000',
      base_url: server.url,
      public_url: `${publicUrl}/`,
    })
    const connection = sms.connect(connected, { nowMs: () => Date.now() })
    const { signal } = new AbortController()
    const target = { to: ['+15550100'] }
    await connection.send({ deliveryId: 'a/b 1', notification: notification(), target, signal })
    const sid = server.messages[0]?.sid ?? ''
    const seen = (['queued', 'sending', 'sent', 'undelivered'] as const).map((status) => {
      const {
        url,
        body,
        signature: signed,
      } = server.report(sid, status, status === 'undelivered' ? 30003 : undefined)
      const path = url.slice(publicUrl.length)
      const parsed = parseCallbackForm(body) ?? {}
      expect(path.startsWith(callbackPaths.status)).toBe(true)
      expect(isFromTwilio(connected, { pathAndQuery: path, form: parsed, signature: signed })).toBe(true)
      return parseStatusReport(path, parsed)
    })
    const report = { deliveryId: 'a/b 1', messageSid: sid }
    expect(seen).toEqual([
      null,
      null,
      { ...report, state: 'sent', failure: null },
      {
        ...report,
        state: 'undelivered',
        failure: {
          ok: false,
          kind: 'temporary',
          reason: 'unreachable',
          message: 'the phone is off, out of reach or cannot get text messages (Twilio error 30003)',
        },
      },
    ])
    await connection.close()
  })

  test.each([
    ['delivered', undefined, 'delivered', null],
    ['read', undefined, 'delivered', null],
    ['failed', '30005', 'undelivered', 'bad-recipient'],
    ['failed', '30007', 'undelivered', 'refused'],
    ['undelivered', '21610', 'undelivered', 'not-allowed'],
    ['undelivered', '99999', 'undelivered', 'refused'],
    ['failed', 'x', 'undelivered', 'refused'],
    ['canceled', undefined, 'undelivered', 'refused'],
  ])('%s with code %s', (MessageStatus, ErrorCode, state, reason) => {
    const fields = { MessageSid: 'SM1', MessageStatus, ...(ErrorCode === undefined ? {} : { ErrorCode }) }
    const report = parseStatusReport('/twilio/status', fields)
    expect(report).toMatchObject({ deliveryId: null, state })
    expect(report?.failure?.reason ?? null).toBe(reason)
  })

  test('is nothing when it says nothing', () => {
    expect(parseStatusReport('/twilio/status', {})).toBeNull()
    expect(
      parseStatusReport('/twilio/status', { MessageSid: 'SM1', MessageStatus: 'constructor' }),
    ).toBeNull()
    expect(parseStatusReport('/twilio/status', { MessageSid: '', MessageStatus: 'sent' })).toBeNull()
  })

  test('that comes late changes nothing', () => {
    expect(laterState('sent', 'delivered')).toBe('delivered')
    expect(laterState('delivered', 'sent')).toBe('delivered')
    expect(laterState('undelivered', 'sent')).toBe('undelivered')
  })

  test('goes where the addresses say', () => {
    expect(statusCallbackUrl(publicUrl, 'ü/1')).toBe(`${publicUrl}/twilio/status?delivery=%C3%BC%2F1`)
    expect(inboundUrl(publicUrl)).toBe(`${publicUrl}/twilio/inbound`)
  })
})
