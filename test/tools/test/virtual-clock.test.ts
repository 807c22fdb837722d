import { describe, expect, test } from 'vitest'
import { ClockView, VirtualClock } from '../../../src/tools/test/virtual-clock.ts'

describe('virtual time', () => {
  test('runs timers in the order of time, then in the order in which they were set', () => {
    const clock = new VirtualClock(1_000)
    const ran: string[] = []
    clock.setTimer(3_000, () => ran.push(`c ${clock.now()}`))
    clock.setTimer(2_000, () => ran.push(`a ${clock.now()}`))
    clock.setTimer(2_000, () => ran.push(`b ${clock.now()}`))
    while (clock.runNext());
    expect(ran).toEqual(['a 2000', 'b 2000', 'c 3000'])
    expect(clock.nextMs).toBeNull()
  })

  test('runs what is overdue now, and never goes back', () => {
    const clock = new VirtualClock(1_000)
    const ran: number[] = []
    clock.setTimer(5, () => ran.push(clock.now()))
    clock.runNext()
    expect(ran).toEqual([1_000])
    expect(() => clock.moveTo(999)).toThrow(RangeError)
  })

  test('forgets what was cancelled', () => {
    const clock = new VirtualClock(0)
    const cancel = clock.setTimer(10, () => expect.unreachable())
    cancel()
    cancel()
    expect(clock.runNext()).toBe(false)
  })

  test('seen from another wall clock, timers run at the same moment', () => {
    const clock = new VirtualClock(1_000)
    const view = new ClockView(clock, 3_600_000)
    const ran: number[] = []
    expect(view.now()).toBe(3_601_000)
    view.setTimer(3_601_500, () => ran.push(clock.now()))
    clock.runNext()
    expect(ran).toEqual([1_500])
  })

  test('a clock that was taken away takes its timers with it', () => {
    const clock = new VirtualClock(0)
    const view = new ClockView(clock, 0)
    view.setTimer(10, () => expect.unreachable())
    view.end()
    view.setTimer(10, () => expect.unreachable())
    expect(clock.nextMs).toBeNull()
  })
})
