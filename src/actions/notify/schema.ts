/** What can be written below `notify:`. */
import { z } from 'zod'

/** Receivers that one notification goes to at most. */
const maxReceivers = 20

export const notifySchema = z.strictObject({
  to: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1).max(maxReceivers)])
    .transform((to) => (typeof to === 'string' ? [to] : to))
    .describe(
      'Who is told: a receiver, or a list of them. A template may choose among the receivers that are configured.',
    ),
  summary: z
    .string()
    .min(1)
    .describe(
      'One line that says what happened: the subject of a mail, the start of a text message. A template.',
    ),
  body: z.string().optional().describe('More text below the summary. A template.'),
  severity: z
    .enum(['info', 'warning', 'critical'])
    .optional()
    .describe(
      "How serious it is; without it, as serious as the rule's alert, or `info` for a rule without one.",
    ),
})

export type NotifySpec = z.output<typeof notifySchema>
