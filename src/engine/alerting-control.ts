/** Answers what is asked about alerts, and puts on the line what people do about them. */
import { type AlertState, alertName, alertSliceId } from '../core/alerts/alert-state.ts'
import type { Alerting } from '../core/alerts/alerting.ts'
import type { Matcher } from '../core/alerts/definition.ts'
import type { Answer, NotifyEvent } from '../core/alerts/events.ts'
import { hash64 } from '../core/alerts/fingerprint.ts'
import type { GroupState } from '../core/alerts/group-state.ts'
import { type CompiledMatcher, compileMatcher } from '../core/alerts/matcher.ts'
import { isOwnAlert } from '../core/alerts/own-alerts.ts'
import { noSilences, type Silence, type SilencesState, silencesSliceId } from '../core/alerts/silences.ts'
import { closest } from '../core/conditions/did-you-mean.ts'
import {
  type AddressState,
  addressSliceId,
  type DeliveryState,
  deliveryId,
  deliverySliceId,
} from '../core/deliveries/delivery-state.ts'
import type { Event } from '../core/event.ts'
import { sliceId, sliceIdParts } from '../core/state.ts'
import type {
  AcknowledgedView,
  Actor,
  AlertingControl,
  AlertQuery,
  AlertView,
  DeliveryQuery,
  DeliveryView,
  InboxView,
  NotifiedTestView,
  SilencedView,
  SilenceView,
} from '../ports/alerting-control.ts'
import type { AskError, Asked, Page } from '../ports/control.ts'
import type { Slice, Store } from '../ports/store.ts'
import { alertView, deliveryView, inboxView, silenceView } from './alert-views.ts'
import { asked, failed, storeError, unknownRule } from './ask-errors.ts'
import { fitting, journalPage } from './journal-views.ts'
import type { Line } from './line.ts'
import { type SlicePage, slicePage } from './slice-pages.ts'

export interface AlertingControlDeps {
  readonly store: Store
  readonly line: Line
  /** Steady time and the offset of the wall clock from it, ms. */
  nowMs(): number
  wallOffsetMs(): number
}

const alertPrefix = `${sliceId('alert')}/`
const deliveryPrefix = `${sliceId('delivery')}/`
/** Asked again within this time, by the same person with the same words, a silence is the one that was made. */
const sameSilenceMs = 60_000
/** Of the latest deliveries to an address so many are looked through for those of a test. */
const latestLooked = 20
const namesTold = 3

const reasons: Readonly<Record<Extract<Answer, { ok: false }>['reason'], AskError['code']>> = {
  'not-found': 'not-found',
  wrong: 'bad-request',
  full: 'full',
  already: 'already',
}

export class EngineAlertingControl implements AlertingControl {
  readonly #deps: AlertingControlDeps

  constructor(deps: AlertingControlDeps) {
    this.#deps = deps
  }

  async alerts(query: AlertQuery): Promise<Asked<Page<AlertView, string>>> {
    const { rule, match, limit, after } = query
    const { store, line } = this.#deps
    const states = new Set(query.states ?? ['pending', 'firing'])
    const matcher = match === undefined ? null : compileMatcher(match)
    if (matcher?.ok === false) return failed('bad-request', matcher.message)
    if (rule !== undefined && !isOwnAlert(rule) && line.program.rule(rule) === undefined)
      return unknownRule(rule, line.program)
    const afterId = after === undefined ? null : sliceOfName(after)
    if (after !== undefined && afterId === null)
      return failed('bad-request', '`after` must be the `next` of the page before.')
    const prefix = rule === undefined ? alertPrefix : `${sliceId('alert', rule)}/`
    const found = await slicePage(store, prefix, { after: afterId, limit }, (slice) => {
      const alert = slice.data as AlertState
      return states.has(alert.state) && (matcher === null || matcher.value.matches(alert.labels))
    })
    if (!found.ok) return storeError(found.failure)
    const groups = await this.#groupsOf(found.value.slices)
    if (!groups.ok) return groups
    const offsetMs = this.#deps.wallOffsetMs()
    const view = ({ data }: Slice) => {
      const alert = data as AlertState
      const group = alert.group === null ? null : (groups.value.get(alert.group) ?? null)
      return alertView(alert, group, offsetMs)
    }
    return pageOf(found.value, view)
  }

