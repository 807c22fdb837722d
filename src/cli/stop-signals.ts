/** Tells a wish to stop, which may come as several signals, from the wish not to wait any longer. */

export interface StopSignalActions {
  /** The first signal. */
  stop(signal: string): void
  /** Somebody asks again. */
  quit(): void
}

/** A terminal signals a whole group of processes; npm and timeout(1) then pass the signal on, so that it comes twice. */
const echoMs = 500

/** To be called with every signal; `nowMs` is any clock that runs on steadily. */
export function stopSignals(
  nowMs: () => number,
  { stop, quit }: StopSignalActions,
): (signal: string) => void {
  let firstMs: number | null = null
  return (signal) => {
    if (firstMs === null) {
      firstMs = nowMs()
      stop(signal)
    } else if (nowMs() - firstMs >= echoMs) quit()
  }
}
