/** What is wrong with Tocsin, judged from what can be seen of it. Pure. */
import type { OwnAlert, OwnFinding } from '../../core/alerts/own-alerts.ts'
import { durationText } from '../../core/templates/duration-text.ts'

/** What was seen. Times are steady ms. */
export interface Facts {
  readonly nowMs: number
  readonly startedMs: number
  readonly brokerDownMs: number
  /** Brokers that are not fully connected: since when, and why if that is known. */
  readonly down: ReadonlyMap<string, { readonly sinceMs: number; readonly why: string | null }>
  readonly undecided: readonly { readonly id: string; readonly forLong: boolean }[]
  /** Policy → groups of it whose next step is overdue; null: it could not be found out. */
  readonly overdue: ReadonlyMap<string, number> | null
  /** Receiver → when a delivery to it was given up last. */
  readonly dead: ReadonlyMap<string, { readonly atMs: number; readonly why: string }>
}

export interface Judgement {
  /** These are wrong. */
  readonly wrong: readonly OwnFinding[]
  /** Of this it cannot be said: an alert that is open stays open. */
  isUnsure(alert: OwnAlert, subject: string): boolean
}

/** Steps may be late by so much. */
export const overdueMs = 120_000
/** A receiver is well when so long nothing was given up. */
export const deadForMs = 3_600_000

export function judge(facts: Facts): Judgement {
  const { nowMs, down, undecided, overdue, dead } = facts
  const wrong: OwnFinding[] = []
  const lastingDown = [...down].filter(([, { sinceMs }]) => nowMs - sinceMs >= facts.brokerDownMs)
  for (const [broker, { why }] of lastingDown) {
    wrong.push({
      alert: 'tocsin:broker-down',
      subject: broker,
      summary: `The broker ${broker} has been away for ${durationText(facts.brokerDownMs)}`,
      description: why ?? 'Rules hear nothing of it, and what they publish waits.',
    })
  }
  for (const { id, forLong } of undecided) {
    if (!forLong) continue
    wrong.push({
      alert: 'tocsin:rule-unknown',
      subject: id,
      summary: `The rule ${id} could not decide on any message for a day`,
      description: 'A value that it needs is missing or of the wrong kind, so it neither fires nor clears.',
    })
  }
  for (const [policy, groups] of overdue ?? []) {
    wrong.push({
      alert: 'tocsin:escalation-overdue',
      subject: policy,
      summary: `Steps of the policy ${policy} are overdue`,
      description: `${groups === 1 ? 'One group' : `${groups} groups`} should have been told more than ${durationText(overdueMs)} ago.`,
    })
  }
  for (const [receiver, { atMs, why }] of dead) {
    if (nowMs - atMs >= deadForMs) continue
    wrong.push({
      alert: 'tocsin:dead-deliveries',
      subject: receiver,
      summary: `Notifications to ${receiver} could not be delivered`,
      description: `${why} \`tocsin deliveries --dead\` lists them, and tries them again.`,
    })
  }
  return { wrong, isUnsure: (alert, subject) => unsure(facts, alert, subject) }
}

function unsure(facts: Facts, alert: OwnAlert, subject: string): boolean {
  switch (alert) {
    case 'tocsin:broker-down':
      return facts.down.has(subject)
    case 'tocsin:rule-unknown':
      return facts.undecided.some(({ id }) => id === subject)
    case 'tocsin:escalation-overdue':
      return facts.overdue === null
    case 'tocsin:dead-deliveries':
      // What was given up before a start is not remembered.
      return facts.nowMs - facts.startedMs < deadForMs
  }
}
