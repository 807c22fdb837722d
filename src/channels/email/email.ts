/** Email: one mail per address over SMTP. */
import type { Channel } from '../../ports/channel.ts'
import { subjectOf } from './mail-content.ts'
import { mailBodies } from './mail-message.ts'
import { type EmailTarget, emailTargetSchema, type SmtpAccount, smtpAccountSchema } from './schema.ts'
import { connectSmtp } from './smtp-connection.ts'

export const email: Channel<EmailTarget, SmtpAccount> = {
  name: 'email',
  description: 'Mails over SMTP: texts for phones, threads by alert, a link to acknowledge.',
  capabilities: { reportsDelivery: false, takesReplies: false, costs: false },
  targetSchema: emailTargetSchema,
  accountName: 'smtp',
  accountSchema: smtpAccountSchema,
  targets: ({ to }) => [...new Set(to)].map((address) => ({ address, target: { to: [address] } })),
  preview: ({ notification, target }) => ({
    to: target.to[0] ?? '',
    subject: subjectOf(notification),
    text: mailBodies(notification).text,
  }),
  connect: (account) => connectSmtp(account),
}
