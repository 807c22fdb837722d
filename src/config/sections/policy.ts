/** One entry of `policies:`: who is told of an alert, and who next when nobody answers. */
import { z } from 'zod'
import type { PolicyDefinition } from '../../core/alerts/definition.ts'
import { addProblem, duration } from '../fields.ts'
import { configLimits } from '../limits.ts'
import { labelNames } from './matcher.ts'

const secondMs = 1_000
const defaultGroupBy = ['rule']
const defaultGroupIntervalMs = 300_000
const severities = z.enum(['info', 'warning', 'critical'])

export type WrittenPolicy = Omit<PolicyDefinition, 'name'>

const step = z.strictObject({
  after: duration('How long after the first alert of the group, while nobody has answered; 0s unless given.')
    .optional()
    .transform((afterMs) => afterMs ?? 0),
  notify: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1).max(configLimits.receiversOfStep)])
    .transform((names) => (typeof names === 'string' ? [names] : names))
    .superRefine((names, context) => {
      for (const [index, name] of names.entries()) {
        if (names.indexOf(name) === index) continue
        addProblem(context, `\`${name}\` is told twice in this step`, { help: 'remove one of the two' }, [
          index,
        ])
      }
    })
    .describe('Receivers that are told: a name, or a list.'),
})

export const policySchema: z.ZodType<WrittenPolicy> = z
  .strictObject({
    group_by: labelNames(
      'Labels: alerts alike in all of them are told together, and acknowledged together; [rule] unless given. [] is one group for all.',
    ).optional(),
    group_wait: duration(
      'How long the first message waits for others of the group; 0s unless given.',
    ).optional(),
    group_interval: duration(
      'How long what joins the group or resolves later is gathered before it is told; 5m unless given.',
      { minMs: secondMs },
    ).optional(),
    steps: z
      .array(step)
      .min(1)
      .max(configLimits.policySteps)
      .superRefine((steps, context) => {
        steps.forEach(({ after }, index) => {
          const before = steps[index - 1]?.after ?? 0
          if (after >= before) return
          addProblem(
            context,
            `step ${index + 1} comes before the step above it`,
            {
              help: 'count `after` from the first alert, not from the step above, and put the steps in order',
            },
            [index, 'after'],
          )
        })
      })
      .describe('Who is told, and who after that while nobody has answered.'),
    repeat: z
      .strictObject({
        every: duration('How often the last step is repeated.', { minMs: secondMs }),
        times: z
          .int()
          .min(1)
          .max(10_000)
          .optional()
          .describe('How many times; without it until somebody acknowledges or it resolves.'),
      })
      .optional()
      .describe('Tells the last step again.'),
    ack_timeout: duration('How long an acknowledgement holds; until it resolves unless given.', {
      minMs: secondMs,
    }).optional(),
    resolved: z.boolean().default(true).describe('Whether those who were told are told when it is over.'),
    mute: z
      .array(
        z.strictObject({
          during: z.string().min(1).describe('A calendar: meanwhile nothing is sent.'),
          except: z
            .union([severities, z.array(severities)])
            .optional()
            .transform((except) =>
              except === undefined ? [] : typeof except === 'string' ? [except] : except,
            )
            .describe('Severities that are sent all the same: one, or a list.'),
        }),
      )
      .max(configLimits.policyMutes)
      .default([])
      .describe('Hours in which it holds back; what still fires then is told at their end.'),
  })
  .transform(
    ({
      group_by,
      group_wait,
      group_interval,
      steps,
      repeat,
      ack_timeout,
      resolved,
      mute,
    }): WrittenPolicy => ({
      groupBy: group_by ?? defaultGroupBy,
      groupWaitMs: group_wait ?? 0,
      groupIntervalMs: group_interval ?? defaultGroupIntervalMs,
      steps: steps.map(({ after, notify }) => ({ afterMs: after, notify })),
      repeat: repeat === undefined ? null : { everyMs: repeat.every, times: repeat.times ?? null },
      ackTimeoutMs: ack_timeout ?? null,
      resolved,
      mute: mute.map(({ during, except }) => ({ calendar: during, except })),
    }),
  )
