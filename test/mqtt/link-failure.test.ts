import { describe, expect, it } from 'vitest'
import { type BrokerOptions, backoffMs, resolveOptions } from '../../src/mqtt/connect-options.ts'
import { type DownCause, explainFailure } from '../../src/mqtt/link-failure.ts'
import { ReadPacer } from '../../src/mqtt/read-pacer.ts'

const plain: BrokerOptions = { name: 'default', url: 'mqtt://ops:s3cret@broker.test', clientId: 'tocsin-1' }

function explain(cause: DownCause, options: Partial<BrokerOptions> = {}, more = {}) {
  return explainFailure(cause, {
    options: resolveOptions({ ...plain, ...options }),
    clientId: 'tocsin-1',
    wasOnline: false,
    earlyCloses: 0,
    ...more,
  })
}

function socketError(code: string, message = code): DownCause {
  return { kind: 'socket', error: Object.assign(new Error(message), { code }), opened: false }
}

describe('the words for a failure', () => {
  it.each<[string, DownCause, string, RegExp]>([
    ['a refused client id (3.1.1)', { kind: 'connack', code: 2 }, 'client-id-rejected', /tocsin-1/],
    ['a refused client id (5)', { kind: 'connack', code: 0x85 }, 'client-id-rejected', /tocsin-1/],
    ['bad credentials (3.1.1)', { kind: 'connack', code: 4 }, 'bad-credentials', /username or the password/],
    ['bad credentials (5)', { kind: 'connack', code: 0x86 }, 'bad-credentials', /username or the password/],
    ['not authorised (3.1.1)', { kind: 'connack', code: 5 }, 'not-authorised', /"ops".*wrong password/],
    ['banned', { kind: 'connack', code: 0x8a }, 'not-authorised', /banned/],
    ['a busy broker', { kind: 'connack', code: 0x89 }, 'closed', /busy/],
    ['a shutdown', { kind: 'disconnect', code: 0x8b }, 'closed', /shutting down/],
    ['a taken id', { kind: 'disconnect', code: 0x8e }, 'client-id-taken', /Another client/],
    ['anything else a broker says', { kind: 'disconnect', code: 0x98 }, 'protocol', /0x98/],
    ['a lost keepalive', { kind: 'keepalive' }, 'timeout', /stopped answering/],
    ['a host that cannot be reached', socketError('EHOSTUNREACH'), 'timeout', /cannot be reached/],
    ['a name service that fails', socketError('EAI_AGAIN'), 'host-not-found', /broker\.test/],
    ['a certificate of the future', socketError('CERT_NOT_YET_VALID'), 'tls', /not valid yet/],
    ['an unknown error', socketError('EWHATEVER'), 'closed', /EWHATEVER/],
  ])('names %s', (_name, cause, reason, words) => {
    const failure = explain(cause)
    expect(failure.reason).toBe(reason)
    expect(failure.message).toMatch(words)
    expect(failure.help.length).toBeGreaterThan(5)
  })

  it('never show the password or a token', () => {
    const url = 'wss://ops:s3cret@broker.test/mqtt?token=t0ken'
    const causes: DownCause[] = [
      { kind: 'closed' },
      { kind: 'connack', code: 5 },
      { kind: 'keepalive' },
      { kind: 'connect-timeout' },
      { kind: 'publish-timeout' },
      { kind: 'not-mqtt', saw: 'http' },
      socketError('ECONNREFUSED'),
      socketError('ECONNRESET'),
    ]
    for (const cause of causes) {
      const text = JSON.stringify(explain(cause, { url }))
      expect(text).not.toMatch(/s3cret|t0ken/)
      expect(text).toContain('broker.test')
    }
  })

  it('suspect a taken id only after several closes soon after connecting', () => {
    expect(explain({ kind: 'closed' }, {}, { wasOnline: true, earlyCloses: 2 }).reason).toBe('closed')
    expect(explain({ kind: 'closed' }, {}, { wasOnline: true, earlyCloses: 3 }).reason).toBe(
      'client-id-taken',
    )
  })
})

describe('the options of a connection', () => {
  it.each([
    ['mqtt://h', 'h', 1883],
    ['mqtts://h', 'h', 8883],
    ['ws://h/mqtt', 'h', 80],
    ['wss://h/mqtt', 'h', 443],
    ['mqtt://[::1]:9', '::1', 9],
  ])('read %s', (url, host, port) => {
    expect(resolveOptions({ ...plain, url }).endpoint).toMatchObject({ host, port })
  })

  it('take user and password from the URL unless they are given apart', () => {
    expect(resolveOptions({ ...plain, url: 'mqtt://a%40b:p%3A@h' })).toMatchObject({
      username: 'a@b',
      password: 'p:',
    })
    expect(resolveOptions({ ...plain, username: 'x', password: 'y' })).toMatchObject({
      username: 'x',
      password: 'y',
    })
  })

  it('name the server for TLS, unless it is an address', () => {
    expect(resolveOptions({ ...plain, url: 'mqtts://h.test' }).endpoint.tls.servername).toBe('h.test')
    expect(resolveOptions({ ...plain, url: 'mqtts://10.0.0.1' }).endpoint.tls.servername).toBeUndefined()
    const tls = { serverName: 'other.test' }
    expect(resolveOptions({ ...plain, url: 'mqtts://10.0.0.1', tls }).endpoint.tls.servername).toBe(
      'other.test',
    )
  })

  it('refuse a password without a username', () => {
    expect(() => resolveOptions({ ...plain, url: 'mqtt://h', password: 's3cret' })).toThrow(
      /^The password of broker default/,
    )
  })

  it('refuse another scheme without showing what may be secret', () => {
    expect(() => resolveOptions({ ...plain, url: 'http://a:s3cret@h' })).toThrow(
      /^The URL of broker default must begin/,
    )
  })
})

describe('backoff', () => {
  const reconnect = { minMs: 1_000, maxMs: 60_000, jitter: 0.3 }

  it('doubles up to its limit', () => {
    const delays = [0, 1, 2, 5, 6, 1_000].map((attempt) => backoffMs(reconnect, attempt, 0))
    expect(delays).toEqual([1_000, 2_000, 4_000, 32_000, 60_000, 60_000])
  })

  it('is shortened by chance, so that many do not come back at once', () => {
    expect(backoffMs(reconnect, 0, 0.5)).toBe(850)
  })
})

describe('the pace of reading', () => {
  it('never rests on a quiet line', () => {
    const pacer = new ReadPacer()
    for (let atMs = 0; atMs < 5_000; atMs++) expect(pacer.rests(100, atMs)).toBe(false)
  })

  it('rests on a busy line, until reads bring little', () => {
    const pacer = new ReadPacer()
    const busy = Array.from({ length: 300 }, (_, index) => pacer.rests(100, index * 0.05))
    expect(busy.includes(true)).toBe(true)

    const rested = new ReadPacer()
    for (let reads = 0; !rested.rests(2_000, 0); reads++) expect(reads).toBeLessThan(300)
    const poor = Array.from({ length: 6 }, () => rested.rests(100, 1))
    expect(poor).toEqual([true, true, true, true, true, false])
  })
})
