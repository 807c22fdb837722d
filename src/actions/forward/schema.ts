/** What can be written below `forward:`. */
import { z } from 'zod'

/** Messages of one rule that wait for one broker at most, and unless the rule says otherwise. */
const queueMost = 100_000
const queueUsual = 10_000

const queueSchema = z
  .strictObject({
    max: z.int().min(1).max(queueMost).default(queueUsual).describe('How many messages may wait.'),
    drop: z
      .enum(['oldest', 'newest'])
      .default('oldest')
      .describe('Which are given up when more come: the oldest, or the newest. It is counted, and told.'),
  })
  .describe('What waits while the other broker is away; every rule has a queue of its own for each broker.')

export const forwardSchema = z.strictObject({
  to: z.string().describe('The name of the broker to send it to.'),
  prefix: z
    .string()
    .optional()
    .describe('Put before the topic, with a / between them: site1 makes site1/a/b of a/b. A template.'),
  topic: z
    .string()
    .optional()
    .describe('The topic to send it to; the same one unless given. A template, as in `publish`.'),
  retain: z
    .literal([true, false, 'keep'], { error: 'Write true, false or keep' })
    .default(false)
    .describe(
      'Whether the other broker keeps the message. keep: as it was published, with all that this broker has kept already; needs MQTT 5 here.',
    ),
  qos: z
    .literal([0, 1], { error: 'Write 0 (at most once) or 1 (at least once)' })
    .optional()
    .describe('0: at most once. 1: at least once. As the message came, unless given.'),
  queue: queueSchema.prefault({}),
})

export type ForwardSpec = z.output<typeof forwardSchema>
