/** Makes the notification of a group: what it lists, what stands above it, and how the conversation is called. */

import type { Severity } from '../rules/definition.ts'
import { durationText } from '../templates/duration-text.ts'
import { lingerMs } from './alert-state.ts'
import type { Alerting } from './alerting.ts'
import { type GroupState, type SampledAlert, total, worse, worst } from './group-state.ts'
import type { Notification, NotifiedAlert } from './notification.ts'

const titleLimit = 200

export function firingNotification(group: GroupState, alerting: Alerting, wallMs: number): Notification {
  const upTo = group.ack?.upTo ?? 0
  const fires = group.sample.filter(({ joined }) => joined > upTo || joined === 0).toReversed()
  const count = total(group.needy)
  const resolved = group.resolvedSample.toReversed().slice(0, Math.max(0, 20 - fires.length))
  const flapping = fires.filter(({ openings }) => openings !== null)
  const lines = [
    group.remark,
    ...flapping
      .slice(0, 3)
      .map((alert) => `${fires.length > 1 ? `${alert.summary}: ` : ''}${flappingText(alert.openings)}`),
    group.news.resolved > 0 ? `${alertsText(group.news.resolved)} resolved.` : '',
    swallowedText(group.swallowed),
  ]
  return {
    ...common(group, alerting, wallMs),
    kind: 'firing',
    ...titles(group, titleOf(fires, count, group)),
    text: lines.filter((line) => line !== '').join('\n'),
    severity: worst(group.needy) ?? group.worst,
    alerts: [...fires, ...resolved].map(shown),
    more: Math.max(0, count + group.news.resolved - fires.length - resolved.length),
    by: null,
    ackCode: group.ackCode,
  }
}

/** What resolved since the last time; all of it, when nothing fires any more. */
export function resolvedNotification(group: GroupState, alerting: Alerting, wallMs: number): Notification {
  const count = group.news.resolved
  const list = group.resolvedSample.toReversed()
  const left = total(group.firing)
  const lines = [left > 0 ? `${alertsText(left)} still firing.` : '', swallowedText(group.swallowed)]
  return {
    ...common(group, alerting, wallMs),
    kind: 'resolved',
    ...titles(group, titleOf(list, count, group)),
    text: lines.filter((line) => line !== '').join('\n'),
    severity: list.reduce<Severity>((found, { severity }) => worse(found, severity), 'info'),
    alerts: list.map(shown),
    more: Math.max(0, count - list.length),
    by: group.resolvedBy,
    ackCode: null,
  }
}

export function acknowledgedNotification(
  group: GroupState,
  alerting: Alerting,
  wallMs: number,
): Notification {
  const list = group.sample.toReversed()
  const count = total(group.firing)
  return {
    ...common(group, alerting, wallMs),
    kind: 'acknowledged',
    ...titles(group, titleOf(list, count, group)),
    text: '',
    severity: group.worst,
    alerts: list.map(shown),
    more: Math.max(0, count - list.length),
    by: group.ack?.by ?? null,
    ackCode: null,
  }
}

/** Of what a mute swallowed, when nothing else is to be told. */
export function muteDigest(group: GroupState, alerting: Alerting, wallMs: number): Notification {
  const text = swallowedText(group.swallowed)
  return {
    ...common(group, alerting, wallMs),
    kind: 'digest',
    ...titles(group, text),
    text: `${text} (${group.policy}${labelText(group)})`,
    severity: 'info',
    alerts: [],
    more: 0,
    by: null,
    ackCode: null,
  }
}

function common(group: GroupState, alerting: Alerting, wallMs: number) {
  const { threadId, threadIndex } = group
  return { threadId, threadIndex, atMs: wallMs, zone: alerting.zone, ackUrl: null }
}

function titles(group: GroupState, title: string): Pick<Notification, 'title' | 'threadTitle'> {
  return { title, threadTitle: group.threadTitle === '' ? title : group.threadTitle }
}

function titleOf(list: readonly SampledAlert[], count: number, group: GroupState): string {
  const [first] = list
  if (first !== undefined && count <= 1) return cut(first.summary)
  const rules = new Set(list.map(({ rule }) => rule))
  const about = rules.size === 1 && first !== undefined ? `: ${first.rule}` : ''
  const labels = Object.entries(group.labels).filter(([name, value]) => name !== 'rule' && value !== '')
  const where = labels.length === 0 ? '' : ` (${labels.map(([, value]) => value).join(', ')})`
  return cut(`${alertsText(count)}${about}${where}`)
}

function flappingText(openings: number | null): string {
  return `Flapping (${openings ?? 0} times in ${durationText(lingerMs)}).`
}

function swallowedText(count: number): string {
  return count === 0 ? '' : `${alertsText(count)} came and went while muted.`
}

function alertsText(count: number): string {
  return count === 1 ? '1 alert' : `${count} alerts`
}

function labelText(group: GroupState): string {
  const labels = Object.entries(group.labels).filter(([, value]) => value !== '')
  return labels.map(([name, value]) => `, ${name} ${value}`).join('')
}

function shown({ joined: _joined, openings: _openings, ...alert }: SampledAlert): NotifiedAlert {
  return alert
}

function cut(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > titleLimit ? `${line.slice(0, titleLimit - 1)}…` : line
}
