/** All channels. To add one: a folder beside this file, and a line here. */
import type { Channel } from '../ports/channel.ts'
import { email } from './email/email.ts'
import { sms } from './sms/sms.ts'
import { webhook } from './webhook/webhook.ts'

export const channels: readonly Channel[] = [email, sms, webhook]
