/** Commands wait until what the session had kept for us has been heard, but not for ever. */
import { expect, test } from 'vitest'
import { createStore } from '../../src/stores/index.ts'
import { VirtualWorld } from '../../src/tools/test/virtual-world.ts'
import { programFrom } from '../support/virtual-world.ts'

const rules = `
rules:
  - id: pump
    topic: control/+pump
    then:
      - command:
          topic: pumps/{{ pump }}/command
          payload: "{{ payload }}"
          id: correlation_data
          ack: { topic: "pumps/{{ pump }}/ack" }
          within: 10m
`

function newWorld() {
  return new VirtualWorld({
    program: programFrom(rules),
    brokers: ['default'],
    store: createStore('memory'),
    startMs: Date.UTC(2026, 0, 1),
  })
}

const go = { topic: 'control/p1', payload: Buffer.from('go') }

test('where our own message never comes back, commands leave after half a minute', async () => {
  const world = newWorld()
  const broker = world.broker()
  const publish = broker.publish.bind(broker)
  broker.publish = async (message) =>
    message.topic.startsWith('tocsin/fence/') ? { ok: true } : publish(message)
  await world.start()
  await world.send(go)
  await world.advance(29_000)
  expect(world.take().command).toEqual([])
  await world.advance(1_000)
  expect(world.take().command).toHaveLength(1)
  await world.send(go)
  expect(world.take().command).toHaveLength(1)

  await world.setLink(false)
  await world.setLink(true)
  await world.send(go)
  expect(world.take().command).toEqual([])
  await world.advance(30_000)
  expect(world.take().command).toHaveLength(1)
})

test('on MQTT 3.1.1 it is told, once, that correlation data gets lost', async () => {
  const world = newWorld()
  const broker = world.broker()
  const start = broker.start.bind(broker)
  broker.start = (sink) =>
    start({
      messages: (batch) => sink.messages(batch),
      link: (state) => sink.link(state.state === 'online' ? { ...state, protocolVersion: 4 } : state),
      outgoing: (state) => sink.outgoing?.(state),
    })
  await world.start()
  await world.setLink(false)
  await world.setLink(true)
  const told = world.take().troubles.filter(({ kind }) => kind === 'subscription')
  expect(told.map(({ message }) => message)).toEqual([expect.stringMatching(/3\.1\.1.*acknowledged: pump\./)])
})
