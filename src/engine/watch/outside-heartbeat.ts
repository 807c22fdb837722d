/**
 * A sign of life to somebody outside, while all is well: the store takes what comes, and the broker is connected. Who is no
 * longer asked for raises the alarm, also when this machine is gone.
 */
import type { Clock } from '../../ports/clock.ts'
import type { Observer } from '../../ports/observer.ts'
import type { Ping } from '../../ports/ping.ts'

export interface OutsideHeartbeatDeps {
  readonly everyMs: number
  readonly ping: Ping
  readonly clock: Clock
  readonly observer: Pick<Observer, 'trouble'>
  isHealthy(): boolean
}

/** The first one, once there was time to connect. */
const firstMs = 5_000

export class OutsideHeartbeat {
  readonly #deps: OutsideHeartbeatDeps
  #cancel: (() => void) | null = null
  #underWay = false
  #failed = false

  constructor(deps: OutsideHeartbeatDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#arm(Math.min(firstMs, this.#deps.everyMs))
  }

  stop(): void {
    this.#cancel?.()
  }

  #arm(afterMs: number): void {
    const { clock, everyMs } = this.#deps
    this.#cancel = clock.setTimer(clock.now() + afterMs, () => {
      this.#arm(everyMs)
      void this.#beat()
    })
  }

  /** A failure is told once, until one has arrived again. */
  async #beat(): Promise<void> {
    const { ping, observer, isHealthy } = this.#deps
    if (this.#underWay || !isHealthy()) return
    this.#underWay = true
    const outcome = await ping()
    this.#underWay = false
    if (!outcome.ok && !this.#failed) {
      observer.trouble({
        kind: 'heartbeat',
        message: `The sign of life did not reach the outside monitor: ${outcome.message}.`,
        help: 'See whether the address in settings: { watch: { heartbeat: … } } is right. It is tried again and again.',
      })
    }
    this.#failed = !outcome.ok
  }
}
