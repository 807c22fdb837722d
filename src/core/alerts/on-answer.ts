/** What people do about alerts: acknowledge, resolve, silence and speak again. Who asked gets an answer. */
import { type AddressState, addressSliceId } from '../deliveries/delivery-state.ts'
import type { SliceReader } from '../state.ts'
import type { StepContext } from '../step-context.ts'
import { type AlertState, alertSliceId } from './alert-state.ts'
import type { Alerting } from './alerting.ts'
import { acknowledgedNotification } from './compose.ts'
import type { About, AckEvent, ResolveEvent, SilenceEvent, UnsilenceEvent } from './events.ts'
import { acknowledge, groupOf } from './group.ts'
import { ackCodeSliceId, total } from './group-state.ts'
import { compileMatcher } from './matcher.ts'
import { ackAlert, alertNeeds, alertOf, resolveByHand } from './on-alert.ts'
import {
  noSilences,
  type Silence,
  type SilencesState,
  silenceLimit,
  silencesDueMs,
  silencesSliceId,
} from './silences.ts'

const commentLimit = 1_000

/** Asked again when more slices are loaded, as one names the next. */
export function ackNeeds(
  about: About,
  alerting: Alerting,
  read: SliceReader,
  nowMs: number,
): readonly string[] {
  if ('alert' in about) {
    const id = namedAlert(about.alert)
    return id === null ? [] : alertNeeds(id, null, alerting, read, nowMs)
  }
  const { via, group } = groupAbout(about, read)
  return [...via, ...(group === null ? [] : [group])]
}

export function onAck(event: AckEvent, alerting: Alerting, context: StepContext): void {
  const { about } = event
  const read: SliceReader = (slice) => context.draft.read(slice)
  if ('alert' in about) {
    const id = namedAlert(about.alert)
    const alert = id === null ? undefined : alertOf(read, id)
    if (id === null || alert === undefined || alert.state !== 'firing') {
      refuse(context, 'not-found', `No alert named ${about.alert.slice(0, 200)} fires.`)
    } else if (alert.ack !== null || isCovered(alert, read)) {
      refuse(context, 'already', `${about.alert} is acknowledged already.`)
    } else {
      const group = alert.group
      ackAlert(id, alert, event, alerting, context)
      if (group !== null) tellStatus(group, event.by, alerting, context)
      context.outcome.answers.push({ ok: true, done: 'acknowledged', about: about.alert })
    }
    return
  }
  const { group: id } = groupAbout(about, read)
  const group = id === null ? undefined : groupOf(read, id)
  if (id === null || group === undefined || group.overMs !== null) {
    const what =
      'code' in about
        ? `There is nothing to acknowledge under ${about.code.slice(0, 20)}.`
        : 'There is nothing to acknowledge.'
    refuse(context, 'not-found', what)
    return
  }
  if (total(group.needy) === 0 && group.ack !== null) {
    refuse(context, 'already', `It was acknowledged by ${group.ack.by} already.`)
    return
  }
  const acked = acknowledge(id, group, event, alerting, context)
  context.outcome.audit.push({
    subject: id,
    what: 'acked',
    data: { by: event.by, via: event.via, alerts: total(group.firing) },
    atMs: context.wallMs,
  })
  tellStatus(id, event.by, alerting, context)
  // The members' own topics show it too; there may be many.
  context.outcome.rechecks.push({ matcher: acked.labels, group: id })
  context.outcome.answers.push({ ok: true, done: 'acknowledged', about: acked.threadTitle || id })
}

export function resolveNeeds(
  event: ResolveEvent,
  alerting: Alerting,
  read: SliceReader,
  nowMs: number,
): readonly string[] {
  const id = namedAlert(event.alert)
  return id === null ? [] : alertNeeds(id, null, alerting, read, nowMs)
}

export function onResolve(event: ResolveEvent, alerting: Alerting, context: StepContext): void {
  const id = namedAlert(event.alert)
  const alert = id === null ? undefined : alertOf((slice) => context.draft.read(slice), id)
  if (id === null || alert === undefined || alert.state !== 'firing') {
    refuse(context, 'not-found', `No alert named ${event.alert.slice(0, 200)} fires.`)
    return
  }
  resolveByHand(id, alert, event, alerting, context)
  context.outcome.answers.push({ ok: true, done: 'resolved', about: event.alert })
}

