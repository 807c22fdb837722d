/** Whatever the order of acknowledgements, timeouts, outages and crashes: a command ends once, and is not sent after. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openWorld } from '../../support/virtual-world.ts'

const rules = `
rules:
  - id: by-id
    topic: control/+device
    then:
      - command:
          topic: devices/{{ device }}/command
          payload: { n: "{{ payload }}" }
          id: id
          ack: { topic: "devices/{{ device }}/ack" }
          within: 4s
          retries: 2
          on_ack: [{ publish: { topic: end, payload: "{{ command.payload.n }} acknowledged" } }]
          on_timeout: [{ publish: { topic: end, payload: "{{ command.payload.n }} timed out" } }]
  - id: by-state
    topic: set/+device
    then:
      - command:
          topic: devices/{{ device }}/set
          payload: { n: "{{ payload }}" }
          ack: { topic: "devices/{{ device }}/state", when: payload >= command.payload.n }
          within: 7s
          retries: 1
          on_ack: [{ publish: { topic: end, payload: "{{ command.payload.n }} acknowledged" } }]
          on_timeout: [{ publish: { topic: end, payload: "{{ command.payload.n }} timed out" } }]
`

/** No connection lives on for longer over which acknowledgements are lost: what is known of a message is kept so long. */
const lostMostMs = 9_000

const device = fc.constantFrom('a', 'b')
const happening = fc.oneof(
  { weight: 4, arbitrary: fc.record({ does: fc.constantFrom('command' as const, 'set' as const), device }) },
  { weight: 4, arbitrary: fc.record({ does: fc.constantFrom('ack' as const, 'state' as const), device }) },
  {
    weight: 4,
    arbitrary: fc.record({ does: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 9_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constant('restart' as const), ms: fc.constantFrom(0, 3_000, 60_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constantFrom('up' as const, 'down' as const, 'lose' as const) }),
  },
)

test('exactly one end for each command, and none is sent after it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { maxLength: 25 }), async (happenings) => {
      const { world, send } = await openWorld(rules)
      let count = 0
      /** How long the broker has heard no acknowledgement of ours, ms; null: it hears them. */
      let unheardMs: number | null = null
      const ended = new Map<number, string[]>()
      const look = () => {
        const { command, publish, troubles } = world.take()
        expect(troubles.filter(({ kind }) => kind === 'store')).toEqual([])
        for (const { message } of command) {
          const { n } = JSON.parse(Buffer.from(message.payload).toString())
          // What is sent and what has ended in the same moment may be in either order.
          expect(ended.get(n) ?? []).toEqual([])
        }
        for (const { message } of publish) {
          const [n = '', ...how] = Buffer.from(message.payload).toString().split(' ')
          ended.set(Number(n), [...(ended.get(Number(n)) ?? []), how.join(' ')])
        }
      }
      for (const one of happenings) {
        if (one.does === 'command') await send(`control/${one.device}`, ++count)
        else if (one.does === 'set') await send(`set/${one.device}`, ++count)
        else if (one.does === 'ack') await world.acknowledge(`devices/${one.device}/ack`, undefined)
        else if (one.does === 'state') await send(`devices/${one.device}/state`, count)
        else if (one.does === 'pass') {
          if (unheardMs !== null) unheardMs += one.ms
          if (unheardMs !== null && unheardMs >= lostMostMs) {
            await world.setLink(false)
            await world.setLink(true)
            unheardMs = null
          }
          await world.advance(one.ms)
        } else if (one.does === 'restart') await world.restart(one.ms)
        else if (one.does === 'lose') {
          world.broker().loseAcknowledgements()
          unheardMs ??= 0
        } else await world.setLink(one.does === 'up')
        look()
      }
      await world.setLink(true)
      await world.advance(60_000)
      look()
      const ends = [...ended].map(([n, how]) => `${n}: ${how.length}`).sort()
      expect(ends).toEqual(Array.from({ length: count }, (_, index) => `${index + 1}: 1`).sort())
    }),
    { numRuns: 60 },
  )
})
