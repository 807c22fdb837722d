/** A joined list is written anew with every message: what it holds is bounded, by number and by bytes. */
import { expect, test } from 'vitest'
import { openWorld } from '../../support/virtual-world.ts'

const rules = `
rules:
  - id: sizes
    topic: ask
    with: { items: { topic: items/+id } }
    respond: { sizes: "{{ with.items | map: 'id' }}" }
`

test('a list of large messages takes no more than 4 MiB, and nothing in it is outdated', async () => {
  const { world, send } = await openWorld(rules)
  const large = 'x'.repeat(250_000)
  for (let item = 0; item < 16; item++) await send(`items/${item}`, large)
  await send('items/0', 'small')
  await send('items/16', large)
  expect(world.take().notices).toEqual([])
  await send('items/17', large)
  await send('items/0', large)
  const message = (topic: string) => expect.stringContaining(`4 MiB already; ${topic} was left out`)
  expect(world.take().notices).toMatchObject([
    { kind: 'list-full', rule: 'items/+id', message: message('items/17') },
    { kind: 'list-full', rule: 'items/+id', message: message('items/0') },
  ])
  await send('ask', { request_id: 'a' })
  const [answer] = world.take().respond
  const { sizes } = JSON.parse(String(answer?.message.payload))
  expect(sizes).toEqual(Array.from({ length: 16 }, (_, index) => String(index + 1)))
})
