/** A request that a rule answers, when the broker sends it again: answered once, unless a crash came between. */
import { expect, test } from 'vitest'
import { createStore } from '../../src/stores/index.ts'
import { VirtualWorld } from '../../src/tools/test/virtual-world.ts'
import { programFrom } from '../support/virtual-world.ts'

const rules = `
rules:
  - { id: echo, topic: request, respond: { result: "{{ payload.data }}" } }
  - id: reading
    topic: request/+device
    with: { last: { topic: sensors/+device } }
    respond: { result: "{{ with.last.payload }}" }
`

async function start() {
  const world = new VirtualWorld({
    program: programFrom(rules),
    brokers: ['default'],
    store: createStore('memory'),
    startMs: Date.UTC(2026, 0, 1),
  })
  await world.start()
  const ask = (topic: string, id: string) =>
    world.send({ topic, payload: Buffer.from(JSON.stringify({ request_id: id, data: 1 })) })
  const answers = () => world.take().respond.map(({ message }) => message.topic)
  return { world, ask, answers }
}

test.each(['request', 'request/g1'])('%s: lost acknowledgements bring no second answer', async (topic) => {
  const { world, ask, answers } = await start()
  await world.send({ topic: 'sensors/g1', payload: Buffer.from('21') })
  world.broker().loseAcknowledgements()
  await ask(topic, 'a')
  await ask(topic, 'b')
  expect(answers()).toEqual(['response/a', 'response/b'])
  await world.setLink(false)
  await world.setLink(true)
  expect(answers()).toEqual([])
  await ask(topic, 'c')
  expect(answers()).toEqual(['response/c'])
})

test('the copy of a request is not acknowledged before the answer has left', async () => {
  const { world, ask, answers } = await start()
  await world.setLink(false)
  await ask('request', 'a')
  await world.setLink(true)
  expect(answers()).toEqual(['response/a'])
  await world.restart()
  expect(answers()).toEqual([])
})

test('a crash before the acknowledgement may repeat the answer, and never loses it', async () => {
  const { world, ask, answers } = await start()
  world.broker().loseAcknowledgements()
  await ask('request', 'a')
  expect(answers()).toEqual(['response/a'])
  await world.restart()
  expect(answers()).toEqual(['response/a'])
  await world.restart()
  expect(answers()).toEqual([])
})
