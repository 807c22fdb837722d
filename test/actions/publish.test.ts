import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { publish } from '../../src/actions/publish/publish.ts'
import { maxPayloadBytes } from '../../src/actions/shared/payload.ts'
import { intersects } from '../../src/core/topics/relations.ts'
import { compileAction, runAction, type Situation } from './run-action.ts'

/** The message that goes out, its payload as text; or the reason why none does. */
function sent(written: object, situation?: Situation) {
  const effect = runAction(publish, { topic: 't', ...written }, situation)
  if (typeof effect === 'string') return effect
  if (effect.kind !== 'publish') throw new Error(effect.kind)
  return { ...effect.message, broker: effect.broker, payload: Buffer.from(effect.message.payload).toString() }
}

function payloadOf(payload: unknown, situation?: Situation) {
  const message = sent({ payload }, situation)
  return typeof message === 'string' ? message : message.payload
}

function codes(written: object, situation?: Situation) {
  return compileAction(publish, { topic: 't', ...written }, situation).problems.map(({ code }) => code)
}

test('the router rule of every tutorial', () => {
  const action = {
    topic: 'sensors/{{ device }}/alert',
    payload: { type: 'high_temp', value: '{{ payload }}' },
  }
  expect(sent(action, { payload: 36.5, captures: { device: 'g1' } })).toEqual({
    broker: 'default',
    topic: 'sensors/g1/alert',
    payload: '{"type":"high_temp","value":36.5}',
    qos: 1,
    retain: false,
  })
})

describe('the payload', () => {
  const payload = { t: 21.5, on: false, text: 'hot', list: [1, 2], deep: { x: 1 }, none: null }

  test.each<[string, unknown, string]>([
    ['a text goes as it is', 'ON', 'ON'],
    ['a text with values in it', 'at {{ payload.t }} °C', 'at 21.5 °C'],
    ['a text marks what is missing', 'at {{ payload.nope }}', 'at ?'],
    ['a number keeps its type', '{{ payload.t }}', '21.5'],
    ['a boolean keeps its type', '{{ payload.on }}', 'false'],
    ['a string is not quoted', '{{ payload.text }}', 'hot'],
    ['a list is JSON', '{{ payload.list }}', '[1,2]'],
    ['a map is JSON', '{{ payload.deep }}', '{"x":1}'],
    ['the whole payload', '{{ payload }}', JSON.stringify(payload)],
    [
      'templates deep inside',
      { a: ['{{ payload.t }}', { b: 'x{{ payload.t }}' }] },
      '{"a":[21.5,{"b":"x21.5"}]}',
    ],
    ['what is missing inside is null', { a: '{{ payload.nope }}' }, '{"a":null}'],
    ['a number', 5, '5'],
    ['a boolean', true, 'true'],
    ['null', null, 'null'],
    ['an empty text', '', ''],
  ])('%s', (_, written, text) => {
    expect(payloadOf(written, { payload })).toBe(text)
  })

  test('bytes go as they are', () => {
    const effect = runAction(
      publish,
      { topic: 't', payload: '{{ payload }}' },
      { payload: new Uint8Array([0, 255]) },
    )
    expect(effect).toMatchObject({ message: { payload: new Uint8Array([0, 255]) } })
  })

  test('without one it is empty, and so clears a retained message', () => {
    expect(sent({ retain: true })).toMatchObject({ payload: '', retain: true })
  })

  test.each([{ payload: {} }, { payload: { x: null } }, {}])(
    'a whole payload that is missing is not sent: %j',
    (situation) => {
      expect(payloadOf('{{ payload.x }}', situation)).toMatch(/^missing: .*payload\.x/)
    },
  )

  test('its size is bounded', () => {
    expect(payloadOf('{{ payload }}', { payload: 'x'.repeat(maxPayloadBytes) })).toHaveLength(maxPayloadBytes)
    expect(payloadOf('{{ payload }}', { payload: 'x'.repeat(maxPayloadBytes + 1) })).toMatch(/^limit: /)
  })
})

