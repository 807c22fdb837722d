/** Phone numbers and the account as people write them, and what they are told about their mistakes. */
import { describe, expect, test } from 'vitest'
import { twilioAccountSchema } from '../../../src/channels/sms/account.ts'
import { phoneNumberFault } from '../../../src/channels/sms/phone-number.ts'
import { smsTargetSchema } from '../../../src/channels/sms/target.ts'
import { twilioAccount } from '../../support/twilio.ts'

describe('a phone number', () => {
  test.each(['+15550100', '+4915112345678', '+390612345678', '+123456789012345'])('%s is one', (text) => {
    expect(phoneNumberFault(text)).toBeNull()
  })

  test.each([
    ['0049 151 12345678', 'begins with 00', '"+4915112345678"'],
    ['+49 (0)151 123-456.78', 'has blanks or signs', '"+4915112345678"'],
    ['+1 555 0100', 'has blanks or signs', '"+15550100"'],
    ['0151 12345678', 'has no country code', '"+4915112345678"'],
    ['15550100', 'does not begin with +', '"+15550100"'],
    ['+015550100', 'no country code begins with 0', '"+15550100"'],
    ['+12345', 'has 5 digits', '"+15550100"'],
    ['+1234567890123456', 'has 16 digits', '"+15550100"'],
    ['whatsapp:+15550100', 'is not a phone number', '"+15550100"'],
    ['ops@example.com', 'is not a phone number', '"+15550100"'],
    ['', 'is not a phone number', '"+15550100"'],
  ])('%j is not', (text, fault, instead) => {
    expect(phoneNumberFault(text)?.message).toContain(fault)
    expect(phoneNumberFault(text)?.help).toContain(instead)
  })
})

describe('the receiver', () => {
  const problems = (written: unknown) =>
    smsTargetSchema
      .safeParse(written)
      .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []

  test('is a list of numbers', () => {
    expect(problems({ to: ['+15550100', '+15550101'] })).toEqual([])
  })

  test('says where it is wrong', () => {
    expect(problems({ to: ['+15550100', '0151 1234567'] })).toEqual([
      'to.1: the number `0151 1234567` has no country code',
    ])
    expect(problems({ to: ['+15550100', '+15550100'] })).toEqual([
      'to.1: the number `+15550100` is there twice',
    ])
    expect(problems({ to: [] })).toHaveLength(1)
    expect(problems({ to: [15550100] })).toHaveLength(1)
    expect(problems({ to: Array.from({ length: 51 }, (_, at) => `+1555${1000 + at}`) })).toHaveLength(1)
  })
})

describe('the account', () => {
  const { accountSid, authToken } = twilioAccount
  const written = { account_sid: accountSid, auth_token: authToken, from: '+15550000' }
  const problems = (more: object) =>
    twilioAccountSchema
      .safeParse({ ...written, ...more })
      .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []

  test('has sensible limits when nothing is said', () => {
    expect(twilioAccountSchema.parse(written)).toEqual({
      accountSid,
      authToken,
      from: '+15550000',
      baseUrl: 'https://api.twilio.com',
      publicUrl: null,
      price: null,
      prefix: '',
      maxSegments: 1,
      timeoutMs: 30_000,
      caps: { numberHour: 20, numberDay: 100, allHour: 100, allDay: 500, moneyDay: null, reserve: 0.25 },
    })
  })

  test.each(['+15550000', `MG${'0a'.repeat(16)}`, '12345', 'Greenhouse'])('may send from %s', (from) => {
    expect(problems({ from })).toEqual([])
  })

  test.each([
    [{ account_sid: `SK${'0a'.repeat(16)}` }, 'account_sid: `account_sid` holds an API key, not the account'],
    [{ account_sid: 'AC123' }, 'account_sid: `account_sid` is not the SID of an account'],
    [{ from: '0151 1234567' }, 'from: the number `0151 1234567` has no country code'],
    [
      { base_url: 'http://sms.example.com' },
      'base_url: `http://` would send the auth token unencrypted over the internet',
    ],
    [
      { base_url: 'https://user:pass@sms.example.com' },
      'base_url: `base_url` has a user, a `?` or a `#` in it',
    ],
    [{ public_url: 'tocsin.example.com' }, 'public_url: `public_url` is not a web address'],
    [{ public_url: 'https://my_host.example.com' }, 'public_url: Twilio refuses host names with `_`'],
    [{ public_url: 'http://localhost:8080' }, 'public_url: Twilio cannot reach the address in `public_url`'],
    [{ public_url: 'https://192.168.1.2' }, 'public_url: Twilio cannot reach the address in `public_url`'],
    [{ caps: { money: { day: 5 } } }, 'price: `caps.money` needs the price of a message'],
    [
      { prefix: 'Ферма' },
      'prefix: the prefix has a character that would make every text message longer; use plain letters',
    ],
  ])('tells about %j', (more, problem) => {
    expect(problems(more)).toEqual([problem])
  })

  test('a gateway of one’s own may be near, and have other accounts', () => {
    for (const base_url of [
      'http://127.0.0.1:4010/',
      'http://[::1]:4010',
      'http://sms-gateway:80',
      'http://10.1.2.3',
      'https://sms.example.com/v1/',
    ]) {
      expect(problems({ base_url, account_sid: 'farm', public_url: 'http://tocsin.lan:8080/' })).toEqual([])
    }
    const account = twilioAccountSchema.parse({
      ...written,
      base_url: 'https://sms.example.com/v1/',
      public_url: 'https://t.example.com/x/',
    })
    expect(account).toMatchObject({
      baseUrl: 'https://sms.example.com/v1',
      publicUrl: 'https://t.example.com/x',
    })
  })

  test('no problem shows the auth token or a password in an address', () => {
    const secret = 'hunter2-hunter2'
    const wrong = [
      { base_url: `ftp://u:${secret}@h` },
      { public_url: `https://u:${secret}@h.example.com` },
      { auth_token: [secret] },
    ]
    for (const more of wrong) {
      expect(problems(more)).toHaveLength(1)
      expect(JSON.stringify(problems(more))).not.toContain(secret)
    }
  })
})
