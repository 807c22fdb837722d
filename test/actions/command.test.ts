/** What can be written below `command:`, and what is wrong with it before it runs. */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { makeCommand } from '../../src/actions/command/command.ts'
import { log } from '../../src/actions/log/log.ts'
import { notify } from '../../src/actions/notify/notify.ts'
import { publish } from '../../src/actions/publish/publish.ts'
import { compileAction, runAction } from './run-action.ts'

const command = makeCommand([publish, notify, log])
const ack = { topic: 'devices/{{ device }}/ack' }
const written = (more: object) => ({
  topic: 'devices/{{ device }}/command',
  payload: { led: 'on' },
  id: 'id',
  ack,
  ...more,
})
const faults = (more: object, situation = {}) =>
  compileAction(command, written(more), situation).problems.map(({ code, path, message }) => {
    return `${code} ${path.join('.')}: ${message}`
  })
const plan = (more: object, situation = {}) => runAction(command, written(more), situation)

/** What the schema says of it. */
function refusals(more: object): string[] {
  const read = command.schema.safeParse(written(more))
  return read.success ? [] : read.error.issues.map(({ message }) => message)
}

describe('a command', () => {
  test('has its topics, its payload and its times', () => {
    expect(plan({ within: '5s', retries: 2, qos: 0, broker: 'cloud' })).toMatchObject({
      kind: 'command',
      broker: 'cloud',
      topic: 'devices/d1/command',
      payload: { led: 'on' },
      qos: 0,
      ackTopic: 'devices/d1/ack',
      idAt: ['id'],
      withinMs: 5_000,
      attempts: 3,
      seen: { captures: ['d1'], topic: 'sensors/d1/data' },
    })
  })
  test('waits ten seconds, and is not kept longer for a device that is away', () => {
    expect(plan({})).toMatchObject({
      withinMs: 10_000,
      attempts: 1,
      properties: { messageExpiryInterval: 10 },
    })
    expect(plan({ properties: { expiry: '1h', user: { a: 'b' } } })).toMatchObject({
      properties: { messageExpiryInterval: 3_600, userProperties: [['a', 'b']] },
    })
  })
  test('keeps of the message what is read later, and no more', () => {
    const later = [
      { publish: { topic: 'out', payload: '{{ payload.t }} {{ command.id }} {{ ack.payload }}' } },
    ]
    const situation = { payload: { t: 1 }, value: 2 }
    expect(plan({ on_ack: later }, situation)).toMatchObject({ seen: { payload: { t: 1 } } })
    expect(plan({ on_ack: later }, situation)).not.toHaveProperty('seen.value')
    expect(plan({ on_timeout: [{ log: { file: 'a.csv', columns: ['value'] } }] }, situation)).toMatchObject({
      seen: { value: 2 },
    })
  })
  test('is not sent when a topic or the whole payload is missing, or both topics are one', () => {
    expect(plan({ topic: 'a/{{ payload.x }}' })).toMatch(/^missing: /)
    expect(plan({ ack: { topic: 'a/{{ payload.x }}' } })).toMatch(/^missing: /)
    expect(plan({ id: undefined, payload: '{{ payload.x }}', ack: { ...ack, when: 'true' } })).toMatch(
      /^missing: /,
    )
    expect(plan({ topic: 'a/{{ device }}', ack: { topic: 'a/d1' } })).toBe(
      'invalid: "a/d1" is both its topic and that of its acknowledgement',
    )
  })
  test('is told apart from others of its rule by what it is', () => {
    const place = (more: object) => {
      const effect = plan(more)
      return typeof effect === 'object' && effect.kind === 'command' ? effect.place.split('.') : []
    }
    const [what, follows] = place({})
    expect(place({ on_ack: [{ publish: { topic: 'x' } }] })[0]).toBe(what)
    expect(place({ on_ack: [{ publish: { topic: 'x' } }] })[1]).not.toBe(follows)
    expect(place({ payload: { led: 'off' } })[0]).not.toBe(what)
  })
  test('says where it and what follows lead to, for the checks before running', () => {
    const { action } = compileAction(
      command,
      written({ on_timeout: [{ publish: { topic: 'failed/{{ device }}' } }] }),
    )
    expect(action?.publishesTo.map(({ filter }) => filter)).toEqual(['devices/+/command', 'failed/+'])
    expect(action?.command?.ackFilter.text).toBe('devices/+/ack')
  })
})

