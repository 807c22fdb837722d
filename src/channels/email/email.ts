/** Email: one mail per address over SMTP. */
import type { Channel } from '../../ports/channel.ts'
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
  connect: (account) => connectSmtp(account),
}
