/** What can be written below `properties:` of an action that sends a message. */
import { z } from 'zod'
import { durationSchema } from './duration-schema.ts'

const template = z.string()

export const publishPropertiesSchema = z
  .strictObject({
    content_type: template.optional().describe('What the payload is, such as application/json. A template.'),
    response_topic: template
      .optional()
      .describe(
        'Where an answer is expected. A template; one that is exactly {{ … }} may hold a whole topic.',
      ),
    correlation_data: template
      .optional()
      .describe('What the answer has to carry, so that it is recognised. A template.'),
    expiry: durationSchema(
      'How long the broker keeps the message for those who are away, such as 1h. Whole seconds, rounded up.',
    ).optional(),
    user: z
      .record(z.string(), z.union([template, z.number(), z.boolean()]))
      .optional()
      .describe('Properties of your own: names and templates of their texts.'),
  })
  .describe('MQTT 5 properties. A broker of MQTT 3.1.1 is sent the message without them.')

export type PublishProperties = z.output<typeof publishPropertiesSchema>
