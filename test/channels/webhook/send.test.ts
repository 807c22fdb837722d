/** Webhooks against real servers: what goes over the wire, and what is made of the answers. */
import { createHmac } from 'node:crypto'
import { createServer } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { guardedLookup } from '../../../src/channels/webhook/guarded-lookup.ts'
import { webhook } from '../../../src/channels/webhook/webhook.ts'
import { connectWebhook } from '../../../src/channels/webhook/webhook-connection.ts'
import type { SendOutcome } from '../../../src/ports/channel.ts'
import { notification } from '../../conformance/channel-fixtures/fixture.ts'
import { type Authority, makeAuthority } from '../../support/certificates.ts'
import { within } from '../../support/wait-for.ts'
import { type HttpAnswer, type HttpStation, openHttpStation } from './http-station.ts'

const nowMs = Date.UTC(2026, 6, 31, 12)
let station: HttpStation

beforeAll(async () => {
  station = await openHttpStation()
})
beforeEach(() => {
  station.behaviour = { status: 200 }
  station.requests.clear()
})
afterAll(() => station.close())

const here = () => ({ url: `http://127.0.0.1:${station.port}/hook`, allow_http: true, allow_private: true })

function send(written: object, lookup?: ReturnType<typeof guardedLookup>): Promise<SendOutcome> {
  const connection = connectWebhook(() => nowMs, lookup)
  const target = webhook.targetSchema.parse(written)
  const request = { deliveryId: 'overheating/1.ops', notification: notification(), target }
  return within(8000, 'an outcome', connection.send({ ...request, signal: new AbortController().signal }))
}

describe('a request', () => {
  test('carries every field as JSON when no body is written', async () => {
    await send(here())
    const [request] = await station.requests.count(1)
    expect(request).toMatchObject({ method: 'POST', path: '/hook' })
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      'idempotency-key': 'overheating%2F1.ops',
      'user-agent': 'Tocsin',
    })
    expect(request?.json).toMatchObject({
      kind: 'firing',
      title: 'g1 is at 36.2 °C',
      severity: 'critical',
      at: '2026-07-31T12:07:00.000Z',
      alerts: [{ rule: 'overheating', since: '2026-07-31T12:05:00.000Z', labels: { site: 'greenhouse' } }],
    })
  })

  test('keeps the type of a value that is all of a leaf, and leaves keys alone', async () => {
    const body = {
      n: '{{ more }}',
      text: 'n {{ more }}',
      '{{ k }}': [true, '{{ nothing_here | default: 1 }}'],
    }
    expect(webhook.targetSchema.safeParse({ ...here(), body }).success).toBe(false)
    await send({ ...here(), body: { n: '{{ more }}', text: 'n {{ more }}', '{{ k }}': [true] } })
    expect((await station.requests.count(1))[0]?.json).toEqual({ n: 0, text: 'n 0', '{{ k }}': [true] })
  })

  test('can be a text, with another method', async () => {
    await send({
      ...here(),
      method: 'PUT',
      body: '{% for a in alerts %}{{ a.rule }} {{ a.values.value }}{% endfor %}',
    })
    const [request] = await station.requests.count(1)
    expect(request).toMatchObject({ method: 'PUT', headers: { 'content-type': 'text/plain; charset=utf-8' } })
    expect(request?.body.toString()).toBe('overheating 36.2 °C')
  })

  test('is signed over the time and the very bytes', async () => {
    await send({ ...here(), secret: 'shared secret' })
    const [request] = await station.requests.count(1)
    const signed = Buffer.concat([Buffer.from(`${nowMs / 1000}.`), request?.body ?? Buffer.alloc(0)])
    const mac = createHmac('sha256', 'shared secret').update(signed).digest('hex')
    expect(request?.headers['x-tocsin-signature']).toBe(`t=${nowMs / 1000},v1=${mac}`)
  })

  test('logs in as the URL says', async () => {
    await send({ ...here(), url: `http://ann:p%40ss@127.0.0.1:${station.port}/hook` })
    expect((await station.requests.count(1))[0]?.headers.authorization).toBe(`Basic ${btoa('ann:p@ss')}`)
  })
})

