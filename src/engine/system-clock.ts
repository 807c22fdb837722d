/** The machine's time: the wall clock as it was at the start, carried on by the monotonic clock. */
import type { Clock } from '../ports/clock.ts'

/** setTimeout counts in 31 bits; longer waits are made of several. */
const longestWaitMs = 2 ** 31 - 1

export function systemClock(): Clock {
  const startMs = Date.now() - performance.now()
  const now = () => Math.floor(startMs + performance.now())
  return {
    now,
    setTimer(atMs, callback) {
      let timer: NodeJS.Timeout
      const wait = () => {
        timer = setTimeout(look, Math.min(longestWaitMs, Math.max(0, atMs - now())))
      }
      // Now and then setTimeout is early by part of a millisecond: whoever is woken then would find nothing due.
      const look = () => {
        if (now() >= atMs) callback()
        else wait()
      }
      wait()
      return () => clearTimeout(timer)
    },
  }
}
