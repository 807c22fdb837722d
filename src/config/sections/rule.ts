/** One item of `rules:`. The actions and decoders that exist come in as values. */
import { z } from 'zod'
import type { Path } from '../../core/problem.ts'
import type { ActionDefinition, RuleDefinition } from '../../core/rules/definition.ts'
import type { Action } from '../../ports/action.ts'
import type { Decoder } from '../../ports/decoder.ts'
import { addProblem, duration, durationSource, expression, identifier, name } from '../fields.ts'
import type { Language } from '../insert-values.ts'

const defaultMaxKeys = 10_000

export interface RuleParts {
  readonly actions: readonly Action[]
  readonly decoders: readonly Pick<Decoder, 'name' | 'description'>[]
}

/** As written: `broker` is filled in when all files are known. */
export type WrittenRule = Omit<RuleDefinition, 'broker'> & {
  readonly broker?: string | undefined
  /** Where the action of the short form `respond:` stands in `then`; null when there is none. */
  readonly respondIndex: number | null
}

export function ruleSchema({ actions, decoders }: RuleParts): z.ZodType<WrittenRule> {
  const action = actionSchema(actions)
  const respond = actions.find((known) => known.name === 'respond')
  return z
    .strictObject({
      id: name('Name of the rule, unique in all files.'),
      description: z.string().optional().describe('What the rule is for, in your words.'),
      enabled: z.boolean().default(true).describe('false keeps the rule without running it.'),
      broker: z.string().optional().describe('Which of the `brokers` it listens to; `default` unless given.'),
      topic: z
        .union([z.string(), z.array(z.string()).min(1)])
        .transform((topic) => (typeof topic === 'string' ? [topic] : topic))
        .describe('Topic filter, or a list: + is one level, # the rest; +name captures a level.'),
      qos: z.literal([0, 1]).default(1).describe('0 may lose messages, 1 does not.'),
      decode: z
        .enum(decoders.map((decoder) => decoder.name))
        .default('auto')
        .describe(`How payloads are read. ${decoders.map((d) => `${d.name}: ${d.description}`).join(' ')}`),
      key: z
        .record(identifier('Part of the key.'), expression('Where the part comes from.'))
        .optional()
        .describe('What one state or alert is about; every captured level unless given. {} is one for all.'),
      max_keys: z.int().min(1).max(10_000_000).default(defaultMaxKeys).describe('How many keys are kept.'),
      value: expression('The quantity the rule is about, such as payload.temperature.').optional(),
      when: expression('The condition, such as value > 35; without it every message counts.').optional(),
      for: durationSource('How long the condition must hold.').optional(),
      clear: z
        .strictObject({
          when: expression('When it is over; the opposite of `when` unless given.').optional(),
          for: durationSource('How long that must hold.').optional(),
        })
        .optional()
        .describe('When the state ends again.'),
      absent: z
        .union([
          durationSource('How long nothing must have been heard.').transform((silence) => ({ for: silence })),
          z.strictObject({
            for: durationSource('How long nothing must have been heard.'),
            expect: z
              .union([z.string(), z.array(z.string())])
              .optional()
              .describe('Keys that must be heard of at all: a table, or a list.'),
          }),
        ])
        .optional()
        .describe('Notices silence: a time such as 10m, or a map.'),
      window: z
        .strictObject({
          over: duration('How far back it looks.', { minMs: 1 }),
          of: expression('What it gathers; `value` unless given.').optional(),
          min: z.int().min(1).default(1).describe('With fewer values the window is unknown.'),
        })
        .optional()
        .describe('Averages, counts and slopes over time, as window.avg, window.count, …'),
      with: z
        .record(identifier('Name in expressions: with.<name>.'), withSchema(decoders))
        .optional()
        .describe('Other values: the latest message of a topic, or a row of a table.'),
      throttle: duration('Acts at most once in this time, for each key.').optional(),
      during: z.string().optional().describe('A calendar: outside it the rule starts nothing.'),
      retained: z
        .enum(['process', 'skip'])
        .optional()
        .describe('What becomes of messages that were retained.'),
      alert: z
        .strictObject({
          severity: z.enum(['info', 'warning', 'critical']).default('warning').describe('How serious it is.'),
          summary: z.string().min(1).describe('One line that people are sent; a template.'),
          description: z.string().optional().describe('A longer text; a template.'),
          labels: z
            .record(z.string(), z.string())
            .superRefine((labels, context) => {
              for (const label of ['rule', 'severity'].filter((one) => Object.hasOwn(labels, one))) {
                addProblem(
                  context,
                  `every alert has the label \`${label}\` already`,
                  { help: 'choose another name' },
                  [label],
                )
              }
            })
            .optional()
            .describe('Names and values to group and filter by.'),
          policy: z.string().optional().describe('Who is told; `default` unless given, `none` for nobody.'),
        })
        .optional()
        .describe('Opens an alert while the condition holds.'),
      // biome-ignore lint/suspicious/noThenProperty: `then` is a key of the rule language.
      then: z.array(action).default([]).describe('What to do: a list of actions.'),
      resolved: z.array(action).default([]).describe('What to do when the state ends: a list of actions.'),
      ...(respond === undefined
        ? {}
        : { respond: respond.schema.optional().describe('Short for then: [{ respond: … }].') }),
    })
    .transform((rule): WrittenRule => {
      const { respond: answer, ...rest } = rule as typeof rule & { respond?: unknown }
      if (answer === undefined) return { ...rest, respondIndex: null }
      return {
        ...rest,
        // biome-ignore lint/suspicious/noThenProperty: `then` is a key of the rule language.
        then: [...rest.then, { kind: 'respond', spec: answer }],
        respondIndex: rest.then.length,
      }
    })
}

