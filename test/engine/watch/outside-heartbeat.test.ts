/** The sign of life to somebody outside: only while all is well, and its failure is told once. */
import { expect, test } from 'vitest'
import { OutsideHeartbeat } from '../../../src/engine/watch/outside-heartbeat.ts'
import type { Ping } from '../../../src/ports/ping.ts'
import { VirtualClock } from '../../../src/tools/test/virtual-clock.ts'

const minute = 60_000

function begin() {
  const clock = new VirtualClock(0)
  const beats: number[] = []
  const troubles: string[] = []
  const state = { healthy: true, answer: { ok: true } as Awaited<ReturnType<Ping>>, hangs: false }
  const heartbeat = new OutsideHeartbeat({
    everyMs: minute,
    clock,
    ping: () => {
      beats.push(clock.now())
      return state.hangs ? new Promise(() => {}) : Promise.resolve(state.answer)
    },
    observer: { trouble: ({ message }) => troubles.push(message) },
    isHealthy: () => state.healthy,
  })
  heartbeat.start()
  const until = async (atMs: number) => {
    while (clock.nextMs !== null && clock.nextMs <= atMs) {
      clock.runNext()
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    clock.moveTo(atMs)
  }
  return { state, beats, troubles, until, heartbeat }
}

test('soon after the start, then at every interval', async () => {
  const { beats, until } = begin()
  await until(3 * minute)
  expect(beats).toEqual([5_000, 65_000, 125_000])
})

test('none while something is wrong', async () => {
  const { state, beats, until } = begin()
  await until(minute)
  state.healthy = false
  await until(10 * minute)
  state.healthy = true
  await until(11.5 * minute)
  expect(beats).toEqual([5_000, 605_000, 665_000])
})

test('a monitor that cannot be reached is told once, and again only after it could', async () => {
  const { state, troubles, until } = begin()
  state.answer = { ok: false, message: 'it answered with status 500' }
  await until(10 * minute)
  expect(troubles).toEqual([
    'The sign of life did not reach the outside monitor: it answered with status 500.',
  ])
  state.answer = { ok: true }
  await until(12 * minute)
  state.answer = { ok: false, message: 'the connection was refused' }
  await until(20 * minute)
  expect(troubles).toHaveLength(2)
})

test('one at a time, and none after the end', async () => {
  const { state, beats, until, heartbeat } = begin()
  state.hangs = true
  await until(5 * minute)
  expect(beats).toHaveLength(1)
  heartbeat.stop()
  await until(10 * minute)
  expect(beats).toHaveLength(1)
})
