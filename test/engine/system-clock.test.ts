/** The machine's clock wakes nobody early: what is due by the timer is due by the clock too. */
import { expect, test } from 'vitest'
import { systemClock } from '../../src/engine/system-clock.ts'

/** So that the event loop's own idea of the time is old when the timer is set. */
function work(ms: number): void {
  const endAt = performance.now() + ms
  while (performance.now() < endAt);
}

test('of two hundred timers none runs before its time', async () => {
  const clock = systemClock()
  const early: number[] = []
  await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      await new Promise((resolve) => setTimeout(resolve, index * 4))
      work(2)
      const atMs = clock.now() + 5 + (index % 7)
      await new Promise<void>((resolve) => {
        clock.setTimer(atMs, () => {
          if (clock.now() < atMs) early.push(atMs - clock.now())
          resolve()
        })
      })
    }),
  )
  expect(early).toEqual([])
})

test('a timer that was called off does not run', async () => {
  const clock = systemClock()
  let ran = false
  const cancel = clock.setTimer(clock.now() + 5, () => {
    ran = true
  })
  cancel()
  await new Promise<void>((resolve) => clock.setTimer(clock.now() + 20, resolve))
  expect(ran).toBe(false)
})
