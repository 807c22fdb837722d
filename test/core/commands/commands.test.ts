/** Commands that wait for their acknowledgement, in the engine of production on virtual time. */
import { describe, expect, test } from 'vitest'
import {
  type CommandsData,
  commandLimits,
  commandsSliceId,
} from '../../../src/core/commands/command-state.ts'
import type { Program } from '../../../src/core/program.ts'
import { makeProgram } from '../../../src/core/program.ts'
import { type OpenWorld, openWorld, programFrom } from '../../support/virtual-world.ts'

const second = 1_000

const led = (more = '') => `
  - id: led
    topic: control/+device
    then:
      - command:
          topic: devices/{{ device }}/command
          payload: { led: "{{ payload }}" }
          id: meta.id
          ack: { topic: "devices/{{ device }}/ack" }
          within: 5s
          retries: 2
          on_ack: [{ publish: { topic: "done/{{ device }}", payload: "{{ payload }}" } }]
          on_timeout: [{ publish: { topic: "failed/{{ device }}", payload: "{{ payload }}" } }]
          ${more}
`

const valve = `
  - id: valve
    topic: valves/+valve/set
    then:
      - command:
          topic: valves/{{ valve }}/command
          payload: "{{ payload }}"
          ack: { topic: "valves/{{ valve }}", when: payload == command.payload }
          within: 1m
          on_ack: [{ publish: { topic: "done/{{ valve }}" } }]
`

const rules = (...parts: string[]) => `rules:${parts.join('')}`

/** What was sent to devices since this was last asked, and what else. */
function happened({ world }: OpenWorld) {
  const { command, publish, notices } = world.take()
  return {
    sent: command.map(({ message }) => message.topic),
    published: publish.map(({ message }) => `${message.topic} ${Buffer.from(message.payload)}`.trim()),
    notices: notices.map(({ kind }) => kind),
  }
}

const audit = async ({ world }: OpenWorld) => {
  const page = await world.engine.control.audit({ limit: 50 })
  if (!page.ok) throw new Error(page.error.message)
  return page.value.items
    .flatMap((entry) => ('what' in entry ? [`${entry.subject} ${entry.what}`] : []))
    .reverse()
}

test('what becomes of a command stands in the audit trail', async () => {
  const open = await openWorld(rules(led()))
  await open.send('control/lamp', 'on')
  await open.world.advance(5 * second)
  await open.world.acknowledge('devices/lamp/ack', undefined)
  await open.send('control/lamp', 'off')
  await open.world.advance(15 * second)
  const entries = await audit(open)
  expect(entries.map((entry) => entry.replace(/\/[0-9a-z]+-/, '/'))).toEqual([
    'command/1 command',
    'command/1 command-retried',
    'command/1 acknowledged',
    'command/2 command',
    'command/2 command-retried',
    'command/2 command-retried',
    'command/2 timed-out',
  ])
})

test('a message that comes again commands nothing a second time, nor does an acknowledgement', async () => {
  const open = await openWorld(rules(led()))
  const { world } = open
  world.broker().loseAcknowledgements()
  await open.send('control/lamp', 'on')
  await world.restart()
  expect(happened(open).sent).toEqual(['devices/lamp/command'])
  world.broker().loseAcknowledgements()
  await world.acknowledge('devices/lamp/ack', undefined)
  await world.restart()
  await world.advance(60 * second)
  expect(happened(open)).toEqual({ sent: [], published: ['done/lamp on'], notices: [] })
})

test('an acknowledgement that came while Tocsin was away is heard before the command is sent again', async () => {
  const open = await openWorld(rules(led()))
  const { world } = open
  await open.send('control/lamp', 'on')
  await world.setLink(false)
  // The device has got it, and answers; then Tocsin dies.
  await world.acknowledge('devices/lamp/ack', undefined)
  await world.restart(7 * second)
  await world.setLink(true)
  await world.advance(60 * second)
  expect(happened(open)).toEqual({
    sent: ['devices/lamp/command'],
    published: ['done/lamp on'],
    notices: [],
  })
})

