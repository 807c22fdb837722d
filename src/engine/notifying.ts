/**
 * The engine's side of alerting: makes the attempts that the core decides, judges alerts again when silences or
 * inhibitions change, and answers the links in notifications.
 */

import { type AlertState, alertName } from '../core/alerts/alert-state.ts'
import type { Answer, AttemptEvent, Deliver, Recheck } from '../core/alerts/events.ts'
import { ackCodeSliceId, type GroupState, total } from '../core/alerts/group-state.ts'
import { compileMatcher } from '../core/alerts/matcher.ts'
import {
  type AddressState,
  addressSliceId,
  type DeliveryState,
  deliverySliceId,
} from '../core/deliveries/delivery-state.ts'
import type { Event } from '../core/event.ts'
import { sliceId } from '../core/state.ts'
import type { ChannelConnection } from '../ports/channel.ts'
import type { Clock } from '../ports/clock.ts'
import type { Observer } from '../ports/observer.ts'
import type { Store } from '../ports/store.ts'
import type { AckView } from '../ports/web.ts'
import { AckLinks, type LinkData } from './ack-links.ts'
import { Deliverer } from './deliverer.ts'
import type { Line } from './line.ts'

/** How receivers are reached; changes with the configuration. */
export interface Outreach {
  /** Channel name → its connection. */
  readonly connections: ReadonlyMap<string, ChannelConnection<unknown>>
  /** What the channel needs to reach an address of a receiver; null when there is none like it. */
  target(receiver: string, channel: string, address: string): unknown
}

export interface NotifyingDeps {
  readonly outreach: Outreach
  /** Where people reach the listener; null: notifications have no link. */
  readonly publicUrl: string | null
  readonly store: Store
  readonly clock: Clock
  readonly line: Pick<Line, 'push'>
  readonly observer: Observer
  /** Steady time, ms. */
  nowMs(): number
  /** Wall clock minus steady time, ms. */
  wallOffsetMs(): number
}

const alertPrefix = 'alert/'
const addressPrefix = 'address/'
const scanPage = 500
const sweepEveryMs = 3_600_000

export class Notifying {
  readonly #deps: NotifyingDeps
  readonly #deliverer: Deliverer
  readonly #links: AckLinks | null
  #outreach: Outreach
  #sweptMs: number