describe('an answer', () => {
  const cases: [HttpAnswer, object][] = [
    [{ status: 204 }, { ok: true, state: 'sent' }],
    [
      { status: 301, headers: { location: 'http://127.0.0.1:1/' } },
      { kind: 'permanent', reason: 'not-allowed' },
    ],
    [
      { status: 307, headers: { location: '/other' } },
      { kind: 'permanent', reason: 'not-allowed' },
    ],
    [
      { status: 400, body: 'invalid_payload' },
      { kind: 'permanent', reason: 'refused', message: /invalid_payload/ },
    ],
    [{ status: 401 }, { kind: 'permanent', reason: 'bad-credentials' }],
    [{ status: 408 }, { kind: 'temporary', reason: 'timeout' }],
    [{ status: 410 }, { kind: 'permanent', reason: 'bad-recipient' }],
    [{ status: 413 }, { kind: 'permanent', reason: 'too-large' }],
    [{ status: 429 }, { kind: 'temporary', reason: 'rate-limited' }],
    [
      { status: 429, headers: { 'retry-after': '7' } },
      { kind: 'temporary', retryAfterMs: 7000 },
    ],
    [
      { status: 429, headers: { 'retry-after': new Date(nowMs + 90_000).toUTCString() } },
      { kind: 'temporary', retryAfterMs: 90_000 },
    ],
    [{ status: 429, body: '{"retry_after": 0.25}' }, { retryAfterMs: 250 }],
    [{ status: 429, body: '{"ok":false,"parameters":{"retry_after":12}}' }, { retryAfterMs: 12_000 }],
    [{ status: 429, headers: { 'retry-after': '99999999' } }, { retryAfterMs: 86_400_000 }],
    [
      { status: 503, headers: { 'retry-after': '60' } },
      { kind: 'temporary', reason: 'server-error', retryAfterMs: 60_000 },
    ],
  ]
  test.each(cases)('%j is understood', async (answer, expected) => {
    station.behaviour = answer
    const outcome: Record<string, unknown> = { ...(await send(here())) }
    const { message, ...rest } = expected as { message?: RegExp }
    expect(outcome).toMatchObject(rest)
    if (message !== undefined) expect(outcome.message).toMatch(message)
    // No redirect is followed.
    expect(station.requests.items).toHaveLength(1)
  })

  test('is read to a limit only, and its status counts', async () => {
    let writtenBytes = 0
    station.behaviour = (response) => {
      response.writeHead(500)
      const more = () => {
        while (!response.destroyed && writtenBytes < 500_000_000) {
          writtenBytes += 65_536
          if (!response.write(Buffer.alloc(65_536, 'x'))) {
            response.once('drain', more)
            return
          }
        }
      }
      more()
    }
    expect(await send(here())).toMatchObject({ kind: 'temporary', reason: 'server-error' })
    expect(writtenBytes).toBeLessThan(50_000_000)
  })

  test('whose rest never comes is an answer all the same', async () => {
    station.behaviour = (response) => response.writeHead(200, { 'content-length': '10' }).write('half')
    expect(await send({ ...here(), timeout: '1s' })).toMatchObject({ ok: true })
  })
})

describe('a failure', () => {
  test('before TLS is agreed is no doubt: nothing was sent', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const address = silent.address()
    const port = typeof address === 'object' ? address?.port : 0
    const outcome = await send({ url: `https://127.0.0.1:${port}/`, allow_private: true, timeout: '1s' })
    expect(outcome).toMatchObject({ kind: 'temporary', reason: 'timeout' })
    silent.close()
  })

  test('to speak TLS is told as that', async () => {
    const outcome = await send({ url: `https://127.0.0.1:${station.port}/`, allow_private: true })
    expect(outcome).toMatchObject({ kind: 'temporary', reason: 'tls', message: /does not speak TLS/ })
  })

  describe('of a certificate', () => {
    let authority: Authority
    let secure: HttpStation
    beforeAll(async () => {
      authority = makeAuthority()
      secure = await openHttpStation(authority.sign('other', ['DNS:other.example']))
    })
    afterAll(async () => {
      await secure.close()
      authority.remove()
    })
    const there = () => ({ url: `https://127.0.0.1:${secure.port}/`, allow_private: true })

    test('is told, be it of an unknown authority or for another name', async () => {
      expect(await send(there())).toMatchObject({ kind: 'temporary', reason: 'tls' })
      const known = { ...there(), tls: { ca: authority.cert } }
      expect(await send(known)).toMatchObject({ kind: 'temporary', reason: 'tls', message: /ALTNAME/ })
      expect(secure.requests.items).toEqual([])
    })

    test('is let pass when told to', async () => {
      expect(await send({ ...there(), tls: { verify: false } })).toMatchObject({ ok: true })
    })
  })
})

