/** The channel against Twilio's local stand-in: sending, failing, asking what became of a message. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import twilio from 'twilio'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { twilioAccountSchema } from '../../../src/channels/sms/account.ts'
import { sms, textFor } from '../../../src/channels/sms/sms.ts'
import type { Notification } from '../../../src/core/alerts/notification.ts'
import type { ChannelConnection, FindRequest, SendOutcome } from '../../../src/ports/channel.ts'
import { notification } from '../../conformance/channel-fixtures/fixture.ts'
import { type TwilioBehaviour, TwilioServer, twilioAccount } from '../../support/twilio.ts'
import { within } from '../../support/wait-for.ts'

const { accountSid, authToken } = twilioAccount
const target = { to: ['+15550100'] }
type Target = { readonly to: string[] }

let server: TwilioServer
let connection: ChannelConnection<Target>

const account = (more: object = {}) =>
  twilioAccountSchema.parse({
    account_sid: accountSid,
    auth_token: authToken,
    from: '+15550000',
    base_url: server.url,
    public_url: 'https://tocsin.example.com/base',
    timeout: '1s',
    ...more,
  })
const connect = (more: object = {}) => sms.connect(account(more), { nowMs: () => Date.now() })
const send = (deliveryId = 'd1', what: Partial<Notification> = {}, to = target): Promise<SendOutcome> =>
  within(
    5_000,
    'an outcome',
    connection.send({
      deliveryId,
      notification: notification(what),
      target: to,
      signal: new AbortController().signal,
    }),
  )
const find = (request: Partial<FindRequest<Target>> = {}): Promise<SendOutcome | null> =>
  connection.find?.({
    deliveryId: 'd1',
    notification: notification(),
    target,
    signal: new AbortController().signal,
    attemptedMs: Date.now() - 10_000,
    ...request,
  }) ?? Promise.resolve(null)
const fault = (status: number, code: number | null, more: object = {}): TwilioBehaviour => ({
  kind: 'answers',
  fault: { status, code, message: `about ${authToken} and ${accountSid}`, ...more },
})

beforeEach(async () => {
  server = await TwilioServer.start()
  connection = connect()
})
afterEach(async () => {
  await connection.close()
  await server.stop()
})

describe('sending', () => {
  test('gives Twilio number, text and where to report', async () => {
    expect(await send('rule/1 &?')).toEqual({
      ok: true,
      providerId: expect.stringMatching(/^SM[0-9a-f]{32}$/),
      state: 'sent',
      units: 1,
    })
    const [request] = await server.requests.count(1)
    expect(Object.fromEntries(request?.form ?? [])).toEqual({
      To: '+15550100',
      From: '+15550000',
      Body: 'CRITICAL g1 is at 36.2 °C Reply ACK 4F7',
      StatusCallback: 'https://tocsin.example.com/base/twilio/status?delivery=rule%2F1%20%26%3F',
    })
  })

  test('by a messaging service, without a public address', async () => {
    connection = connect({ from: `MG${'0a'.repeat(16)}`, public_url: undefined, max_segments: 3 })
    expect(await send('d1', { title: 'x'.repeat(200), ackUrl: null })).toMatchObject({ ok: true, units: 2 })
    const [request] = await server.requests.count(1)
    expect([...(request?.form.keys() ?? [])].sort()).toEqual(['Body', 'MessagingServiceSid', 'To'])
  })

  test('puts the same on the wire as the whole of Twilio’s own client', async () => {
    await send()
    const whole = twilio(accountSid, authToken)
    const stock = whole.httpClient
    if (stock === undefined) throw new Error('the client has no transport')
    const request = stock.request.bind(stock)
    stock.request = (asked) =>
      request({ ...asked, uri: asked.uri.replace('https://api.twilio.com', server.url) })
    const created = await whole.messages.create({
      to: '+15550100',
      from: '+15550000',
      body: 'CRITICAL g1 is at 36.2 °C Reply ACK 4F7',
      statusCallback: 'https://tocsin.example.com/base/twilio/status?delivery=d1',
    })
    expect(created.status).toBe('queued')
    const [ours, theirs] = await server.requests.count(2)
    expect([...(ours?.form ?? [])].sort()).toEqual([...(theirs?.form ?? [])].sort())
    const compared = ['authorization', 'content-type', 'accept'] as const
    for (const header of compared) expect(ours?.headers[header]).toBe(theirs?.headers[header])
    const listed = await whole.messages.list({ to: '+15550100', limit: 5 })
    expect(listed.map(({ sid }) => sid)).toContain(created.sid)
  })

  test('100 at once, over no more connections than it says', async () => {
    const numbers = Array.from({ length: 100 }, (_, at) => `+1555${1_000 + at}`)
    const outcomes = await Promise.all(numbers.map((number) => send(`to ${number}`, {}, { to: [number] })))
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(100)
    expect(server.messages.map(({ to }) => to).sort()).toEqual(numbers)
    expect(server.concurrent.most).toBeLessThanOrEqual(connection.parallel)
  })
})

test('what it costs is known before', () => {
  connection = connect({ price: 0.0079, max_segments: 3 })
  expect(connection.cost?.(notification())).toEqual({ units: 1, price: 0.0079 })
  expect(connection.cost?.(notification({ title: 'x'.repeat(1_000) }))).toEqual({ units: 3, price: 0.0079 })
})

describe('what an error means', () => {
  test.each([
    [401, 20003, 'permanent', 'bad-credentials', 'auth_token'],
    [404, 20404, 'permanent', 'bad-credentials', 'account_sid'],
    [400, 21211, 'permanent', 'bad-recipient', 'receiver'],
    [400, 21614, 'permanent', 'bad-recipient', 'mobile'],
    [400, 21408, 'permanent', 'not-allowed', 'Geo permissions'],
    [400, 21610, 'permanent', 'not-allowed', 'START'],
    [400, 21608, 'permanent', 'not-allowed', 'trial'],
    [400, 21606, 'permanent', 'refused', 'settings.twilio.from'],
    [400, 21609, 'permanent', 'refused', 'public_url'],
    [400, 21617, 'permanent', 'too-large', 'too long'],
    [400, 29999, 'permanent', 'refused', 'error 29999'],
    [429, 20429, 'temporary', 'rate-limited', 'slowly'],
    [429, null, 'temporary', 'rate-limited', 'slowly'],
    [400, 21611, 'temporary', 'rate-limited', 'wait'],
    [408, null, 'temporary', 'timeout', '408'],
    [503, 20503, 'temporary', 'server-error', 'not available'],
    [500, 20500, 'ambiguous', 'server-error', 'perhaps after'],
    [502, null, 'ambiguous', 'server-error', '502'],
    [302, null, 'temporary', 'refused', 'base_url'],
    [403, null, 'temporary', 'refused', 'base_url'],
  ] as const)('%i with code %s is %s, %s', async (status, code, kind, reason, words) => {
    const body = code === null ? { body: `<html>${authToken}</html>` } : {}
    server.behave(fault(status, code, body))
    const outcome = await send()
    expect(outcome).toMatchObject({ ok: false, kind, reason, message: expect.stringContaining(words) })
    expect(JSON.stringify(outcome)).not.toContain(authToken)
    expect(JSON.stringify(outcome)).not.toContain(accountSid)
  })

  test('the newer form of errors (RFC 9457) is read as well', async () => {
    const problem = {
      type: 'https://www.twilio.com/docs/api/errors/21610',
      title: 'x',
      status: 400,
      code: 21610,
    }
    server.behave(fault(400, 21610, { body: JSON.stringify(problem) }))
    expect(await send()).toMatchObject({ kind: 'permanent', reason: 'not-allowed' })
  })

  test.each([
    ['7', 7_000],
    ['99999999', 3_600_000],
    ['soon', undefined],
    ['-5', undefined],
    ['Thu, 01 Jan 1970 00:00:00 GMT', undefined],
  ])('Retry-After: %s', async (header, retryAfterMs) => {
    server.behave(fault(429, 20429, { headers: { 'Retry-After': header } }))
    const outcome = await send()
    expect('retryAfterMs' in outcome ? outcome.retryAfterMs : undefined).toBe(retryAfterMs)
  })

  test('Retry-After may be a date', async () => {
    const header = new Date(Date.now() + 60_000).toUTCString()
    server.behave(fault(503, null, { headers: { 'Retry-After': header } }))
    const outcome = await send()
    if (outcome.ok) throw new Error('it was sent')
    expect(outcome.retryAfterMs).toBeGreaterThan(55_000)
    expect(outcome.retryAfterMs).toBeLessThanOrEqual(60_000)
  })

  test('a success that cannot be read is ambiguous', async () => {
    for (const body of ['<html>ok</html>', '{}', '[]', 'null', '{"sid":']) {
      server.behave(fault(201, null, { body }))
      expect({ body, outcome: await send() }).toMatchObject({
        outcome: { kind: 'ambiguous', reason: 'server-error' },
      })
    }
  })

  test('an endless answer is not read to its end', async () => {
    server.behave(fault(201, null, { body: ' '.repeat(2_000_000) }))
    expect(await send()).toMatchObject({ kind: 'ambiguous', reason: 'server-error' })
  })

  test('silence is ambiguous once the request was sent', async () => {
    server.behave({ kind: 'hangs', when: 'after-taking' })
    expect(await send()).toMatchObject({ kind: 'ambiguous', reason: 'timeout' })
    server.behave({ kind: 'drops', when: 'after-taking' })
    expect(await send()).toMatchObject({ kind: 'ambiguous', reason: 'unreachable' })
  })

  test('each of many that were taken and not answered is ambiguous, those that waited for a connection too', async () => {
    connection = connect({ timeout: '5s' })
    server.behave({ kind: 'takes' })
    const first = Array.from({ length: 3 * connection.parallel }, (_, at) => send(`d${at}`))
    await server.requests.count(connection.parallel)
    server.behave({ kind: 'drops', when: 'after-taking' })
    const outcomes = await Promise.all(first)
    expect(outcomes.filter(({ ok }) => ok).length).toBeGreaterThan(0)
    const lost = outcomes.filter((outcome) => !outcome.ok && outcome.kind === 'ambiguous')
    expect(lost.length).toBeGreaterThan(0)
    expect(outcomes.filter(({ ok }) => ok).length + lost.length).toBe(outcomes.length)
    expect(server.messages).toHaveLength(outcomes.length)
  })

  test('a name that does not exist was never sent to', async () => {
    connection = connect({ base_url: 'https://twilio.invalid' })
    expect(await send()).toMatchObject({ kind: 'temporary', reason: 'unreachable' })
  })

  test('a TLS handshake that never ends was never sent to', async () => {
    const mute = createServer((socket) => socket.on('error', () => {}).resume())
    mute.listen(0, '127.0.0.1')
    await once(mute, 'listening')
    const address = mute.address()
    const port = typeof address === 'object' ? address?.port : 0
    connection = connect({ base_url: `https://127.0.0.1:${port}` })
    expect(await send()).toMatchObject({ kind: 'temporary', reason: 'timeout' })
    await connection.close()
    mute.close()
  })

  test('a server without TLS, or with a certificate that nobody vouches for, was never sent to', async () => {
    connection = connect({ base_url: server.url.replace('http:', 'https:') })
    expect(await send()).toMatchObject({ kind: 'temporary', reason: 'tls' })
    expect(server.requests.items).toEqual([])
  })
})

describe('after an ambiguous attempt', () => {
  test('the message is found by number, text and time', async () => {
    server.behave({ kind: 'drops', when: 'after-taking' })
    await send()
    expect(await find({ attemptedMs: Date.now() })).toEqual({
      ok: true,
      providerId: server.messages[0]?.sid,
      state: 'sent',
      units: 1,
    })
  })

  test('also when a trial account put its own words before it, and its clock is wrong', async () => {
    server.textPrefix = 'Sent from your Twilio trial account - '
    server.aheadMs = -3_600_000
    server.behave({ kind: 'drops', when: 'after-taking' })
    await send()
    expect(await find({ attemptedMs: Date.now() })).toMatchObject({ ok: true })
  })

  test('what Twilio has not got may be sent again', async () => {
    server.behave({ kind: 'drops', when: 'before-taking' })
    expect(await send()).toMatchObject({ kind: 'ambiguous' })
    expect(await find()).toMatchObject({ ok: false, kind: 'temporary', reason: 'timeout' })
  })

  test('but not at once: its list may lag', async () => {
    expect(await find({ attemptedMs: Date.now() })).toBeNull()
  })

  test('the same text of an earlier delivery is not taken for it', async () => {
    await send('earlier')
    expect(await find()).toMatchObject({ kind: 'temporary' })
    connection = connect()
    // Another process knows its sids no more; by time it tells them apart.
    expect(await find({ attemptedMs: Date.now() + 60_000 })).toBeNull()
    server.aheadMs = 0
    expect(await find()).toMatchObject({ ok: true })
  })

  test('another text or another number is not taken for it', async () => {
    await send('other', { title: 'g2 is at 40 °C' })
    await send('other', {}, { to: ['+15550999'] })
    connection = connect()
    expect(await find()).toMatchObject({ kind: 'temporary' })
  })

  test('what was taken and then failed is told', async () => {
    await send()
    const message = server.messages[0]
    if (message !== undefined) message.status = 'failed'
    expect(await find()).toMatchObject({ ok: false, kind: 'permanent', reason: 'refused' })
    if (message !== undefined) message.status = 'delivered'
    expect(await find()).toMatchObject({ ok: true, state: 'delivered' })
  })

  test('a list that cannot be asked says nothing', async () => {
    for (const status of [500, 503, 429, 401]) {
      server.behave({ kind: 'takes' }, { status, code: null, message: 'no' })
      expect(await find()).toMatchObject({ ok: false, kind: 'ambiguous' })
    }
  })

  test('a list that is longer than a page, or whose texts were deleted, cannot tell', async () => {
    for (let at = 0; at < 50; at += 1) await send(`other ${at}`, { title: `g${at}` })
    expect(await find()).toBeNull()
    server.messages.length = 0
    await send('redacted', { title: 'x' })
    Object.assign(server.messages[0] ?? {}, { body: '' })
    expect(await find()).toBeNull()
  })

  test('asking before trying again makes at most one message, whatever Twilio does', async () => {
    const troubles: TwilioBehaviour[] = [
      { kind: 'hangs', when: 'after-taking' },
      { kind: 'drops', when: 'after-taking' },
      { kind: 'drops', when: 'before-taking' },
      { ...fault(500, 20500), afterTaking: true } as TwilioBehaviour,
      fault(500, 20500),
      fault(429, 20429),
      fault(503, null),
    ]
    for (const trouble of troubles) {
      server.messages.length = 0
      connection = connect()
      server.behave(trouble)
      let outcome: SendOutcome | null = await send('again')
      server.behave({ kind: 'takes' })
      if (!outcome.ok && outcome.kind === 'ambiguous') outcome = await find({ deliveryId: 'again' })
      if (outcome?.ok === false && outcome.kind === 'temporary') outcome = await send('again')
      expect(outcome).toMatchObject({ ok: true })
      expect(server.messages).toHaveLength(1)
    }
  })
})

test('the text is the same each time, for it is how a message is found again', () => {
  expect(textFor(account(), notification())).toEqual(textFor(account(), notification()))
})
