/** The wall clock as a Clock, for tests of parts that talk to real programs. */
import type { Clock } from '../../src/ports/clock.ts'

export const realClock: Clock = {
  now: () => Date.now(),
  setTimer(atMs, callback) {
    const timer = setTimeout(callback, Math.max(0, atMs - Date.now()))
    return () => clearTimeout(timer)
  },
}
