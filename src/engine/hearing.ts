/**
 * Knows of which brokers all has been heard that they had kept for us. Before that nobody can say whether a command
 * was acknowledged, so none is sent.
 */
import type { Clock } from '../ports/clock.ts'
import type { Line } from './line.ts'

export interface HearingDeps {
  readonly clock: Clock
  readonly line: Pick<Line, 'push' | 'exclusive'>
  /** All has been heard there. */
  heard(broker: string): void
}

/** A fence that does not come back, because the broker refuses it, holds nothing up for longer. */
const limitMs = 30_000

interface Connection {
  state: 'waits' | 'passed' | 'heard'
  readonly cancel: () => void
}

export class Hearing {
  readonly #deps: HearingDeps
  readonly #connections = new Map<string, Connection>()
  #holds = 0

  constructor(deps: HearingDeps) {
    this.#deps = deps
  }

  /** The link over which the broker is heard was made, anew, or has ended. */
  linkChanged(broker: string, online: boolean): void {
    this.#connections.get(broker)?.cancel()
    this.#connections.delete(broker)
    if (!online) return
    const { clock } = this.#deps
    const cancel = clock.setTimer(clock.now() + limitMs, () => this.fencePassed(broker))
    this.#connections.set(broker, { state: 'waits', cancel })
  }

  /** What came before it may still wait in the line, or for its commit. */
  fencePassed(broker: string): void {
    const { line, heard } = this.#deps
    const connection = this.#connections.get(broker)
    if (connection === undefined || connection.state !== 'waits') return
    connection.state = 'passed'
    connection.cancel()
    const committed = async () => {
      if (this.#connections.get(broker) !== connection) return
      connection.state = 'heard'
      heard(broker)
    }
    line.push([{ event: { type: 'drop', slices: [] }, done: () => void line.exclusive(committed) }])
  }

  has(broker: string): boolean {
    return this.#holds === 0 && this.#connections.get(broker)?.state === 'heard'
  }

  /** Nothing counts as heard while this runs: what is listened to changes. */
  async during(change: () => Promise<void>): Promise<void> {
    this.#holds++
    try {
      await change()
    } finally {
      this.#holds--
      for (const broker of this.#connections.keys()) if (this.has(broker)) this.#deps.heard(broker)
    }
  }

  stop(): void {
    for (const { cancel } of this.#connections.values()) cancel()
    this.#connections.clear()
  }
}
