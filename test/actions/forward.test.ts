/** `forward`: what is passed on of a message, to which topic, and what is refused before anything runs. */
import { describe, expect, test } from 'vitest'
import { forward } from '../../src/actions/forward/forward.ts'
import { compileAction, receivedAtMs, runAction, type Situation } from './run-action.ts'

const message = (written: object, situation: Situation = {}) => {
  const effect = runAction(forward, { to: 'cloud', ...written }, { bytes: Buffer.from('x'), ...situation })
  if (typeof effect === 'string' || effect.kind !== 'publish') return effect
  return effect.message
}
const topic = (written: object, situation: Situation = {}) => {
  const sent = message(written, situation)
  return typeof sent === 'object' && 'topic' in sent ? sent.topic : sent
}
const problems = (written: object, situation: Situation = {}) =>
  compileAction(forward, { to: 'cloud', ...written }, situation).problems.map(
    ({ code, path, message: text }) => `${code} ${path.join('.')}: ${text}`,
  )

describe('the topic', () => {
  test.each<[object, string]>([
    [{}, 'sensors/d1/data'],
    [{ prefix: 'site1' }, 'site1/sensors/d1/data'],
    [{ prefix: 'site1/' }, 'site1/sensors/d1/data'],
    [{ prefix: '/' }, '/sensors/d1/data'],
    [{ prefix: 'by/{{ device }}' }, 'by/d1/sensors/d1/data'],
    [{ topic: 'flat/{{ device }}' }, 'flat/d1'],
  ])('%j leads to %s', (written, expected) => {
    expect(topic(written)).toBe(expected)
  })

  test('what is filled into a prefix adds no level; what is missing sends nothing', () => {
    expect(topic({ prefix: '{{ device }}' }, { captures: { device: 'a/#' } })).toBe('a%2F%23/sensors/d1/data')
    expect(topic({ prefix: '{{ payload.site }}' }, { payload: {} })).toMatch(/^missing: /)
  })

  test('none below tocsin/, however it comes about', () => {
    expect(topic({}, { topic: 'tocsin/status' })).toMatch(/^invalid: .*tocsin/)
    expect(topic({ prefix: 'site1' }, { topic: 'tocsin/status' })).toBe('site1/tocsin/status')
    expect(topic({ topic: '{{ device }}/x' }, { captures: { device: 'tocsin' } })).toMatch(
      /^invalid: .*tocsin/,
    )
  })

  test.each<[object, Situation, RegExp]>([
    [{ prefix: 'a', topic: 'b' }, {}, /^rule-conflict prefix: /],
    [{ prefix: '' }, {}, /^topic-empty prefix: /],
    [{ prefix: 'a/+/b' }, {}, /^topic-wildcard-in-name prefix: /],
    [{ prefix: 'a\nb' }, {}, /^topic-invalid-character prefix: /],
    [{ prefix: 'tocsin/x' }, {}, /^topic-reserved prefix: /],
    [{ topic: 'a/#' }, {}, /^topic-wildcard-in-name topic: /],
    [{}, { topics: ['tocsin/alerts/#'] }, /^topic-reserved : /],
    [{ to: 'moon' }, {}, /^rule-unknown-broker to: .*moon/],
  ])('%j is refused', (written, situation, expected) => {
    expect(problems(written, situation)).toEqual([expect.stringMatching(expected)])
  })

  test('leads where the checks are told', () => {
    const filters = (written: object) =>
      compileAction(forward, { to: 'cloud', ...written }, { topics: ['a/#', 'b/+'] }).action?.publishesTo.map(
        ({ broker, filter }) => `${broker} ${filter}`,
      )
    expect(filters({})).toEqual(['cloud a/#', 'cloud b/+'])
    expect(filters({ prefix: 'p/{{ device }}' })).toEqual(['cloud p/+/a/#', 'cloud p/+/b/+'])
    expect(filters({ topic: 'x/{{ device }}' })).toEqual(['cloud x/+'])
  })
})

describe('the message', () => {
  test('keeps its bytes, as a copy', () => {
    const read = Buffer.from([0, 255, 254, 1])
    const sent = message({}, { bytes: read.subarray(1, 3) })
    read.fill(7)
    expect(sent).toMatchObject({ payload: new Uint8Array([255, 254]), qos: 1, retain: false })
  })

  test('may be empty, but there has to be one', () => {
    expect(message({}, { bytes: new Uint8Array() })).toMatchObject({ payload: new Uint8Array(0) })
    const { action } = compileAction(forward, { to: 'cloud' })
    expect(action?.perMessage).toBe(true)
  })

  test('has the QoS it came with, or less; RETAIN as it is said', () => {
    expect(message({ qos: 0 })).toMatchObject({ qos: 0 })
    expect(message({ retain: true })).toMatchObject({ retain: true })
    expect(message({ retain: 'keep' })).toMatchObject({ retain: false })
    expect(message({ retain: 'keep' }, { retain: true })).toMatchObject({ retain: true })
    expect(message({ retain: false }, { retain: true })).toMatchObject({ retain: false })
  })

  test('keeps its properties: user properties in order, with repeats, and one more hop at their end', () => {
    const properties = {
      contentType: 'text/plain',
      responseTopic: 'r',
      correlationData: Buffer.from('c'),
      payloadFormatIndicator: true,
      userProperties: [
        ['b', '1'],
        ['tocsin-hops', '2'],
        ['a', '2'],
        ['b', '3'],
      ] as const,
    }
    expect(message({}, { properties })).toMatchObject({
      properties: {
        contentType: 'text/plain',
        responseTopic: 'r',
        correlationData: new Uint8Array(Buffer.from('c')),
        payloadFormatIndicator: true,
        userProperties: [
          ['b', '1'],
          ['a', '2'],
          ['b', '3'],
          ['tocsin-hops', '3'],
        ],
      },
    })
  })

  test('has less time left, by as long as it waited; what has none left is not sent', () => {
    // The rule acts one second after it came.
    const left = (seconds: number, receivedAt = receivedAtMs) =>
      message({}, { properties: { messageExpiryInterval: seconds }, receivedAt })
    expect(left(10)).toMatchObject({ properties: { messageExpiryInterval: 9 } })
    expect(left(10, receivedAtMs - 8_500)).toMatchObject({ properties: { messageExpiryInterval: 1 } })
    expect(left(1)).toBe('limit: the message has expired')
    // A clock that jumped back gives nothing.
    expect(left(10, receivedAtMs + 60_000)).toMatchObject({ properties: { messageExpiryInterval: 10 } })
  })

  test('that was passed on eight times is passed on no more', () => {
    const properties = { userProperties: [['tocsin-hops', '8'] as const] }
    expect(message({}, { properties })).toMatch(/^loop: the message was forwarded 8 times already/)
  })
})

test('the queue has bounds', () => {
  const queue = (written: object) => forward.schema.safeParse({ to: 'cloud', queue: written })
  expect(queue({}).data?.queue).toEqual({ max: 10_000, drop: 'oldest' })
  expect(forward.schema.parse({ to: 'cloud' }).queue).toEqual({ max: 10_000, drop: 'oldest' })
  expect(queue({ max: 1, drop: 'newest' }).success).toBe(true)
  for (const bad of [{ max: 0 }, { max: 100_001 }, { max: 1.5 }, { drop: 'all' }, { size: 1 }])
    expect(queue(bad).success).toBe(false)
})
