/** What can be written below `command:`. */
import { z } from 'zod'
import { isForbidden } from '../../core/conditions/path.ts'
import type { ActionDefinition, ExpressionSource } from '../../core/rules/definition.ts'
import type { Action } from '../../ports/action.ts'
import { durationSchema } from '../shared/duration-schema.ts'
import { publishPropertiesSchema } from '../shared/properties-schema.ts'

/** A command is sent so often again at most. */
const mostRetries = 100
/** Actions after an acknowledgement, or after the time is up, at most. */
const mostFollowing = 20

const template = z.string()

const field = /^[A-Za-z_][\w-]{0,99}(\.[A-Za-z_][\w-]{0,99}){0,9}$/

const idSchema = z
  .string()
  .superRefine((id, context) => {
    if (field.test(id) && !id.split('.').some(isForbidden)) return
    context.addIssue({
      code: 'custom',
      message: `\`${id.slice(0, 60)}\` is no field where an id can stand`,
      params: { help: 'write the name of a field such as `id` or `meta.id`, or `correlation_data`' },
    })
  })
  .describe(
    'Where the device repeats the id of a command: the field of its JSON payload, or `correlation_data` (MQTT 5).',
  )

const ackSchema = z
  .strictObject({
    topic: template
      .min(1)
      .describe('Where the device says that it did what it was told. A template, not a filter.'),
    when: z
      .unknown()
      .meta({ anyOf: [{ type: ['string', 'boolean', 'number'] }, { type: 'object' }, { type: 'array' }] })
      .transform((written): ExpressionSource => written as ExpressionSource)
      .optional()
      .describe(
        'Which message there acknowledges the command; it sees `payload` and `topic` of that message, and `command`. Needed without `id`.',
      ),
  })
  .describe('How the device acknowledges.')

const withinSchema = durationSchema(
  'How long the acknowledgement may take, after each time that the command was sent; 10s unless given.',
).superRefine((withinMs, context) => {
  if (withinMs > 0) return
  context.addIssue({
    code: 'custom',
    message: 'no device acknowledges in no time',
    params: { help: 'write how long it may take, such as 5s' },
  })
})

export function commandSchema(following: readonly Action[]) {
  const follows = followingSchema(following)
  return z.strictObject({
    topic: template.describe('The topic of the command. A template, as in `publish`.'),
    payload: z
      .unknown()
      .optional()
      .describe('The command: a text, or a map or list that is sent as JSON; templates anywhere inside.'),
    id: idSchema.optional(),
    ack: ackSchema,
    within: withinSchema.optional(),
    retries: z
      .int()
      .min(0)
      .max(mostRetries)
      .default(0)
      .describe('How often it is sent again while nothing acknowledges it.'),
    on_ack: follows.describe('What to do once it is acknowledged: a list of actions.'),
    on_timeout: follows.describe('What to do when it was not acknowledged in time: a list of actions.'),
    qos: z.literal([0, 1]).default(1).describe('0: at most once. 1: at least once.'),
    retain: z
      .literal(false, {
        error: () => 'a retained command would be carried out again with every start of the device',
      })
      .optional()
      .describe('Always false: a retained command would be carried out again and again.'),
    broker: z
      .string()
      .optional()
      .describe('The name of the broker of the device; without it, the one the rule listens on.'),
    properties: publishPropertiesSchema.optional(),
  })
}

export type CommandSpec = z.output<ReturnType<typeof commandSchema>>

/** A list of maps with the name of exactly one action each. */
function followingSchema(actions: readonly Action[]) {
  const shape = Object.fromEntries(
    actions.map((action) => [action.name, action.schema.optional().describe(action.description)]),
  )
  const names = actions.map(({ name }) => `\`${name}:\``).join(', ')
  const action = z
    .strictObject(shape)
    .meta({ minProperties: 1, maxProperties: 1 })
    .transform((written, context): ActionDefinition => {
      const given = Object.entries(written).filter(([, spec]) => spec !== undefined)
      const [only] = given
      if (only !== undefined && given.length === 1) return { kind: only[0], spec: only[1] }
      context.addIssue({
        code: 'custom',
        message: given.length === 0 ? 'an action is missing' : 'these are several actions in one list item',
        params: { help: `write one of ${names}, each with a list item of its own` },
      })
      return z.NEVER
    })
  return z.array(action).max(mostFollowing).default([])
}