  async ack(
    about: { readonly alert: string } | { readonly code: string },
    actor: Actor,
  ): Promise<Asked<AcknowledgedView>> {
    if ('code' in about) {
      const done = await this.#ask({ type: 'ack', about, ...actor })
      return done.ok ? { ok: true, value: { acknowledged: done.value } } : done
    }
    const name = await this.#findAlert(about.alert)
    if (!name.ok) return name
    const done = await this.#ask({ type: 'ack', about: { alert: name.value }, ...actor })
    return done.ok ? { ok: true, value: { acknowledged: name.value } } : done
  }

  async resolve(alert: string, actor: Actor): Promise<Asked<{ readonly resolved: string }>> {
    const name = await this.#findAlert(alert)
    if (!name.ok) return name
    const done = await this.#ask({ type: 'resolve', alert: name.value, ...actor })
    return done.ok ? { ok: true, value: { resolved: name.value } } : done
  }

  async silence(
    {
      matcher,
      forMs,
      comment,
    }: { readonly matcher: Matcher; readonly forMs: number; readonly comment: string },
    actor: Actor,
  ): Promise<Asked<SilencedView>> {
    const compiled = compileMatcher(matcher)
    if (!compiled.ok) return failed('bad-request', compiled.message)
    const before = await this.#silences()
    if (!before.ok) return before
    // A request that comes again after a crash must not leave a second silence behind.
    const wallMs = this.#deps.nowMs() + this.#deps.wallOffsetMs()
    const same = before.value.list.find(
      (one) =>
        one.by === actor.by &&
        one.comment === comment &&
        wallMs - one.createdMs < sameSilenceMs &&
        one.endsMs - one.createdMs === forMs &&
        JSON.stringify(one.matcher) === JSON.stringify(matcher),
    )
    if (same !== undefined) return this.#silenced(same, compiled.value)
    const done = await this.#ask({ type: 'silence', matcher, forMs, comment, ...actor })
    if (!done.ok) return done
    const after = await this.#silences()
    if (!after.ok) return after
    const made = after.value.list.find(({ id }) => id === done.value)
    if (made === undefined) return failed('not-found', `The silence ${done.value} has been ended already.`)
    return this.#silenced(made, compiled.value)
  }

  async unsilence(id: string, actor: Actor): Promise<Asked<{ readonly ended: string }>> {
    const done = await this.#ask({ type: 'unsilence', id, ...actor })
    return done.ok ? { ok: true, value: { ended: done.value } } : done
  }

  async silences({
    limit,
    after,
  }: {
    readonly limit: number
    readonly after?: string | undefined
  }): Promise<Asked<Page<SilenceView, string>>> {
    const state = await this.#silences()
    if (!state.ok) return state
    const nowMs = this.#deps.nowMs()
    const list = state.value.list.filter(({ untilMs }) => untilMs > nowMs)
    const from = after === undefined ? 0 : list.findIndex(({ id }) => id === after) + 1
    if (after !== undefined && from === 0)
      return failed('not-found', `The silence ${after.slice(0, 20)} has ended: ask from the beginning.`)
    const { count, items } = fitting(list.slice(from, from + limit), silenceView)
    const isLast = from + count >= list.length
    return { ok: true, value: { items, next: isLast ? null : (items.at(-1)?.id ?? null) } }
  }

  async deliveries({ states, ids, limit, after }: DeliveryQuery): Promise<Asked<Page<DeliveryView, string>>> {
    const { store } = this.#deps
    const offsetMs = this.#deps.wallOffsetMs()
    const wanted = states === undefined ? null : new Set(states)
    const fits = ({ data }: Slice) => wanted === null || wanted.has((data as DeliveryState).state)
    const view = ({ data }: Slice) => deliveryView(data as DeliveryState, offsetMs)
    if (ids !== undefined) {
      const named = await store.load(ids.map(deliverySliceId))
      if (!named.ok) return storeError(named.failure)
      return pageOf({ slices: [...named.value.values()].filter(fits), next: null }, view)
    }
    const place = { after: after === undefined ? null : deliverySliceId(after), limit }
    const found = await slicePage(store, deliveryPrefix, place, fits)
    return found.ok ? pageOf(found.value, view) : storeError(found.failure)
  }