test.each(['the connection is lost', 'Tocsin dies'])(
  'when %s before the broker has said that it has the command, the acknowledgement is heard first',
  async (what) => {
    const open = await openWorld(rules(led()))
    const { world } = open
    const sent: string[] = []
    const broker = world.broker()
    const publish = broker.publish.bind(broker)
    let loses = true
    broker.publish = async (message) => {
      if (!message.topic.endsWith('/command')) return publish(message)
      sent.push(message.topic)
      return loses ? { ok: false, kind: 'temporary', message: 'not now' } : publish(message)
    }
    await open.send('control/lamp', 'on')
    expect(sent).toHaveLength(1)
    await world.setLink(false)
    await world.acknowledge('devices/lamp/ack', undefined)
    loses = false
    if (what === 'Tocsin dies') await world.restart()
    await world.setLink(true)
    await world.advance(60 * second)
    expect(sent).toHaveLength(1)
    expect(happened(open).published).toEqual(['done/lamp on'])
  },
)

test('a command that could not leave is acknowledged by the state all the same, and then never leaves', async () => {
  const open = await openWorld(rules(valve))
  const { world } = open
  const sent: string[] = []
  const broker = world.broker()
  const publish = broker.publish.bind(broker)
  let refuses = true
  broker.publish = async (message) => {
    if (refuses && message.topic.endsWith('/command'))
      return { ok: false, kind: 'temporary', message: 'not now' }
    sent.push(message.topic)
    return publish(message)
  }
  await open.send('valves/v1/set', 'open')
  await open.send('valves/v1', 'shut')
  expect(happened(open).published).toEqual([])
  await open.send('valves/v1', 'open')
  expect(happened(open).published).toEqual(['done/v1'])
  refuses = false
  await world.advance(60 * second)
  expect(sent.filter((topic) => topic.endsWith('/command'))).toEqual([])
})

test.each([
  { says: 'within: 5s', awayMs: 7 * second },
  { says: 'within: 500ms', awayMs: 900 },
  { says: 'within: 5s\n          properties: { expiry: 1h }', awayMs: 7 * second },
])('a command whose time was over while Tocsin was away is not sent after it: $says', async (one) => {
  const open = await openWorld(rules(valve).replace('within: 1m', one.says))
  const { world } = open
  const broker = world.broker()
  const publish = broker.publish.bind(broker)
  broker.publish = async () => ({ ok: false, kind: 'temporary', message: 'not now' })
  await open.send('valves/v1/set', 'open')
  broker.publish = publish
  await world.restart(one.awayMs)
  await world.advance(60 * second)
  expect(happened(open).sent).toEqual([])
  expect((await audit(open)).at(-1)).toMatch(/timed-out$/)
})

test('what was asked before is not sent again once something else is asked of the same device', async () => {
  const open = await openWorld(rules(led()))
  const { world, send } = open
  const payloads = () =>
    world.take().command.map(({ message }) => {
      const { led: asked } = JSON.parse(Buffer.from(message.payload).toString())
      return `${message.topic.split('/')[1]} ${asked}`
    })
  await send('control/lamp', 'on')
  await send('control/other', 'on')
  await world.advance(second)
  await send('control/lamp', 'off')
  expect(payloads()).toEqual(['lamp on', 'other on', 'lamp off'])
  await world.advance(4 * second)
  expect(payloads()).toEqual(['other on'])
  await world.advance(second)
  expect(payloads()).toEqual(['lamp off'])
  await world.acknowledge('devices/lamp/ack', undefined)
  await world.advance(60 * second)
  expect(payloads()).toEqual(['other on'])
  expect(await audit(open)).toEqual(expect.arrayContaining([expect.stringMatching(/-1 timed-out$/)]))
})

