/** One attempt's time: it ends when the engine says so, or when its own limit has passed. */

/** No attempt of any channel takes longer. */
export const maxAttemptMs = 60_000

export interface Attempt {
  readonly signal: AbortSignal
  /** Whether the engine ended it, rather than its own limit. */
  wasStopped(): boolean
}

/** `closing` aborts when the connection is closed for good. */
export function beginAttempt(engine: AbortSignal, closing: AbortSignal, limitMs: number): Attempt {
  const stopped = AbortSignal.any([engine, closing])
  return {
    signal: AbortSignal.any([stopped, AbortSignal.timeout(Math.min(limitMs, maxAttemptMs))]),
    wasStopped: () => stopped.aborted,
  }
}