export function onSilence(event: SilenceEvent, context: StepContext): void {
  const state = silences(context)
  const compiled = compileMatcher(event.matcher)
  if (!compiled.ok) {
    refuse(context, 'wrong', compiled.message)
    return
  }
  const fault = silenceFault(event, state)
  if (fault !== null) {
    refuse(context, ...fault)
    return
  }
  const count = state.count + 1
  const silence: Silence = {
    id: `s${count.toString(36)}`,
    matcher: event.matcher,
    untilMs: Math.ceil(context.nowMs + event.forMs),
    createdMs: context.wallMs,
    endsMs: context.wallMs + event.forMs,
    by: event.by,
    via: event.via,
    comment: event.comment.slice(0, commentLimit),
  }
  keep({ list: [...state.list, silence], count }, context)
  told(silence, 'silence', event.by, context)
  context.outcome.rechecks.push({ matcher: silence.matcher })
  context.outcome.answers.push({ ok: true, done: 'silenced', about: silence.id })
}

export function onUnsilence(event: UnsilenceEvent, context: StepContext): void {
  const state = silences(context)
  const silence = state.list.find(({ id }) => id === event.id)
  if (silence === undefined) {
    refuse(context, 'not-found', `There is no silence ${event.id.slice(0, 20)}.`)
    return
  }
  keep({ ...state, list: state.list.filter((one) => one !== silence) }, context)
  told(silence, 'unsilence', event.by, context)
  context.outcome.rechecks.push({ matcher: silence.matcher })
  context.outcome.answers.push({ ok: true, done: 'silence ended', about: silence.id })
}

/** Those that have ended are taken off the list; the alerts they silenced have timers of their own. */
export function onSilencesTimer(context: StepContext): void {
  const state = silences(context)
  for (const silence of state.list)
    if (silence.untilMs <= context.nowMs) told(silence, 'silence-ended', silence.by, context)
  keep({ ...state, list: state.list.filter(({ untilMs }) => untilMs > context.nowMs) }, context)
}

// ---- parts

function groupAbout(
  about: Exclude<About, { alert: string }>,
  read: SliceReader,
): { via: readonly string[]; group: string | null } {
  if ('group' in about) return { via: [], group: about.group.startsWith('group/') ? about.group : null }
  if ('code' in about) {
    const id = ackCodeSliceId(about.code.trim().toUpperCase())
    return { via: [id], group: (read(id)?.data as { group: string } | undefined)?.group ?? null }
  }
  const id = addressSliceId(about.latest.channel, about.latest.address)
  return { via: [id], group: (read(id)?.data as AddressState | undefined)?.latestGroup ?? null }
}

function isCovered(alert: AlertState, read: SliceReader): boolean {
  const ack = alert.group === null ? null : (groupOf(read, alert.group)?.ack ?? null)
  return ack !== null && alert.joined > 0 && alert.joined <= ack.upTo
}

/** Systems that keep a status of their own learn that nobody needs to act any more. */
function tellStatus(id: string, by: string, alerting: Alerting, context: StepContext): void {
  const group = groupOf((slice) => context.draft.read(slice), id)
  if (group === undefined || total(group.needy) > 0 || group.told.length === 0) return
  const keeps = group.told.some((name) => alerting.addresses(name).some(({ keepsStatus }) => keepsStatus))
  if (!keeps) return
  context.outcome.followUps.push({
    type: 'notify',
    receivers: group.told,
    notification: { ...acknowledgedNotification(group, alerting, context.wallMs), by },
    of: { group: id, round: group.round, step: null },
    last: false,
  })
}

function namedAlert(name: string): string | null {
  const at = name.lastIndexOf('/')
  return at <= 0 ? null : alertSliceId(name.slice(0, at), name.slice(at + 1).toLowerCase())
}

function silenceFault(
  event: SilenceEvent,
  state: SilencesState,
): [reason: 'wrong' | 'full', message: string] | null {
  if (Object.keys(event.matcher).length === 0)
    return ['wrong', 'A silence needs at least one label; else it would silence everything.']
  if (!(event.forMs > 0)) return ['wrong', 'A silence needs an end in the future.']
  if (state.list.length >= silenceLimit)
    return ['full', `There are ${silenceLimit} silences already: end some of them first.`]
  return null
}

function silences(context: StepContext): SilencesState {
  return (context.draft.read(silencesSliceId)?.data as SilencesState | undefined) ?? noSilences
}

function keep(state: SilencesState, context: StepContext): void {
  context.draft.write(silencesSliceId, state, silencesDueMs(state))
}

function told(silence: Silence, what: string, by: string, context: StepContext): void {
  const { id, comment, endsMs, matcher } = silence
  const data = { by, comment, until: new Date(endsMs).toISOString(), matcher: JSON.stringify(matcher) }
  context.outcome.audit.push({ subject: `silence/${id}`, what, data, atMs: context.wallMs })
}

function refuse(
  context: StepContext,
  reason: 'not-found' | 'wrong' | 'full' | 'already',
  message: string,
): void {
  context.outcome.answers.push({ ok: false, reason, message })
}
