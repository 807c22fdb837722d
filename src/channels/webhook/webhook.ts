/** Webhook: a notification as an HTTP request, in the form that a chat service, a pager or one's own server wants. */
import { createHash } from 'node:crypto'
import type { Channel } from '../../ports/channel.ts'
import { type WebhookTarget, webhookTargetSchema } from './schema.ts'
import { connectWebhook } from './webhook-connection.ts'

export const webhook: Channel<WebhookTarget, null> = {
  name: 'webhook',
  description: 'HTTPS requests: Slack, Discord, Telegram, ntfy, PagerDuty, or a body of your own.',
  capabilities: { reportsDelivery: false, takesReplies: false, costs: false },
  targetSchema: webhookTargetSchema,
  accountName: null,
  accountSchema: null,
  targets: (target) => [{ address: addressOf(target), target }],
  connect: (_account, { nowMs }) => connectWebhook(nowMs),
}

/** The host, and a sign that tells two webhooks there apart: the rest of the URL is often secret. */
function addressOf({ url, chatId, routingKey }: WebhookTarget): string {
  const sign = createHash('sha256')
    .update(JSON.stringify([url, chatId, routingKey]))
    .digest('hex')
    .slice(0, 8)
  return `${new URL(url).host}#${sign}`
}