  constructor(deps: NotifyingDeps) {
    this.#deps = deps
    this.#outreach = deps.outreach
    this.#sweptMs = deps.clock.now()
    this.#deliverer = new Deliverer({
      connection: (channel) => this.#outreach.connections.get(channel),
      target: (receiver, channel, address) => this.#outreach.target(receiver, channel, address),
      clock: deps.clock,
      ended: (event: AttemptEvent) => deps.line.push([{ event }]),
    })
    const { publicUrl } = deps
    this.#links =
      publicUrl === null
        ? null
        : new AckLinks({
            store: deps.store,
            publicUrl,
            nowMs: () => deps.nowMs(),
            keep: (slice, data) => this.#pushed({ type: 'keep', slice, data }),
            drop: (slices) => deps.line.push([{ event: { type: 'drop', slices } }]),
          })
  }

  /** Attempts that run or wait, per channel. */
  get load(): Readonly<Record<string, number>> {
    return this.#deliverer.load
  }

  /** Other receivers from here on; attempts under way end on the connections they began with. */
  replaceOutreach(outreach: Outreach): void {
    this.#outreach = outreach
  }

  get outreach(): Outreach {
    return this.#outreach
  }

  /**
   * Before anything is sent: what the process before this one was sending when it died is taken up, without waiting
   * for its lease to end. Right as long as one engine has the store for itself.
   */
  async takeUp(): Promise<void> {
    for (let after: string | null = null; ; ) {
      const page = await this.#deps.store.scan(addressPrefix, after, scanPage)
      // Then their leases end by themselves.
      if (!page.ok || page.value.length === 0) return
      after = page.value.at(-1)?.id ?? null
      const busy = page.value.flatMap(({ data }) => (data as AddressState).busy?.delivery ?? [])
      const loaded = await this.#deps.store.load(busy.map(deliverySliceId))
      if (!loaded.ok) return
      const left = [...loaded.value.values()].map(({ data }) => data as DeliveryState)
      this.#deps.line.push(
        left.map(({ id, attempts }) => ({
          event: { type: 'attempt', delivery: id, attempt: attempts, outcome: null, uncertain: true },
        })),
      )
    }
  }

  /** An attempt that was committed. */
  deliver(deliver: Deliver): void {
    void this.#deliver(deliver)
  }

  async #deliver(deliver: Deliver): Promise<void> {
    const { channel, address, delivery, attempt } = deliver
    if ((await this.#load(optOutSliceId(channel, address))) !== undefined) {
      const message = 'The person there has answered STOP; START brings messages back.'
      const outcome = { ok: false, kind: 'permanent', reason: 'not-allowed', message } as const
      this.#deps.line.push([{ event: { type: 'attempt', delivery, attempt, outcome } }])
      return
    }
    const notification = (await this.#links?.addTo(delivery, deliver.notification)) ?? deliver.notification
    this.#deliverer.deliver({ ...deliver, notification })
  }

  /** Judges the alerts concerned again, a page at a time. */
  recheck({ matcher, group }: Recheck): Promise<void> {
    const compiled = compileMatcher(matcher)
    if (!compiled.ok) throw new Error('a matcher that was judged by before cannot be read')
    return this.#recheck(
      (alert) => (group === undefined || alert.group === group) && compiled.value.matches(alert.labels),
    )
  }

  /** Judges every alert again: the rules may have changed, or a crash may have cut off what was begun. */
  recheckAll(): Promise<void> {
    return this.#recheck(() => true)
  }

  async #recheck(concerned: (alert: AlertState) => boolean): Promise<void> {
    for (let after: string | null = null; ; ) {
      const page = await this.#deps.store.scan(alertPrefix, after, scanPage)
      if (!page.ok) {
        const { message, help } = page.failure
        this.#deps.observer.trouble({ kind: 'store', message, help })
        return
      }
      if (page.value.length === 0) return
      after = page.value.at(-1)?.id ?? null
      const slices = page.value.filter(({ data }) => concerned(data as AlertState))
      await Promise.all(slices.map(({ id }) => this.#pushed({ type: 'recheck', slice: id })))
    }
  }

  /** Called now and then. */
  beat(): void {
    const nowMs = this.#deps.clock.now()
    if (this.#links === null || nowMs - this.#sweptMs < sweepEveryMs) return
    this.#sweptMs = nowMs
    void this.#links.sweep()
  }

  /** What a link shows. Changes nothing. */
  async openLink(token: string): Promise<AckView | null> {
    const found = await this.#find(token)
    return found === null ? null : this.#view(found.group)
  }

  async ackLink(token: string): Promise<AckView | null> {
    const found = await this.#find(token)
    if (found === null) return null
    await this.ask({ type: 'ack', about: { code: found.link.code }, by: 'the link in a mail', via: 'email' })
    return this.openLink(token)
  }

  /** The code of the conversation that an address was told of last; null when there is none. */
  async latestCode(channel: string, address: string): Promise<string | null> {
    const place = await this.#load<AddressState>(addressSliceId(channel, address))
    const group = place?.latestGroup == null ? undefined : await this.#load<GroupState>(place.latestGroup)
    return group?.ackCode ?? null
  }

  /** Who acknowledged what is told under a code. */
  async ackedBy(code: string): Promise<string> {
    const group = await this.#groupUnder(code)
    return group?.ack?.by ?? 'somebody'
  }

  /** Names of the alerts that fire under a code, the newest 20 of them. */
  async firingUnder(code: string): Promise<readonly string[]> {
    const group = await this.#groupUnder(code)
    return group?.sample.map(({ rule, fingerprint }) => alertName({ rule, fingerprint })) ?? []
  }

  /** An address that wants no more, or wants again. */
  async optOut(channel: string, address: string, out: boolean): Promise<void> {
    const slice = optOutSliceId(channel, address)
    await this.#pushed(out ? { type: 'keep', slice, data: { out } } : { type: 'drop', slices: [slice] })
  }

  /** Puts a question on the line; resolves with the answer once what it changed is durable. */
  ask(event: Event): Promise<Answer | null> {
    return new Promise((resolve) => {
      let answer: Answer | null = null
      this.#deps.line.push([
        { event, answered: (answers) => (answer = answers[0] ?? null), done: () => resolve(answer) },
      ])
    })
  }

  /** What was not sent is sent after the next start. */
  async stop(limitMs: number): Promise<void> {
    await this.#deliverer.stop(limitMs)
    await Promise.all([...this.#outreach.connections.values()].map((connection) => connection.close()))
  }

  /** The conversation of a link, if it still goes on. */
  async #find(token: string): Promise<{ link: LinkData; group: GroupState } | null> {
    const link = await this.#links?.open(token)
    if (link === null || link === undefined) return null
    const group = await this.#groupUnder(link.code)
    return group === undefined || group.threadId !== link.threadId ? null : { link, group }
  }

  async #groupUnder(code: string): Promise<GroupState | undefined> {
    const found = await this.#load<{ group?: string }>(ackCodeSliceId(code))
    return found?.group === undefined ? undefined : this.#load<GroupState>(found.group)
  }

  async #load<T>(slice: string): Promise<T | undefined> {
    const loaded = await this.#deps.store.load([slice])
    return loaded.ok ? (loaded.value.get(slice)?.data as T | undefined) : undefined
  }

  #view(group: GroupState): AckView {
    const firing = group.sample.map(({ rule, summary, sinceMs }) => ({
      rule,
      summary,
      state: 'firing' as const,
      sinceMs,
    }))
    const over = group.resolvedSample.map(({ rule, summary, resolvedMs, sinceMs }) => ({
      rule,
      summary,
      state: 'resolved' as const,
      sinceMs: resolvedMs ?? sinceMs,
    }))
    const isOpen = total(group.firing) > 0
    const isAcked = isOpen && group.ack !== null && total(group.needy) === 0
    return {
      title: group.threadTitle === '' ? (firing[0]?.summary ?? 'Alert') : group.threadTitle,
      severity: group.worst,
      alerts: firing.length > 0 ? firing : over,
      more: firing.length > 0 ? Math.max(0, total(group.firing) - firing.length) : 0,
      ackedBy: isAcked ? (group.ack?.by ?? null) : null,
    }
  }

  #pushed(event: Event): Promise<void> {
    return new Promise((done) => this.#deps.line.push([{ event, done }]))
  }
}

function optOutSliceId(channel: string, address: string): string {
  return sliceId('optout', channel, address)
}