describe('one’s own network', () => {
  test('is not reached by a name that leads there', async () => {
    const url = `http://localtest.example:${station.port}/hook`
    const inside = guardedLookup((_host, done) => done(null, [{ address: '127.0.0.1', family: 4 }]))
    expect(await send({ url, allow_http: true }, inside)).toMatchObject({
      kind: 'permanent',
      reason: 'not-allowed',
    })
    expect(station.requests.items).toEqual([])
  })

  test('is not reached by a name that led outside a moment ago', async () => {
    const url = `http://rebind.example:${station.port}/hook`
    let asked = 0
    const rebinding = guardedLookup((_host, done) => {
      asked += 1
      done(null, [{ address: asked === 1 ? '192.0.2.1' : '127.0.0.1', family: 4 }])
    })
    for (const _ of [1, 2]) {
      expect(await send({ url, allow_http: true }, rebinding)).toMatchObject({ reason: 'not-allowed' })
    }
    expect(asked).toBe(2)
    expect(station.requests.items).toEqual([])
  })

  test.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://localhost/',
    'http://a.localhost./',
    'http://169.254.169.254/latest/meta-data/',
    'http://10.1.2.3/',
  ])('%s is refused when the rules are read', (url) => {
    const read = webhook.targetSchema.safeParse({ url, allow_http: true })
    expect(read.error?.issues.map(({ message }) => message).join()).toMatch(/own network/)
  })

  test('is refused at the socket too, however the target came to be', async () => {
    const target = { ...webhook.targetSchema.parse(here()), allowPrivate: false }
    const connection = connectWebhook(() => nowMs)
    const outcome = await connection.send({
      ...{ deliveryId: '1', notification: notification(), target },
      signal: new AbortController().signal,
    })
    expect(outcome).toMatchObject({ kind: 'permanent', reason: 'not-allowed' })
  })
})

describe('what is written in a receiver', () => {
  const url = 'https://hooks.example.com/T0/B0/secret-marker'
  test.each<[object, RegExp]>([
    [{ url: 'http://hooks.example.com/secret-marker' }, /unencrypted/],
    [{ url: 'ftp://hooks.example.com/secret-marker' }, /not the URL/],
    [{ url: 'secret-marker' }, /not the URL/],
    [{ preset: 'slack' }, /needs a `url`/],
    [{ preset: 'telegram', chat_id: 1 }, /needs a `token`/],
    [{ preset: 'telegram', token: 'secret-marker' }, /needs a `chat_id`/],
    [{ preset: 'pagerduty' }, /needs a `routing_key`/],
    [{ url, routing_key: 'secret-marker' }, /is for pagerduty/],
    [{ url, preset: 'slack', body: {} }, /form of its own/],
    [{ url, preset: 'ntfy', method: 'PUT' }, /always sent with POST/],
    [{ url: 'https://ntfy.sh/', preset: 'ntfy' }, /ends with the topic/],
    [{ url, headers: { 'A b': 'secret-marker' } }, /name of a header/],
    [{ url, headers: { A: 'secret-marker\r\nB: c' } }, /cannot stand in a header/],
    [{ url, headers: { Host: 'secret-marker' } }, /set by Tocsin/],
    [{ url, body: { a: ['{{ titel }}'] } }, /titel/],
    [{ url, body: '{{ title' }, /./],
  ])('%j is refused in words', (written, words) => {
    const read = webhook.targetSchema.safeParse(written)
    const messages = (read.error?.issues ?? []).map(({ message }) => message)
    expect(messages.join('\n')).toMatch(words)
    expect(messages.join('\n')).not.toContain('secret-marker')
  })

  test('names the place of a template that cannot be read', () => {
    const read = webhook.targetSchema.safeParse({ url, body: { a: ['x', '{{ titel }}'] } })
    expect(read.error?.issues[0]).toMatchObject({
      path: ['body', 'a', 1],
      params: { code: 'template-unknown-variable' },
    })
  })

  test('does not show in the address', () => {
    const [only] = webhook.targets(webhook.targetSchema.parse({ url }))
    expect(only?.address).toMatch(/^hooks\.example\.com#[0-9a-f]{8}$/)
  })
})
