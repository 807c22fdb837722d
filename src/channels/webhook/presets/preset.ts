/** What a preset knows about its service: the form of a message and its limits. */
import type { Notification } from '../../../core/alerts/notification.ts'
import type { WebhookTarget } from '../schema.ts'

export interface PresetRequest {
  readonly url: string
  /** Sent as JSON. */
  readonly body: unknown
}

export interface Preset {
  /** In order; the delivery has succeeded when all have. Repeating one that has succeeded must do no harm. */
  requests(notification: Notification, target: WebhookTarget): readonly PresetRequest[]
  /** The service's name for it, from its answer (JSON, or null when it is none). */
  idOf?(answer: unknown): string | null
}

export const severityColors = {
  critical: '#b91c1c',
  warning: '#b45309',
  info: '#1d4ed8',
  resolved: '#15803d',
} as const

export function colorOf({ kind, severity }: Notification): string {
  return severityColors[kind === 'resolved' ? 'resolved' : severity]
}

export function field(answer: unknown, name: string): unknown {
  return typeof answer === 'object' && answer !== null && Object.hasOwn(answer, name)
    ? (answer as Record<string, unknown>)[name]
    : undefined
}
