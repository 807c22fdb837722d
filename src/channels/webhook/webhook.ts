/** Webhook: a notification as an HTTP request, in the form that a chat service, a pager or one's own server wants. */
import { createHash } from 'node:crypto'
import type { Notification } from '../../core/alerts/notification.ts'
import type { Channel } from '../../ports/channel.ts'
import { redactor } from '../shared/redactor.ts'
import { type WebhookTarget, webhookTargetSchema } from './schema.ts'
import { connectWebhook, webhookSecrets } from './webhook-connection.ts'
import { webhookRequests } from './webhook-request.ts'

export const webhook: Channel<WebhookTarget, null> = {
  name: 'webhook',
  description: 'HTTPS requests: Slack, Discord, Telegram, ntfy, PagerDuty, or a body of your own.',
  capabilities: { reportsDelivery: false, takesReplies: false, costs: false },
  targetSchema: webhookTargetSchema,
  accountName: null,
  accountSchema: null,
  targets: (target) => [{ address: addressOf(target), target }],
  terms: (_account, { preset }) => ({ caps: null, price: null, keepsStatus: preset === 'pagerduty' }),
  preview: ({ deliveryId, notification, target }) => ({
    to: addressOf(target),
    subject: null,
    text: webhookPreview(target, notification, deliveryId),
  }),
  connect: (_account, { nowMs }) => connectWebhook(nowMs),
}

/** The bodies of its requests, without what would give a way in. */
function webhookPreview(target: WebhookTarget, notification: Notification, deliveryId: string): string {
  const made = webhookRequests(target, notification, deliveryId)
  const text = made.ok ? made.requests.map(({ body }) => body.toString()).join('\n') : made.message
  return redactor(webhookSecrets(target))(text)
}

/** The host, and a sign that tells two webhooks there apart: the rest of the URL is often secret. */
function addressOf({ url, chatId, routingKey }: WebhookTarget): string {
  const sign = createHash('sha256')
    .update(JSON.stringify([url, chatId, routingKey]))
    .digest('hex')
    .slice(0, 8)
  return `${new URL(url).host}#${sign}`
}