  async retry(delivery: string, actor: Actor): Promise<Asked<{ readonly retried: string }>> {
    const id = deliverySliceId(delivery)
    const found = await this.#deps.store.load([id])
    if (!found.ok) return storeError(found.failure)
    const state = (found.value.get(id)?.data as DeliveryState | undefined)?.state
    if (state === 'queued' || state === 'leased')
      return failed('already', `The delivery ${delivery} waits to be sent already.`)
    const done = await this.#ask({ type: 'retry', delivery, ...actor })
    return done.ok ? { ok: true, value: { retried: delivery } } : done
  }

  async inbox(query: {
    readonly limit: number
    readonly before?: number | undefined
  }): Promise<Asked<Page<InboxView, number>>> {
    return asked(await journalPage(this.#deps.store, 'inbox', query, inboxView))
  }

  async notifyTest(receiver: string, { by }: Actor): Promise<Asked<NotifiedTestView>> {
    const { line } = this.#deps
    const { alerting } = line.program
    const addresses = alerting?.addresses(receiver) ?? []
    if (alerting === null || addresses.length === 0) return unknownReceiver(receiver, alerting)
    const event = this.#testEvent(receiver, by, alerting)
    await new Promise<void>((done) => line.push([{ event, done }]))
    const found: DeliveryView[] = []
    for (const { channel, address } of addresses) {
      const delivery = await this.#deliveryOf(event.notification.threadId, channel, address)
      if (!delivery.ok) return delivery
      if (delivery.value !== null) found.push(delivery.value)
    }
    return { ok: true, value: { receiver, deliveries: found } }
  }

  // ---- parts

  /** What was done, as the core names it, once it is durable. */
  async #ask(event: Event): Promise<Asked<string>> {
    const answer = await this.#deps.line.ask(event)
    if (answer === null)
      return failed('not-found', 'There are no alerts: no policy and no receiver is configured.')
    return answer.ok ? { ok: true, value: answer.about } : failed(reasons[answer.reason], answer.message)
  }

  /** The whole name of an alert of which the beginning of the fingerprint may be given. */
  async #findAlert(name: string): Promise<Asked<string>> {
    const { store, line } = this.#deps
    const at = name.lastIndexOf('/')
    const rule = name.slice(0, at)
    const begins = name.slice(at + 1).toLowerCase()
    if (at <= 0 || !/^[0-9a-f]{4,16}$/.test(begins)) {
      const words =
        'Write an alert as <rule>/<fingerprint>, with at least 4 characters of the fingerprint, such as'
      return failed('bad-request', `${words} overheating/4f7a. The request \`alerts\` lists them.`)
    }
    const found = await store.scan(alertSliceId(rule, begins), null, namesTold + 1)
    if (!found.ok) return storeError(found.failure)
    const alerts = found.value.map(({ data }) => data as AlertState)
    const [first, ...others] = alerts.length > 1 ? preferOpen(alerts) : alerts
    if (first === undefined) {
      if (!isOwnAlert(rule) && line.program.rule(rule) === undefined) return unknownRule(rule, line.program)
      const shown = `${rule}/${begins}`.slice(0, 200)
      return failed('not-found', `There is no alert ${shown}. The request \`alerts\` lists them.`)
    }
    if (others.length === 0) return { ok: true, value: alertName(first) }
    const names = alerts.slice(0, namesTold).map(alertName).join(', ')
    const more = alerts.length > namesTold ? ', …' : ''
    return failed(
      'ambiguous',
      `${name.slice(0, 200)} fits several alerts: ${names}${more}. Write more of it.`,
    )
  }

