/** What a request message comes to, and where its answer may go. */
import { describe, expect, test } from 'vitest'
import type { MessageProperties } from '../../../src/core/message.ts'
import { makeMayAnswer } from '../../../src/core/requests/answer-place.ts'
import { isRequestTopic, readRequest } from '../../../src/engine/requests/read-request.ts'

const byDefault = makeMayAnswer(['response/#'])

function read(
  payload: string | Uint8Array,
  properties: MessageProperties | null = null,
  more: { retain?: boolean; oversized?: boolean; mayAnswer?: typeof byDefault } = {},
) {
  const message = {
    broker: 'default',
    topic: 'tocsin/request/status',
    payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
    qos: 1,
    retain: more.retain ?? false,
    dup: false,
    packetId: 1,
    receivedAt: 0,
    properties,
  } as const
  return readRequest(message, more.oversized ?? false, more.mayAnswer ?? byDefault)
}

test('only one level below tocsin/request is a request', () => {
  const topics = [
    'tocsin/request/status',
    'tocsin/request/',
    'tocsin/request',
    'tocsin/request/a/b',
    'x/request/a',
  ]
  expect(topics.map(isRequestTopic)).toEqual([true, true, false, false, false])
})

describe('a request', () => {
  test('has a verb, its fields without the id, and a place for the answer', () => {
    expect(read('{"request_id": "r 1", "limit": 3}')).toEqual({
      kind: 'request',
      verb: 'status',
      input: { limit: 3 },
      requestId: 'r 1',
      place: { topic: 'response/r 1', correlationData: null },
    })
  })

  test('prefers the response topic to the id, and keeps a copy of the correlation data', () => {
    const correlationData = Buffer.from('abc')
    const found = read('{"request_id": "r"}', { responseTopic: 'response/me', correlationData })
    correlationData.fill(0)
    expect(found).toMatchObject({ requestId: 'r', place: { topic: 'response/me' } })
    const kept = found.kind === 'request' ? found.place.correlationData : null
    expect(Buffer.from(kept ?? []).toString()).toBe('abc')
  })

  test('needs no payload when there is a response topic', () => {
    expect(read('', { responseTopic: 'response/me' })).toMatchObject({ kind: 'request', input: {} })
  })

  test('that is stored, too long to be taken in, or without a way to answer is dropped', () => {
    expect(read('{"request_id": "r"}', null, { retain: true })).toEqual({ kind: 'dropped' })
    expect(read('', { responseTopic: 'response/me' }, { retain: true })).toEqual({ kind: 'dropped' })
    expect(read('', null, { oversized: true })).toEqual({ kind: 'dropped' })
    expect(read('{}')).toEqual({ kind: 'dropped' })
  })

  test('of exactly 64 KiB is read, a longer one is not', () => {
    const padded = (sizeBytes: number) => {
      const empty = '{"request_id":"r","x":""}'
      return empty.replace('""', `"${'x'.repeat(sizeBytes - empty.length)}"`)
    }
    expect(read(padded(65_536))).toMatchObject({ kind: 'request' })
    expect(read(padded(65_537))).toEqual({ kind: 'dropped' })
    expect(read(padded(65_537), { responseTopic: 'response/me' })).toMatchObject({
      kind: 'wrong',
      asked: { error: { code: 'too-large' } },
    })
  })

  test('with names that objects inherit is only data', () => {
    const found = read('{"request_id": "r", "__proto__": {"limit": 1}, "constructor": 2}')
    expect(found.kind === 'request' ? Object.keys(found.input).sort() : null).toEqual([
      '__proto__',
      'constructor',
    ])
    expect('limit' in {}).toBe(false)
  })
})

describe('answers may go', () => {
  test('where respond_to says, never to topics of Tocsin or of the broker, nor to what is no topic', () => {
    const everywhere = makeMayAnswer(['#', 'tocsin/#', '$SYS/#'])
    const topics = [
      'response/a',
      'a',
      '/',
      'tocsin',
      'tocsin/request/status',
      'tocsin/x',
      '$SYS/x',
      '',
      'a/+',
      'a\0',
    ]
    expect(topics.filter(everywhere)).toEqual(['response/a', 'a', '/'])
    expect(topics.filter(byDefault)).toEqual(['response/a'])
    expect(topics.filter(makeMayAnswer([]))).toEqual([])
  })

  test('to response/<id> only when that is among them', () => {
    const mayAnswer = makeMayAnswer(['answers/#'])
    expect(read('{"request_id": "r"}', null, { mayAnswer })).toEqual({ kind: 'dropped' })
    const refused = read('{"request_id": "r"}', { responseTopic: 'response/r' }, { mayAnswer })
    expect(refused).toEqual({ kind: 'dropped', responseTopic: 'response/r' })
  })
})
