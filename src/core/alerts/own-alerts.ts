/**
 * Alerts about Tocsin itself. They live as those of rules do: grouped, escalated, acknowledged, told when they are
 * over. Their ids hold a colon, which no rule of a file may have.
 */
import type { Severity } from '../rules/definition.ts'
import type { AlertEvent } from './events.ts'

export const ownAlerts = {
  'tocsin:broker-down': { severity: 'critical', keyName: 'broker' },
  'tocsin:rule-unknown': { severity: 'warning', keyName: 'of_rule' },
  'tocsin:escalation-overdue': { severity: 'critical', keyName: 'policy' },
  'tocsin:dead-deliveries': { severity: 'warning', keyName: 'receiver' },
} as const satisfies Record<string, { readonly severity: Severity; readonly keyName: string }>

export type OwnAlert = keyof typeof ownAlerts

export const ownAlertNames = Object.keys(ownAlerts) as readonly OwnAlert[]

export function isOwnAlert(rule: string): boolean {
  return Object.hasOwn(ownAlerts, rule)
}

/** Something that is wrong with Tocsin; which one of its kind says `subject`: a broker, a rule, a receiver. */
export interface OwnFinding {
  readonly alert: OwnAlert
  readonly subject: string
  readonly summary: string
  readonly description: string
}

export function ownAlertOpens(
  { alert, subject, summary, description }: OwnFinding,
  policy: string,
): AlertEvent {
  const { severity } = ownAlerts[alert]
  const texts = { severity, summary, description, labels: {}, values: {} }
  return { ...about(alert, subject), change: 'firing', texts, policy }
}

export function ownAlertEnds(alert: OwnAlert, subject: string): AlertEvent {
  return { ...about(alert, subject), change: 'ended', texts: null, policy: 'none' }
}

function about(alert: OwnAlert, subject: string) {
  const named = { [ownAlerts[alert].keyName]: subject }
  return { type: 'alert', rule: alert, key: [subject], named, because: 'condition' } as const
}
