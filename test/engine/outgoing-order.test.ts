/** Effects without a commit keep their order on the way to the outbox, however their target fails. */
import { expect, test } from 'vitest'
import type { Effect } from '../../src/core/effect.ts'
import { Counters } from '../../src/engine/counters.ts'
import { DirectEffects } from '../../src/engine/direct-effects.ts'
import { type Delivered, OutgoingLine } from '../../src/engine/outgoing-line.ts'
import { createMemoryStore } from '../../src/stores/memory/memory-store.ts'
import { VirtualClock } from '../../src/tools/test/virtual-clock.ts'
import { waitFor } from '../support/wait-for.ts'

const temporary: Delivered = { ok: false, kind: 'temporary', message: 'The link was lost.' }

function effectOf(name: string): Effect {
  const [broker = '', text = ''] = name.split(' ')
  return {
    kind: 'publish',
    broker,
    message: { topic: 'a', payload: Buffer.from(text), qos: 1, retain: false },
  }
}

/** Two targets whose deliveries end when the test says so. */
async function setUp() {
  const store = createMemoryStore()
  await store.open()
  const clock = new VirtualClock(0)
  const open = new Map<string, (delivered: Delivered) => void>()
  const arrived: string[] = []
  const ready = { far: true, near: true }
  const lineOf = (broker: 'far' | 'near') =>
    new OutgoingLine(
      {
        name: broker,
        ready: () => ready[broker],
        deliver: (effect) =>
          new Promise((resolve) => {
            if (effect.kind !== 'publish') throw new Error('no publish')
            const name = `${effect.broker} ${Buffer.from(effect.message.payload).toString()}`
            open.set(name, (delivered) => {
              if (delivered.ok) arrived.push(name)
              resolve(delivered)
            })
          }),
      },
      store,
      clock,
      {
        carriedOut: () => {},
        refused: () => {},
        expired: () => {},
        storeFailed: () => {},
        dropped: () => {},
      },
    )
  const lines = { far: lineOf('far'), near: lineOf('near') }
  const direct = new DirectEffects({
    store,
    clock,
    observer: { trouble: () => {} } as never,
    counters: new Counters(),
    lineFor: (effect) => lines[effect.kind === 'publish' && effect.broker === 'near' ? 'near' : 'far'],
    nowMs: () => clock.now(),
  })
  const rows = async () => {
    const page = await store.outbox('far', 0, 100)
    return page.ok
      ? page.value.map(
          ({ effect }) => effect.kind === 'publish' && Buffer.from(effect.message.payload).toString(),
        )
      : []
  }
  return {
    clock,
    lines,
    ready,
    arrived,
    rows,
    deliver: (...names: string[]) => direct.deliver(names.map(effectOf)),
    end: (name: string, delivered: Delivered) => open.get(name)?.(delivered),
  }
}

test('what is slow takes with it all that was begun after it', async () => {
  const { clock, deliver, end, ready, rows, lines } = await setUp()
  void deliver('far 1')
  clock.moveTo(500)
  void deliver('far 2')
  clock.runNext()
  expect(clock.now()).toBe(1_000)
  // The next message is read in another turn of the event loop.
  await new Promise((resolve) => setImmediate(resolve))
  await deliver('far 3')
  expect(await rows()).toEqual(['1', '2', '3'])
  // The link is lost before any of them was acknowledged.
  ready.far = false
  end('far 1', temporary)
  end('far 2', temporary)
  await waitFor('the line to rest', () => lines.far.waiting === 3)
  expect(await rows()).toEqual(['1', '2', '3'])
})

test('what has failed is not passed by what was begun before it', async () => {
  const { deliver, end, rows } = await setUp()
  void deliver('far 1')
  const second = deliver('far 2')
  end('far 2', temporary)
  await second
  expect(await rows()).toEqual(['1', '2'])
})

test('an effect does not wait for others of its message', async () => {
  const { deliver, end, ready, rows, arrived } = await setUp()
  ready.far = false
  const both = deliver('far 1', 'near 1')
  await deliver('far 2')
  expect(await rows()).toEqual(['1', '2'])
  end('near 1', { ok: true })
  await both
  expect(arrived).toEqual(['near 1'])
})

test('who adds rows can wait until what came before is there', async () => {
  const { deliver, end, lines, rows } = await setUp()
  let calm = false
  const first = deliver('far 1')
  const waits = lines.far.calm().then(() => {
    calm = true
  })
  await Promise.resolve()
  expect(calm).toBe(false)
  end('far 1', temporary)
  await first
  await waits
  expect(await rows()).toEqual(['1'])
  await lines.near.calm()
})

test('and does not wait long for a target that is slow: what is under way moves there in its order', async () => {
  const { clock, deliver, end, lines, rows, arrived } = await setUp()
  const both = deliver('far 1', 'far 2')
  const waits = lines.far.calm()
  clock.runNext()
  await waits
  expect(clock.now()).toBeLessThan(50)
  await both
  expect(await rows()).toEqual(['1', '2'])
  end('far 1', { ok: true })
  end('far 2', { ok: true })
  await waitFor('both to leave', () => lines.far.waiting === 0)
  expect(arrived).toEqual(['far 1', 'far 2'])
})