describe('the topic', () => {
  test('a value never adds a level or a wildcard', () => {
    const topic = 'a/{{ payload }}/b'
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (payload) => {
        const message = sent({ topic }, { payload })
        if (typeof message === 'string') {
          expect(payload).toMatch(/\p{Noncharacter_Code_Point}/u)
          return
        }
        expect(message.topic.split('/')).toHaveLength(3)
        expect(message.topic).not.toMatch(/[+#\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u)
      }),
    )
  })

  test('a bare #name keeps its levels', () => {
    const situation = { captures: { rest: 'a/b' }, keepLevels: ['rest'] }
    expect(sent({ topic: 'out/{{ rest }}' }, situation)).toMatchObject({ topic: 'out/a/b' })
  })

  test('a missing value cancels the message', () => {
    expect(sent({ topic: 'a/{{ payload.room }}' }, { payload: {} })).toMatch(/^missing: /)
  })

  test.each([
    ['a/+/b', 'topic-wildcard-in-name', 2],
    ['a/{{ device }}/#', 'topic-wildcard-in-name', 15],
    ['a\nb', 'topic-invalid-character', 1],
    ['{{ device }}/\u0007', 'topic-invalid-character', 13],
    ['tocsin/status', 'topic-reserved', 0],
    ['tocsin', 'topic-reserved', 0],
    ['tocsin/{{ device }}', 'topic-reserved', 0],
    ['a/{{ devise }}', 'template-unknown-variable', 5],
  ])('%j is refused as %s at %i', (topic, code, offset) => {
    expect(compileAction(publish, { topic }).problems).toMatchObject([
      { code, offset, path: ['topic'], severity: 'error' },
    ])
  })

  test('an empty one is refused', () => {
    expect(codes({ topic: '' })).toEqual(['topic-empty'])
  })

  test.each(['tocsinx/a', 'a/tocsin/b', '$aws/things/x'])('%j is allowed', (topic) => {
    expect(codes({ topic })).toEqual([])
  })

  test('no device can make it one of Tocsin’s own', () => {
    expect(sent({ topic: '{{ payload }}/request/ack' }, { payload: 'tocsin' })).toMatch(/^invalid: /)
    expect(sent({ topic: 'toc{{ payload }}' }, { payload: 'sin' })).toMatch(/^invalid: /)
    const levels = { captures: { rest: 'tocsin/request/ack' }, keepLevels: ['rest'] }
    expect(sent({ topic: '{{ rest }}' }, levels)).toMatch(/^invalid: /)
  })
})

describe('where it may publish', () => {
  test.each([
    ['a/b', 'a/b'],
    ['a/{{ device }}/b', 'a/+/b'],
    ['a-{{ device }}/b', '+/b'],
    ['a/{{ device }}-{{ device }}/b', 'a/+/b'],
    ['{{ device }}x/{{ payload.y | default: "a/b}}" }}', '+/+'],
    ['a/{{ rest }}', 'a/#'],
    ['a/{{ rest }}/b', 'a/#'],
    ['a/x{{ rest }}/b', 'a/#'],
    ['a/{{ rest | upcase }}/b', 'a/+/b'],
    ['a/{% if payload.on %}b/c{% else %}d{% endif %}/e', 'a/#'],
  ])('%s → %s', (topic, filter) => {
    const situation = { captures: { device: 'd', rest: 'x/y' }, keepLevels: ['rest'] }
    const { action } = compileAction(publish, { topic, broker: 'cloud' }, situation)
    expect(action?.publishesTo).toEqual([{ broker: 'cloud', filter }])
  })

  test('covers every topic it gives', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '/',
      '{{ device }}',
      '{{ rest }}',
      '{% if device == "x" %}c/{% endif %}',
    )
    const topics = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''))
    const values = fc.record({
      device: fc.constantFrom('x', 'y/z', 'ä'),
      rest: fc.constantFrom('x', 'x/y', 'x/y/z'),
    })
    fc.assert(
      fc.property(topics, values, (topic, captures) => {
        const situation = { captures, keepLevels: ['rest'] }
        const message = sent({ topic }, situation)
        const filter = compileAction(publish, { topic }, situation).action?.publishesTo[0]?.filter ?? ''
        if (typeof message === 'string') return
        expect(intersects({ levels: message.topic.split('/') }, { levels: filter.split('/') })).toBe(true)
      }),
    )
  })
})