  async #groupsOf(slices: readonly Slice[]): Promise<Asked<ReadonlyMap<string, GroupState>>> {
    const ids = new Set(slices.flatMap(({ data }) => (data as AlertState).group ?? []))
    const loaded = await this.#deps.store.load(ids)
    if (!loaded.ok) return storeError(loaded.failure)
    return { ok: true, value: new Map([...loaded.value].map(([id, { data }]) => [id, data as GroupState])) }
  }

  async #silences(): Promise<Asked<SilencesState>> {
    const loaded = await this.#deps.store.load([silencesSliceId])
    if (!loaded.ok) return storeError(loaded.failure)
    const state = loaded.value.get(silencesSliceId)?.data as SilencesState | undefined
    return { ok: true, value: state ?? noSilences }
  }

  async #silenced(silence: Silence, matcher: CompiledMatcher): Promise<Asked<SilencedView>> {
    let alerts = 0
    const counted = await slicePage(this.#deps.store, alertPrefix, { after: null, limit: 1 }, ({ data }) => {
      const alert = data as AlertState
      if (alert.state !== 'resolved' && matcher.matches(alert.labels)) alerts++
      return false
    })
    return counted.ok ? { ok: true, value: { ...silenceView(silence), alerts } } : storeError(counted.failure)
  }

  async #deliveryOf(threadId: string, channel: string, address: string): Promise<Asked<DeliveryView | null>> {
    const { store } = this.#deps
    const addressId = addressSliceId(channel, address)
    const line = await store.load([addressId])
    if (!line.ok) return storeError(line.failure)
    const next = (line.value.get(addressId)?.data as AddressState | undefined)?.next ?? 0
    const ids = Array.from({ length: Math.min(next, latestLooked) }, (_, index) =>
      deliverySliceId(deliveryId(channel, address, next - 1 - index)),
    )
    const loaded = await store.load(ids)
    if (!loaded.ok) return storeError(loaded.failure)
    const states = [...loaded.value.values()].map(({ data }) => data as DeliveryState)
    const found = states.find((state) => state.threadId === threadId)
    return { ok: true, value: found === undefined ? null : deliveryView(found, this.#deps.wallOffsetMs()) }
  }

  #testEvent(receiver: string, by: string, { zone }: Alerting): NotifyEvent {
    const nowMs = this.#deps.nowMs()
    const title = `Test of ${receiver}`
    return {
      type: 'notify',
      receivers: [receiver],
      notification: {
        kind: 'test',
        title,
        threadTitle: title,
        text: `${by} asked for this test. Alerts for ${receiver} arrive like this; nothing has to be done.`,
        severity: 'info',
        alerts: [],
        more: 0,
        by,
        ackCode: null,
        ackUrl: null,
        threadId: hash64(`test ${receiver} ${nowMs}`),
        threadIndex: 0,
        atMs: nowMs + this.#deps.wallOffsetMs(),
        zone,
      },
      of: null,
      last: false,
    }
  }
}

/** Of several, those that are open, if any is. */
function preferOpen(alerts: readonly AlertState[]): readonly AlertState[] {
  const open = alerts.filter(({ state }) => state !== 'resolved')
  return open.length > 0 ? open : alerts
}

function sliceOfName(name: string): string | null {
  const at = name.lastIndexOf('/')
  return at <= 0 ? null : alertSliceId(name.slice(0, at), name.slice(at + 1))
}

function nameOfSlice(id: string): string {
  return sliceIdParts(id).slice(1).join('/')
}

/** What of it fits into one answer. */
function pageOf<T>({ slices, next }: SlicePage, view: (slice: Slice) => T): Asked<Page<T, string>> {
  const { count, items } = fitting(slices, view)
  const last = count < slices.length ? (slices[count - 1]?.id ?? null) : next
  return { ok: true, value: { items, next: last === null ? null : nameOfSlice(last) } }
}

function unknownReceiver(receiver: string, alerting: Alerting | null): { ok: false; error: AskError } {
  const names = [...(alerting?.receivers.keys() ?? [])]
  const near = closest(receiver, names)
  const list = names.length === 0 ? 'None is configured.' : `There is: ${names.slice(0, 20).join(', ')}.`
  const hint = near === null ? list : `Did you mean ${near}?`
  return failed('unknown-receiver', `No receiver is named "${receiver.slice(0, 100)}". ${hint}`)
}
