/** The line of effects to one target, when the target takes nothing for long. */
import { expect, test } from 'vitest'
import type { Effect } from '../../src/core/effect.ts'
import { type LineTarget, OutgoingLine } from '../../src/engine/outgoing-line.ts'
import { createMemoryStore } from '../../src/stores/memory/memory-store.ts'
import { VirtualClock } from '../../src/tools/test/virtual-clock.ts'
import { waitFor } from '../support/wait-for.ts'

const rowLimit = 5_000

function publishOf(number: number): Effect {
  const payload = Buffer.from(String(number))
  return { kind: 'publish', broker: 'default', message: { topic: 'a', payload, qos: 1, retain: false } }
}

test('in a storm with a dead target the oldest go, and are counted; the rest leaves in order when it is back', async () => {
  const store = createMemoryStore()
  await store.open()
  const clock = new VirtualClock(0)
  const delivered: number[] = []
  let up = false
  let dropped = 0
  const target: LineTarget = {
    name: 'broker:default',
    ready: () => up,
    async deliver(effect) {
      if (effect.kind === 'publish') delivered.push(Number(Buffer.from(effect.message.payload).toString()))
      return { ok: true }
    },
  }
  const reports = {
    carriedOut: () => {},
    refused: () => {},
    storeFailed: () => {},
    expired: () => {},
    dropped: (rows: number) => {
      dropped += rows
    },
  }
  const line = new OutgoingLine(target, store, clock, reports, { max: rowLimit, drop: 'oldest' })
  const storm = 20_000
  for (let first = 0; first < storm; first += 500) {
    const add = Array.from({ length: 500 }, (_, index) => ({
      line: line.name,
      atMs: 0,
      effect: publishOf(first + index),
    }))
    await store.commit({ outbox: { add } })
    line.added(add.length)
  }
  await waitFor('the line to be within its limit', () => line.waiting <= rowLimit)
  const sizes = await store.outboxSizes()
  expect(sizes.ok && sizes.value.get(line.name)).toBe(line.waiting)
  expect(dropped).toBe(storm - line.waiting)

  up = true
  line.wake()
  await waitFor('the rest to leave', () => line.waiting === 0)
  expect(delivered).toEqual(Array.from({ length: storm - dropped }, (_, index) => dropped + index))
  await line.stop()
})

test('nothing passes what is on its way to the outbox, even if the target is there again', async () => {
  const store = createMemoryStore()
  await store.open()
  const clock = new VirtualClock(0)
  const delivered: number[] = []
  let up = false
  const target: LineTarget = {
    name: 'broker:default',
    ready: () => up,
    async deliver(effect) {
      if (effect.kind === 'publish') delivered.push(Number(Buffer.from(effect.message.payload).toString()))
      return { ok: true }
    },
  }
  const reports = {
    carriedOut: () => {},
    refused: () => {},
    storeFailed: () => {},
    expired: () => {},
    dropped: () => {},
  }
  const line = new OutgoingLine(target, store, clock, reports)
  expect(await line.direct(publishOf(1))).toEqual({ done: false, attempt: null })
  up = true
  expect(line.open).toBe(false)
  expect(await line.direct(publishOf(2))).toEqual({ done: false, attempt: null })
  const add = [1, 2].map((index) => ({ line: line.name, atMs: 0, effect: publishOf(index) }))
  await store.commit({ outbox: { add } })
  line.moved(2, new Map())
  await waitFor('both to leave', () => line.waiting === 0)
  expect(delivered).toEqual([1, 2])
  expect(await line.direct(publishOf(3))).toEqual({ done: true })
  await line.stop()
})

test('rows that are added while a target fails neither hasten the next attempt nor put it off', async () => {
  const store = createMemoryStore()
  await store.open()
  const clock = new VirtualClock(0)
  const attempts: number[] = []
  let works = false
  const target: LineTarget = {
    name: 'log',
    ready: () => true,
    async deliver() {
      attempts.push(clock.now())
      return works ? { ok: true } : { ok: false, kind: 'temporary', message: 'the disk is full' }
    },
  }
  const nothing = () => {}
  const reports = {
    carriedOut: nothing,
    refused: nothing,
    storeFailed: nothing,
    expired: nothing,
    dropped: nothing,
  }
  const line = new OutgoingLine(target, store, clock, reports, { max: 50, drop: 'oldest' })
  const add = async (number: number) => {
    await store.commit({ outbox: { add: [{ line: line.name, atMs: 0, effect: publishOf(number) }] } })
    line.added(1)
    await new Promise((resolve) => setImmediate(resolve))
  }
  for (let number = 0; number < 40; number++) await add(number)
  expect(attempts).toEqual([0])
  clock.runNext()
  await waitFor('the second attempt', () => attempts.length === 2)
  expect(attempts[1]).toBe(250)
  // Past the limit the oldest go at once all the same.
  for (let number = 40; number < 80; number++) await add(number)
  await waitFor('the line to be within its limit', () => line.waiting <= 50)
  expect(attempts).toHaveLength(2)
  works = true
  clock.runNext()
  await waitFor('the rest to leave', () => line.waiting === 0)
  expect(attempts[2]).toBe(750)
  await line.stop()
})
