/** The mail that nodemailer sends: headers that make a conversation, and the notification as text and HTML. */
import type { SendMailOptions } from 'nodemailer'
import type { Notification } from '../../core/alerts/notification.ts'
import { domainOf } from './address.ts'
import { contentOf, subjectOf } from './mail-content.ts'
import { mailHtml } from './mail-html.ts'
import { messageId, threadRoot } from './mail-ids.ts'
import { mailText } from './mail-text.ts'
import type { SmtpAccount } from './schema.ts'

/** Gmail cuts off what is beyond 102 KB, with the button to acknowledge. */
const maxHtmlBytes = 95_000
const maxListedAlerts = 20

/** The same delivery gives the same mail, byte for byte but for the MIME boundary. */
export function mailMessage(
  { from, replyTo }: Pick<SmtpAccount, 'from' | 'replyTo'>,
  to: string,
  deliveryId: string,
  notification: Notification,
): SendMailOptions {
  const domain = domainOf(from.address)
  const root = threadRoot(notification.threadId, domain)
  const isUrgent = notification.kind === 'firing' && notification.severity === 'critical'
  return {
    envelope: { from: from.address, to },
    from: { name: from.name, address: from.address },
    to: { name: '', address: to },
    ...(replyTo === null ? {} : { replyTo: { name: replyTo.name, address: replyTo.address } }),
    subject: subjectOf(notification),
    messageId: messageId(deliveryId, domain),
    inReplyTo: root,
    references: root,
    date: new Date(notification.atMs),
    ...(isUrgent ? { priority: 'high' as const } : {}),
    headers: {
      // RFC 3834: no vacation notice should answer; the second is for Exchange, which has its own.
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      'X-Tocsin-Kind': notification.kind,
      'X-Tocsin-Severity': notification.severity,
    },
    ...mailBodies(notification),
    // Long lines and whatever devices send: every server takes quoted-printable.
    textEncoding: 'quoted-printable',
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}

/** Lists fewer alerts when their texts are long. */
export function mailBodies(notification: Notification): { text: string; html: string } {
  for (let listed = maxListedAlerts; ; listed = Math.floor(listed / 2)) {
    const content = contentOf(notification, listed)
    const html = mailHtml(content)
    if (Buffer.byteLength(html) <= maxHtmlBytes || listed === 0) return { text: mailText(content), html }
  }
}