/** Which texts of a rule are expressions, and which are templates. */
export function ruleLanguage(path: Path): Language | null {
  const [key, second, third] = path
  if (key === 'alert' || key === 'then' || key === 'resolved' || key === 'respond') {
    const inAction = path.slice(2).join('.')
    return inAction === 'command.ack.when' ? 'expression' : 'template'
  }
  const isOwn = path.length === 1
  if (isOwn && (key === 'value' || key === 'when')) return 'expression'
  if ((isOwn && key === 'for') || (key === 'absent' && (isOwn || second === 'for'))) return 'duration'
  if (key === 'clear') return second === 'when' ? 'expression' : second === 'for' ? 'duration' : null
  if (path.length === 2 && (key === 'key' || (key === 'window' && second === 'of'))) return 'expression'
  return key === 'with' && third === 'row' && path.length === 3 ? 'expression' : null
}

function withSchema(decoders: RuleParts['decoders']) {
  return z
    .strictObject({
      topic: z.string().optional().describe('Joins the latest message of this filter, on shared captures.'),
      max_age: duration('Older messages count as missing.').optional(),
      decode: z
        .enum(decoders.map((decoder) => decoder.name))
        .optional()
        .describe('How these payloads are read.'),
      table: z.string().optional().describe('Looks up a row of this table.'),
      row: expression('Which row; the key of the rule unless given.').optional(),
    })
    .transform(({ topic, max_age, decode, table, row }, context) => {
      if (topic !== undefined && table === undefined && row === undefined) return { topic, max_age, decode }
      if (table !== undefined && topic === undefined && max_age === undefined && decode === undefined) {
        return { table, row }
      }
      const isMissing = topic === undefined && table === undefined
      addProblem(
        context,
        isMissing ? '`table` is missing' : 'a joined topic and a table are two different things',
        {
          code: isMissing ? 'config-missing-key' : 'config-value',
          help: 'write { table: name }, also with row; or { topic: filter }, also with max_age and decode',
        },
        isMissing ? ['table'] : [],
      )
      return z.NEVER
    })
}

/** A map with the name of exactly one action. */
function actionSchema(actions: readonly Action[]) {
  const shape = Object.fromEntries(
    actions.map((action) => [action.name, action.schema.optional().describe(action.description)]),
  )
  return z
    .strictObject(shape)
    .meta({ minProperties: 1, maxProperties: 1 })
    .transform((written, context): ActionDefinition => {
      const given = Object.entries(written).filter(([, spec]) => spec !== undefined)
      const [only, second] = given
      if (only !== undefined && second === undefined) return { kind: only[0], spec: only[1] }
      if (second === undefined) {
        addProblem(context, 'an action is missing', {
          code: 'config-missing-key',
          help: `write one of ${actions.map(({ name }) => `\`${name}:\``).join(', ')}`,
        })
      } else {
        addProblem(
          context,
          `\`${only?.[0]}\` and \`${second[0]}\` are two actions`,
          { code: 'config-value', help: `begin a new list item for the second: \`- ${second[0]}:\`` },
          [second[0]],
        )
      }
      return z.NEVER
    })
}