test('what was asked before still counts as done when its acknowledgement is late but in time', async () => {
  const open = await openWorld(rules(led()))
  await open.send('control/lamp', 'on')
  await open.send('control/lamp', 'off')
  await open.world.advance(4 * second)
  await open.world.acknowledge('devices/lamp/ack', undefined)
  expect(happened(open).published).toEqual(['done/lamp on'])
})

describe('a rule that is edited while its command waits', () => {
  const other = `
  - id: other
    topic: x
    then: [{ publish: { topic: y } }]
`
  test('does what it says now', async () => {
    const open = await openWorld(rules(led()))
    await open.send('control/lamp', 'on')
    await open.edit(rules(led()).replace('done/{{ device }}', 'finished/{{ device }}'))
    await open.world.acknowledge('devices/lamp/ack', undefined)
    expect(happened(open).published).toEqual(['finished/lamp on'])
  })

  test('and commands another thing now, does nothing more for the old one', async () => {
    const open = await openWorld(rules(led()))
    await open.send('control/lamp', 'on')
    await open.edit(rules(led()).replace('{ led: ', '{ light: '))
    await open.world.acknowledge('devices/lamp/ack', undefined)
    expect(happened(open).published).toEqual([])
    expect(await audit(open)).toHaveLength(2)
  })

  test('and removed: the command is neither sent again nor followed by anything', async () => {
    const open = await openWorld(rules(led()))
    await open.send('control/lamp', 'on')
    await open.edit(rules(other))
    await open.world.advance(60 * second)
    expect(happened(open)).toEqual({ sent: ['devices/lamp/command'], published: [], notices: [] })
    expect((await audit(open)).at(-1)).toMatch(/timed-out$/)
  })
})

test('a command that a reload brings leaves only when its acknowledgement is listened to', async () => {
  const open = await openWorld(rules(valve))
  const { world } = open
  const broker = world.broker()
  const subscribe = broker.subscribe.bind(broker)
  const granted = Promise.withResolvers<void>()
  broker.subscribe = async (requests) => {
    await granted.promise
    return subscribe(requests)
  }
  const reloading = open.edit(rules(valve.replace('valves/{{ valve }}"', 'answers/{{ valve }}"')))
  await open.send('valves/v1/set', 'open')
  expect(happened(open).sent).toEqual([])
  granted.resolve()
  await reloading
  expect(happened(open).sent).toEqual(['valves/v1/command'])
  await open.send('answers/v1', 'open')
  expect(happened(open).published).toEqual(['done/v1'])
})

test('a retained acknowledgement counts when it has the id, and is no news when it has not', async () => {
  const open = await openWorld(rules(led(), valve))
  const { world, send } = open
  await send('control/lamp', 'on')
  await send('valves/v1/set', 'open')
  const slice = commandsSliceId('default', 'devices/lamp/ack')
  const [pending] = await pendingOn(world, slice)
  await world.setLink(false)
  world.broker().forgetSession()
  await send('devices/lamp/ack', { meta: { id: pending?.id } }, { retain: true })
  await send('valves/v1', 'open', { retain: true })
  await world.setLink(true)
  expect(happened(open).published).toEqual(['done/lamp on'])
  await send('devices/lamp/ack', { meta: { id: 'late-1' } })
  await send('devices/lamp/ack', { meta: { id: 7 } })
  expect(happened(open).notices).toEqual(['ack-unknown'])
})

test('a device that is known by its correlation data may answer with any bytes', async () => {
  const open = await openWorld(
    rules(valve).replace(', when: payload == command.payload }', ' }\n          id: correlation_data'),
  )
  await open.send('valves/v1/set', 'open')
  const { command } = open.world.take()
  const { correlationData } = command[0]?.message.properties ?? {}
  if (correlationData === undefined) throw new Error('no correlation data')
  await open.world.send({
    topic: 'valves/v1',
    payload: Buffer.from([0xff, 0]),
    properties: { correlationData },
  })
  const { publish, deadLetters } = open.world.take()
  expect(publish.map(({ message }) => message.topic)).toEqual(['done/v1'])
  expect(deadLetters).toEqual([])
})