describe('what is refused', () => {
  test.each([
    [{ id: undefined }, 'command-ack ack: Nothing says which message acknowledges the command.'],
    [{ payload: 'on' }, 'command-ack payload: The id cannot stand in the field `id`: the payload is no map.'],
    [
      { payload: undefined },
      'command-ack payload: The id cannot stand in the field `id`: the payload is no map.',
    ],
    [{ id: 'led.id' }, 'command-ack id: `led.id` leads through a value that is no map.'],
    [
      { payload: { id: 7 } },
      'command-ack payload.id: The payload has `id` already, where the id of the command is to stand.',
    ],
    [
      { id: 'correlation_data', properties: { response_topic: 'x' } },
      'command-ack properties.response_topic: `response_topic` is set by `id: correlation_data`.',
    ],
    [
      { ack: { topic: 'devices/{{ device }}/command' } },
      'command-ack ack.topic: The command would be its own acknowledgement: both have the same topic.',
    ],
    [{ broker: 'nowhere' }, 'rule-unknown-broker broker: There is no broker called "nowhere"'],
    [
      { ack: { ...ack, when: 'payload.ok and value > 3' } },
      'expr-unknown-variable ack.when: There is no variable “value” here',
    ],
    [
      { on_timeout: [{ publish: { topic: 'x', payload: '{{ ack.payload }}' } }] },
      'template-unknown-variable on_timeout.0.publish.payload: There is no variable ack here.',
    ],
    [
      { on_ack: [{ publish: { topic: 'x', payload: '{{ prev.payload }}' } }] },
      'command-later on_ack.0.publish: `prev` is another one by the time of `on_ack`.',
    ],
  ])('%j', (more, fault) => {
    expect(faults(more)[0]?.replaceAll(/[“”`"]ack[“”`"]/g, 'ack')).toBe(fault)
  })

  test('an acknowledgement that could come on any topic', () => {
    const situation = { captures: { rest: 'a/b' }, keepLevels: ['rest'] }
    expect(faults({ topic: 'x', ack: { topic: '{{ rest }}' } }, situation)).toEqual([
      'command-ack ack.topic: Every message would have to be listened to, for "{{ rest }}" may be any topic.',
    ])
  })

  test('correlation data on a broker that has none', () => {
    const old = { mqtt311: new Set(['cloud']) }
    expect(faults({ id: 'correlation_data', broker: 'cloud' }, old)).toEqual([
      'command-ack id: `correlation_data` needs MQTT 5, and the broker "cloud" is configured for 3.1.1.',
    ])
    expect(faults({ id: 'correlation_data' }, old)).toEqual([])
  })

  test('a capture whose name means something here', () => {
    const topics = { topic: 'x/{{ command }}', ack: { topic: 'y' } }
    expect(faults(topics, { captures: { command: 'a' } })[0]).toMatch(/^rule-conflict : .*capture `command`/)
  })

  test.each([
    [{ within: '0s' }, 'no device acknowledges in no time'],
    [{ retain: true }, 'a retained command would be carried out again with every start of the device'],
    [{ id: 'a..b' }, '`a..b` is no field where an id can stand'],
    [{ id: 'constructor' }, '`constructor` is no field where an id can stand'],
    [
      { on_ack: [{ publish: { topic: 'x' }, log: { file: 'x.csv' } }] },
      'these are several actions in one list item',
    ],
    [{ on_ack: [{}] }, 'an action is missing'],
  ])('%j', (more, message) => {
    expect(refusals(more)).toEqual([message])
  })

  test.each([[{ ack: { topic: 'a/+' } }], [{ topic: 'tocsin/x' }], [{ ack: { topic: 'tocsin/x' } }]])(
    'topics that cannot be published to: %j',
    (more) => {
      expect(faults(more)).toHaveLength(1)
    },
  )

  test('unknown keys, also of what follows, and a command that follows a command', () => {
    expect(refusals({ timeout: '5s' })[0]).toMatch(/timeout/)
    expect(refusals({ ack: { ...ack, payload: 1 } })[0]).toMatch(/payload/)
    expect(refusals({ on_ack: [{ publish: { topic: 'x', retained: true } }] })[0]).toMatch(/retained/)
    expect(refusals({ on_ack: [{ command: written({}) }] })[0]).toMatch(/command/)
    expect(refusals({ retries: 101 })).toHaveLength(1)
  })
})

test('the schema can be written as JSON Schema, for editors', () => {
  const schema = z.toJSONSchema(command.schema, { io: 'input', target: 'draft-7' })
  expect(schema).toMatchObject({ required: ['topic', 'ack'], additionalProperties: false })
})