describe('the other keys', () => {
  test('it goes to the rule’s broker or the one that is named', () => {
    expect(sent({ broker: 'cloud' })).toMatchObject({ broker: 'cloud' })
    expect(compileAction(publish, { topic: 't', broker: 'clod' }).problems).toMatchObject([
      { code: 'rule-unknown-broker', path: ['broker'], help: expect.stringContaining('cloud') },
    ])
  })

  test('QoS 2 is refused with words, other numbers too', () => {
    expect(publish.schema.safeParse({ topic: 't', qos: 2 }).error?.issues[0]?.message).toContain(
      'QoS 2 is not offered',
    )
    expect(publish.schema.safeParse({ topic: 't', qos: 3 }).error?.issues[0]?.message).toContain(
      'at least once',
    )
    expect(sent({ qos: 0 })).toMatchObject({ qos: 0 })
  })

  test('an unknown key is an error', () => {
    expect(publish.schema.safeParse({ topic: 't', retained: true }).success).toBe(false)
  })

  test('all problems are told at once', () => {
    const written = {
      topic: 'a/+',
      payload: { x: ['{{ nope }}'] },
      broker: 'x',
      properties: { user: { a: '{{ nope }}' } },
    }
    expect(compileAction(publish, written).problems.map(({ code, path }) => [code, path.join('.')])).toEqual([
      ['topic-wildcard-in-name', 'topic'],
      ['template-unknown-variable', 'payload.x.0'],
      ['template-unknown-variable', 'properties.user.a'],
      ['rule-unknown-broker', 'broker'],
    ])
  })

  test('it tells what it reads', () => {
    const { action } = compileAction(publish, {
      topic: '{{ device }}',
      payload: { t: '{{ payload.t }}' },
      properties: { content_type: '{{ topic }}' },
    })
    expect(action?.uses).toEqual([['device'], ['payload', 't'], ['topic']])
  })
})

describe('MQTT 5 properties', () => {
  const request = {
    properties: { responseTopic: 'reply/to/me', correlationData: new Uint8Array([1, 0, 255]) },
    payload: { id: 7 },
  }

  test('are filled in', () => {
    const properties = {
      content_type: 'application/{{ device }}',
      response_topic: 'reply/{{ device }}',
      correlation_data: 'id-{{ payload.id }}',
      expiry: '1m1ms',
      user: { device: '{{ device }}', id: '{{ payload.id }}', n: 5 },
    }
    expect(sent({ properties }, request)).toMatchObject({
      properties: {
        contentType: 'application/d1',
        responseTopic: 'reply/d1',
        correlationData: Buffer.from('id-7'),
        messageExpiryInterval: 61,
        userProperties: [
          ['device', 'd1'],
          ['id', '7'],
          ['n', '5'],
        ],
      },
    })
  })

  test('those of a request can be handed on, levels and bytes and all', () => {
    const properties = {
      response_topic: '{{ properties.responseTopic }}',
      correlation_data: '{{ properties.correlationData }}',
    }
    expect(sent({ properties }, request)).toMatchObject({ properties: request.properties })
  })

  test('one that is missing is left out, and with none left there are none', () => {
    const properties = {
      response_topic: '{{ payload.reply }}',
      content_type: '{{ payload.type }}',
      user: { a: '{{ payload.a }}' },
    }
    expect(sent({ properties }, { payload: {} })).not.toHaveProperty('properties')
    expect(
      sent({ properties: { response_topic: 'a/{{ payload.reply }}' } }, { payload: {} }),
    ).not.toHaveProperty('properties')
  })

  test('a response topic with a wildcard would cost the connection: nothing is sent', () => {
    const properties = { response_topic: '{{ payload }}' }
    expect(sent({ properties }, { payload: 'reply/#' })).toMatch(/^invalid: /)
    expect(codes({ properties: { response_topic: 'reply/+' } })).toEqual(['topic-wildcard-in-name'])
  })

  test('characters on which a broker closes the connection are replaced, in names too', () => {
    const properties = {
      content_type: '{{ payload }}',
      response_topic: '{{ payload }}',
      user: { 'a\u0001': '{{ payload }}' },
    }
    expect(sent({ properties }, { payload: 'x\u0000\n\u009f\ufffe\ud800y' })).toMatchObject({
      properties: {
        contentType: 'x\ufffd\ufffd\ufffd\ufffd\ufffdy',
        responseTopic: 'x\ufffd\ufffd\ufffd\ufffd\ufffdy',
        userProperties: [['a\ufffd', 'x\ufffd\ufffd\ufffd\ufffd\ufffdy']],
      },
    })
  })

  test('what is too long for MQTT is not sent', () => {
    const properties = { user: { long: '{{ payload }}' } }
    expect(sent({ properties }, { payload: 'x'.repeat(65_536) })).toMatch(/^limit: /)
  })

  test('a duration that cannot be read is told', () => {
    const read = publish.schema.safeParse({ topic: 't', properties: { expiry: '01:30' } })
    expect(read.error?.issues[0]?.message).toContain('`01:30` could mean two durations')
  })
})
