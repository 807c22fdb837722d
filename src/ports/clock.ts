/** Time, given from outside: the wall clock in production, a virtual one in tests and simulations. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls back once, at or after the given moment (ms since the epoch). Returns what cancels it. */
  setTimer(atMs: number, callback: () => void): () => void
}
