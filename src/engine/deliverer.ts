/**
 * Makes the attempts that the core decides: one at a time for an address, so many at once for a channel as it
 * takes, each within a limit. A slow or dead channel holds up nothing else. What became of an attempt is an event
 * like any other.
 */
import type { AttemptEvent, Deliver } from '../core/alerts/events.ts'
import type { ChannelConnection, SendOutcome } from '../ports/channel.ts'
import type { Clock } from '../ports/clock.ts'

export interface DelivererDeps {
  /** Undefined when the configuration no longer has the channel. */
  connection(channel: string): ChannelConnection<unknown> | undefined
  /** What the channel needs to reach an address of a receiver; null when the configuration no longer has it. */
  target(receiver: string, channel: string, address: string): unknown
  readonly clock: Clock
  ended(event: AttemptEvent): void
}

/** An attempt is given up after so long, whatever the channel says of its own limit. */
const attemptLimitMs = 70_000
/** Who has waited so long for a free place gives its turn back, before its lease ends. */
const waitLimitMs = 30_000
/** Attempts that wait for one channel; more are given back at once. */
const waitingLimit = 10_000

/** Why a provider cannot be asked for a while; sending to it would fare no better. */
const passingReasons: ReadonlySet<string> = new Set([
  'unreachable',
  'rate-limited',
  'server-error',
  'timeout',
  'tls',
])
/** After so many attempts, about a quarter of an hour, what may have arrived is sent once more all the same. */
const askedMost = 20

type Failed = Extract<SendOutcome, { ok: false }>

interface Waiting {
  readonly deliver: Deliver
  readonly sinceMs: number
}

export class Deliverer {
  readonly #deps: DelivererDeps
  readonly #waiting = new Map<string, Waiting[]>()
  readonly #running = new Map<string, number>()
  readonly #attempts = new Set<AbortController>()
  #stopped = false
  #idle: (() => void)[] = []

  constructor(deps: DelivererDeps) {
    this.#deps = deps
  }

  /** How many attempts run or wait, per channel. */
  get load(): Readonly<Record<string, number>> {
    const names = [...new Set([...this.#waiting.keys(), ...this.#running.keys()])]
    return Object.fromEntries(
      names.map((name) => [name, (this.#waiting.get(name)?.length ?? 0) + (this.#running.get(name) ?? 0)]),
    )
  }

  deliver(deliver: Deliver): void {
    const { channel } = deliver
    const waiting = this.#waiting.get(channel) ?? []
    this.#waiting.set(channel, waiting)
    if (this.#stopped || waiting.length >= waitingLimit) {
      this.#end(deliver, null)
      return
    }
    waiting.push({ deliver, sinceMs: this.#deps.clock.now() })
    this.#next(channel)
  }

  /** Begins no more; waits for those under way, then ends them. What was not made is made after the next start. */
  async stop(limitMs: number): Promise<void> {
    this.#stopped = true
    this.#waiting.clear()
    if (this.#attempts.size === 0) return
    const { clock } = this.#deps
    const cancel = clock.setTimer(clock.now() + limitMs, () => {
      for (const attempt of this.#attempts) attempt.abort()
    })
    await new Promise<void>((resolve) => this.#idle.push(resolve))
    cancel()
  }

  #next(channel: string): void {
    const connection = this.#deps.connection(channel)
    const waiting = this.#waiting.get(channel)
    while (waiting !== undefined && waiting.length > 0) {
      const running = this.#running.get(channel) ?? 0
      if (connection !== undefined && running >= connection.parallel) return
      const { deliver, sinceMs } = waiting.shift() as Waiting
      if (this.#deps.clock.now() - sinceMs > waitLimitMs) {
        this.#end(deliver, null)
        continue
      }
      this.#running.set(channel, running + 1)
      void this.#attempt(deliver, connection).then((outcome) => {
        this.#running.set(channel, (this.#running.get(channel) ?? 1) - 1)
        this.#end(deliver, outcome)
        this.#next(channel)
        if (this.#attempts.size === 0) for (const resolve of this.#idle.splice(0)) resolve()
      })
    }
  }

  async #attempt(deliver: Deliver, connection: ChannelConnection<unknown> | undefined): Promise<SendOutcome> {
    const { receiver, channel, address, notification } = deliver
    const target = this.#deps.target(receiver, channel, address)
    if (connection === undefined || target === null) {
      const message = `The receiver ${receiver} has no ${channel} address like this any more.`
      return { ok: false, kind: 'permanent', reason: 'bad-recipient', message }
    }
    const { clock } = this.#deps
    const controller = new AbortController()
    this.#attempts.add(controller)
    const request = { deliveryId: deliver.delivery, notification, target, signal: controller.signal }
    const work = async (): Promise<SendOutcome> => {
      if (!deliver.uncertain || connection.find === undefined) return connection.send(request)
      const found = await connection.find({ ...request, attemptedMs: deliver.attemptedMs })
      if (found === null) return connection.send(request)
      if (found.ok || found.kind === 'permanent') return found
      if (found.kind === 'ambiguous') return this.#unasked(deliver, found) ?? connection.send(request)
      const again = await connection.send(request)
      // What was in doubt before is known not to have arrived: there is one attempt in doubt, and no second.
      return !again.ok && again.kind === 'ambiguous' ? { ...again, kind: 'temporary' } : again
    }
    let cancel = () => {}
    const limit = new Promise<SendOutcome>((resolve) => {
      cancel = clock.setTimer(clock.now() + attemptLimitMs, () => {
        controller.abort()
        const message = `The ${channel} channel gave no answer within ${attemptLimitMs / 1000} s.`
        resolve({ ok: false, kind: 'ambiguous', reason: 'timeout', message })
      })
    })
    try {
      return await Promise.race([work(), limit])
    } catch (error) {
      // A channel must not throw; when one does all the same, what it did before is not known.
      const message = `The ${channel} channel failed: ${error instanceof Error ? error.name : 'unknown error'}.`
      return { ok: false, kind: 'ambiguous', reason: 'server-error', message }
    } finally {
      cancel()
      this.#attempts.delete(controller)
    }
  }

  /** The provider could not be asked: it is asked again later, unless it is for reasons that may well not pass. */
  #unasked(deliver: Deliver, outcome: Failed): SendOutcome | null {
    const mayPass = passingReasons.has(outcome.reason) && deliver.attempt < askedMost
    return mayPass ? { ...outcome, kind: 'temporary' } : null
  }

  #end(deliver: Deliver, outcome: SendOutcome | null): void {
    const { delivery, attempt } = deliver
    this.#deps.ended({ type: 'attempt', delivery, attempt, outcome })
  }
}
