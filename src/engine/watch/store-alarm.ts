/**
 * Tells people that the store takes nothing any more. Alerts live in the store, so this one cannot: it is sent from
 * memory, step by step as its policy says, without acknowledgement or repeat, and a restart forgets it.
 */
import type { Alerting } from '../../core/alerts/alerting.ts'
import type { AttemptEvent } from '../../core/alerts/events.ts'
import { hash64 } from '../../core/alerts/fingerprint.ts'
import { messageEvent } from '../../core/alerts/message.ts'
import type { Event } from '../../core/event.ts'
import { sliceId } from '../../core/state.ts'
import { durationText } from '../../core/templates/duration-text.ts'
import type { Clock } from '../../ports/clock.ts'
import { Deliverer } from '../deliverer.ts'
import type { Outreach } from '../notifying.ts'

export interface StoreAlarmDeps {
  readonly clock: Clock
  outreach(): Outreach
  push(event: Event): void
}

export interface StoreMoment {
  readonly nowMs: number
  readonly wallMs: number
  readonly alerting: Alerting
  /** Name of the policy that says who is told. */
  readonly policy: string
}

interface Place {
  readonly receiver: string
  readonly channel: string
  readonly address: string
  state: 'waits' | 'under way' | 'told' | 'lost'
  attempts: number
  nextMs: number
}

/** A disk may be slow or full for a moment. */
const patienceMs = 60_000
const firstRetryMs = 30_000
const mostRetryMs = 900_000
const placesLimit = 100
/** After it was told, a store that fails again and again is told no sooner than this. */
const restMs = 3_600_000

export class StoreAlarm {
  readonly #deps: StoreAlarmDeps
  readonly #deliverer: Deliverer
  readonly #places = new Map<string, Place>()
  #sinceMs: number | null = null
  #quietUntilMs = Number.NEGATIVE_INFINITY
  /** Of the latest look, steady ms. */
  #atMs = 0

  constructor(deps: StoreAlarmDeps) {
    this.#deps = deps
    this.#deliverer = new Deliverer({
      connection: (channel) => deps.outreach().connections.get(channel),
      target: (receiver, channel, address) => deps.outreach().target(receiver, channel, address),
      clock: deps.clock,
      ended: (event) => this.#ended(event),
    })
  }

  /** Called again and again while the store fails. */
  fails(stuck: { readonly sinceMs: number; readonly message: string }, moment: StoreMoment): void {
    const { nowMs, alerting, policy } = moment
    const lastedMs = nowMs - stuck.sinceMs
    this.#atMs = nowMs
    if (lastedMs < patienceMs || nowMs < this.#quietUntilMs) return
    this.#sinceMs ??= stuck.sinceMs
    for (const { afterMs, notify } of alerting.policy(policy)?.steps ?? []) {
      if (lastedMs < patienceMs + afterMs) continue
      for (const receiver of notify) {
        for (const { channel, address } of alerting.addresses(receiver)) {
          const id = sliceId(channel, address)
          if (this.#places.has(id) || this.#places.size >= placesLimit) continue
          this.#places.set(id, { receiver, channel, address, state: 'waits', attempts: 0, nextMs: nowMs })
        }
      }
    }
    for (const [id, place] of this.#places) {
      if (place.state === 'waits' && place.nextMs <= nowMs) this.#attempt(id, place, stuck.message, moment)
    }
  }

  /** Called when the store works: who was told hears that it is over. */
  works({ nowMs, wallMs, alerting }: StoreMoment): void {
    const sinceMs = this.#sinceMs
    if (sinceMs === null) return
    const told = [...this.#places.values()].filter(({ state }) => state === 'told' || state === 'under way')
    const receivers = [...new Set(told.map(({ receiver }) => receiver))]
    this.#sinceMs = null
    this.#places.clear()
    if (receivers.length === 0) return
    this.#quietUntilMs = nowMs + restMs
    const summary = `Tocsin's store works again after ${durationText(roundedMs(nowMs - sinceMs))}`
    const body = 'What came meanwhile was not acknowledged, and the broker sends it again.'
    const effect = { receivers, summary, body, severity: null, zone: alerting.zone }
    this.#deps.push(messageEvent(effect, ['store-works'], 'info', { nowMs, wallMs }))
  }

  stop(limitMs: number): Promise<void> {
    return this.#deliverer.stop(limitMs)
  }

  #attempt(id: string, place: Place, why: string, { nowMs, wallMs, alerting }: StoreMoment): void {
    const { receiver, channel, address } = place
    place.state = 'under way'
    place.attempts++
    const sinceMs = this.#sinceMs ?? nowMs
    const body = `${why} No message is acknowledged, and no alert opens or escalates, until it works again.`
    const effect = {
      receivers: [receiver],
      summary: 'Tocsin cannot keep anything: its store fails',
      body,
      severity: 'critical',
      zone: alerting.zone,
    } as const
    const { notification } = messageEvent(effect, ['store-fails'], 'critical', { nowMs: sinceMs, wallMs })
    this.#deliverer.deliver({
      kind: 'deliver',
      delivery: deliveryOf(id, sinceMs),
      receiver,
      channel,
      address,
      notification,
      attempt: place.attempts,
      uncertain: place.attempts > 1,
      attemptedMs: wallMs,
    })
  }

  #ended({ delivery, attempt, outcome }: AttemptEvent): void {
    const sinceMs = this.#sinceMs
    if (sinceMs === null) return
    for (const [id, place] of this.#places) {
      if (deliveryOf(id, sinceMs) !== delivery || place.attempts !== attempt) continue
      const known = typeof outcome === 'string' ? null : outcome
      if (known?.ok === true) place.state = 'told'
      else if (known?.kind === 'permanent') place.state = 'lost'
      else {
        place.state = 'waits'
        const waitMs = Math.min(mostRetryMs, firstRetryMs * 2 ** Math.min(attempt - 1, 10))
        place.nextMs = this.#atMs + waitMs
      }
    }
  }
}

/** The same for every attempt: message ids and idempotency keys are made of it. */
function deliveryOf(place: string, sinceMs: number): string {
  return `${hash64(place)}-store-${sinceMs.toString(36)}`
}

/** To the second, or the minute when it took longer. */
function roundedMs(ms: number): number {
  const unit = ms < 60_000 ? 1_000 : 60_000
  return Math.max(unit, Math.round(ms / unit) * unit)
}