test('so many commands wait on one topic, and not one more', async () => {
  const open = await openWorld(rules(led()))
  for (let n = 0; n <= commandLimits.topic; n++) await open.send('control/lamp', 'on')
  const { sent, notices } = happened(open)
  expect(sent).toHaveLength(commandLimits.topic)
  expect(notices).toEqual(['command-full'])
  await open.world.acknowledge('devices/lamp/ack', undefined)
  await open.send('control/lamp', 'on')
  expect(happened(open).sent).toHaveLength(1)
})

test('a command that is too large to be kept is not sent', async () => {
  const open = await openWorld(rules(led()))
  await open.send('control/lamp', 'x'.repeat(commandLimits.bytes))
  expect(happened(open)).toEqual({ sent: [], published: [], notices: ['action-cancelled'] })
})

test('a thousand commands wait side by side, and each has its own end', async () => {
  const open = await openWorld(rules(led()))
  const { world } = open
  const count = 1_000
  for (let n = 0; n < count; n++) await open.send(`control/d${n}`, 'on')
  expect(happened(open).sent).toHaveLength(count)
  const first = await world.engine.control.commands({ limit: 100 })
  if (!first.ok) throw new Error(first.error.message)
  expect(first.value.items).toHaveLength(100)
  const second = await world.engine.control.commands({ limit: 100, after: first.value.next ?? '' })
  if (!second.ok) throw new Error(second.error.message)
  expect(new Set([...first.value.items, ...second.value.items].map(({ id }) => id)).size).toBe(200)
  for (let n = 0; n < count; n += 2) await world.acknowledge(`devices/d${n}/ack`, undefined)
  expect(happened(open).published).toHaveLength(count / 2)
  await world.advance(15_000)
  const { sent, published } = happened(open)
  expect(sent).toHaveLength(count)
  expect(new Set(published).size).toBe(count / 2)
  const rest = await world.engine.control.commands({ limit: 100 })
  if (!rest.ok) throw new Error(rest.error.message)
  expect(rest.value).toMatchObject({ items: [], next: null })
  expect(rest.value.finished[0]).toMatchObject({ end: 'timed-out', attempts: 3, after_ms: 15_000 })
})

test('what throws after an acknowledgement hurts its rule alone: the command has ended', async () => {
  const open = await openWorld(rules(led(), valve))
  const { world, send } = open
  await world.reload(broken())
  await send('control/lamp', 'on')
  await send('valves/v1/set', 'open')
  await world.acknowledge('devices/lamp/ack', undefined)
  await send('valves/v1', 'open')
  expect(happened(open)).toEqual({
    sent: ['devices/lamp/command', 'valves/v1/command'],
    published: ['done/v1'],
    notices: ['rule-failed'],
  })
  await world.advance(60 * second)
  expect(happened(open).sent).toEqual([])
})

/** What follows an acknowledgement in the rule "led" throws, as only an error of programming does. */
function broken(): Program {
  const program = programFrom(rules(led(), valve))
  const throws = () => {
    throw new Error('a slip')
  }
  const worse = program.rules.map((rule) => {
    const [action] = rule.then
    if (rule.id !== 'led' || action?.command === undefined) return rule
    const onAck = action.command.onAck.map((one) => ({ ...one, plan: throws }))
    // biome-ignore lint/suspicious/noThenProperty: `then` is a key of the rule language.
    return { ...rule, then: [{ ...action, command: { ...action.command, onAck } }] }
  })
  return makeProgram(worse, new Map(['auto'].map((name) => [name, program.decode(name)])))
}

async function pendingOn(world: OpenWorld['world'], slice: string) {
  const loaded = await world.store.load([slice])
  return (loaded.ok ? (loaded.value.get(slice)?.data as CommandsData | undefined) : undefined)?.pending ?? []
}
