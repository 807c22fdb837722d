/** What can be written below `publish:`. */
import { z } from 'zod'
import { publishPropertiesSchema } from '../shared/properties-schema.ts'

const template = z.string()

export const publishSchema = z.strictObject({
  topic: template.describe(
    'The topic to publish to. A template: what is filled in never adds a level, and when it is missing nothing is sent.',
  ),
  payload: z
    .unknown()
    .optional()
    .describe(
      'What to send: a text, or a map or list that is sent as JSON; templates anywhere inside. Without it the payload is empty, which with `retain: true` clears the retained message.',
    ),
  qos: z
    .literal([0, 1], {
      error: (issue) =>
        issue.input === 2
          ? 'QoS 2 is not offered: write 1 (at least once) and let the receiver tell duplicates apart'
          : 'Write 0 (at most once) or 1 (at least once)',
    })
    .default(1)
    .describe('0: at most once. 1: at least once.'),
  retain: z
    .boolean()
    .default(false)
    .describe('Whether the broker keeps the message for those who subscribe later.'),
  broker: z
    .string()
    .optional()
    .describe('The name of the broker to publish to; without it, the one the rule listens on.'),
  properties: publishPropertiesSchema.optional(),
})

export type PublishSpec = z.output<typeof publishSchema>
