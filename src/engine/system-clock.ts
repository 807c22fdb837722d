/** The machine's time: the wall clock as it was at the start, carried on by the monotonic clock. */
import type { Clock } from '../ports/clock.ts'

/** setTimeout counts in 31 bits; longer waits are made of several. */
const longestWaitMs = 2 ** 31 - 1

export function systemClock(): Clock {
  const startMs = Date.now() - performance.now()
  const now = () => startMs + performance.now()
  return {
    now: () => Math.floor(now()),
    setTimer(atMs, callback) {
      let timer: NodeJS.Timeout
      const wait = () => {
        const restMs = Math.ceil(atMs - now())
        timer =
          restMs > longestWaitMs ? setTimeout(wait, longestWaitMs) : setTimeout(callback, Math.max(0, restMs))
      }
      wait()
      return () => clearTimeout(timer)
    },
  }
}
