/** What can be written in a `*.test.yaml` file. */
import { z } from 'zod'
import { addProblem, duration } from '../../config/fields.ts'
import { matcher } from '../../config/sections/matcher.ts'
import { checkTopicName } from '../../core/topics/filter.ts'
import { parsePattern } from './patterns.ts'
import { channelConditions } from './recorded-channels.ts'

/** A value of a file, with patterns allowed in its texts. */
const anything = z.unknown().superRefine((value, context) => checkPatterns(value, context, []))

const text = z.string().superRefine((value, context) => checkPatterns(value, context, []))

const keyParts = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).transform((key) => {
  const parts = Object.entries(key).map(([name, value]) => [name, String(value)] as const)
  return Object.fromEntries(parts)
})

const expectedKey = z.record(z.string(), z.union([text, z.number(), z.boolean()]))

const topicName = z.string().superRefine((topic, context) => {
  const bad = checkTopicName(topic)
  if (bad !== null)
    addProblem(context, bad.message, {
      code: bad.code,
      ...(bad.help === undefined ? {} : { help: bad.help }),
    })
})

const message = {
  topic: topicName.describe('The topic it is published to.'),
  payload: z
    .unknown()
    .optional()
    .describe('Text as it is; anything else becomes JSON. Without it the payload is empty.'),
  raw: z.string().optional().describe('The bytes of the payload in base64, instead of `payload`.'),
  qos: z.literal([0, 1]).optional().describe('1 unless given.'),
  broker: z.string().optional().describe('The broker it is published on; the default one unless given.'),
}

const sent = z
  .strictObject({
    ...message,
    content_type: z.string().optional().describe('MQTT 5: what the payload is.'),
    response_topic: topicName.optional().describe('MQTT 5: where an answer is expected.'),
    correlation_data: z.string().optional().describe('MQTT 5: what the answer has to carry.'),
    user_properties: z.record(z.string(), z.string()).optional().describe('MQTT 5: names and texts.'),
    retain: z.boolean().optional().describe('The broker keeps it for later subscribers.'),
  })
  .superRefine(checkPayload)

const acknowledged = z.strictObject({
  topic: message.topic,
  payload: message.payload.describe('Without the id, which is put into it where the command wants it.'),
  broker: message.broker,
})

const kept = z.strictObject(message).superRefine(checkPayload)

const published = z.strictObject({
  topic: text.optional(),
  payload: anything.optional().describe('Compared as JSON where it is no text; texts may be /patterns/.'),
  raw: z.string().optional().describe('Its bytes in base64.'),
  qos: z.literal([0, 1]).optional(),
  retain: z.boolean().optional(),
  broker: z.string().optional(),
  content_type: text.optional(),
  response_topic: text.optional(),
  correlation_data: text.optional(),
  user_properties: z.record(z.string(), text).optional(),
})

const logged = z.strictObject({
  file: text.optional(),
  format: z.enum(['csv', 'ndjson']).optional(),
  values: z.record(z.string(), anything).optional().describe('Column → value; columns not named are free.'),
})

const notified = z.strictObject({
  receiver: text.optional(),
  channel: text.optional(),
  to: text.optional().describe('The address; of a webhook only its host.'),
  kind: z.enum(['firing', 'acknowledged', 'resolved', 'digest', 'test', 'message']).optional(),
  severity: z.enum(['info', 'warning', 'critical']).optional(),
  title: text.optional(),
  text: text.optional().describe('The whole of it, in the form of its channel.'),
})

const phases = ['pending', 'firing', 'clearing'] as const
const state = z.strictObject({
  rule: z.string().optional(),
  key: expectedKey.optional(),
  state: z.enum(phases).optional(),
  episode: z.int().min(1).optional().describe('Counts how often it has opened for this key.'),
})

const alert = state.extend({
  severity: z.enum(['info', 'warning', 'critical']).optional(),
  summary: text.optional(),
  description: text.optional(),
  labels: z.record(z.string(), text).optional().describe('Labels not named are free.'),
  acked: z.union([z.boolean(), text]).optional().describe('Whether somebody takes care of it, or who does.'),
  silenced: z.boolean().optional(),
  inhibited: z.boolean().optional(),
  flapping: z.boolean().optional(),
})

const transition = z.strictObject({
  rule: z.string().optional(),
  key: expectedKey.optional(),
  from: z.enum(['inactive', ...phases]).optional(),
  to: z.enum(['inactive', ...phases]).optional(),
  because: z.enum(['forgotten', 'rule_removed']).optional(),
})

const deadLetter = z.strictObject({
  topic: text.optional(),
  reason: text.optional(),
  message: text.optional(),
  rules: z.array(z.string()).optional(),
})

const notice = z.strictObject({
  kind: text.optional(),
  rule: z.string().optional(),
  message: text.optional(),
})

const lists = {
  publish: z.array(published).optional().describe('Messages of `publish` that reached the broker.'),
  respond: z.array(published).optional().describe('Answers to requests.'),
  forward: z.array(published).optional().describe('Messages that were forwarded.'),
  command: z.array(published).optional().describe('Commands that were sent, each time they were sent.'),
  log: z.array(logged).optional().describe('Lines written by `log`.'),
  notify: z.array(notified).optional().describe('Whom a notification reached.'),
  alerts: z
    .array(alert)
    .optional()
    .describe('The alerts that are open now: pending, firing or clearing. [] when none is.'),
  states: z
    .array(state)
    .optional()
    .describe('The same for all rules with a state, with `alert:` or without.'),
  transitions: z.array(transition).optional().describe('Changes of state.'),
  dead_letters: z.array(deadLetter).optional().describe('Messages that could not be read.'),
  notices: z.array(notice).optional().describe('What was left undone, such as throttled messages.'),
}

export const expectSchema = z.strictObject({
  ...lists,
  some: z.strictObject(lists).optional().describe('The same, where others may stand between.'),
})

const by = z.string().min(1).max(200).default('somebody').describe('Who does it; somebody unless given.')

/** Which alert: by its rule and key, or by its name. */
const alertShape = {
  rule: z.string().optional(),
  key: keyParts.optional().describe('Not needed when the rule has no other alert open.'),
  alert: z.string().optional().describe('Its name, <rule>/<fingerprint>, instead of rule and key.'),
}

const acked = z
  .strictObject({
    ...alertShape,
    code: z.string().optional().describe('The code of a notification: all that it told of.'),
    latest: z.string().optional().describe('A receiver, who answers what it was told last.'),
    by,
  })
  .superRefine((written, context) => checkOne(written, ['rule', 'alert', 'code', 'latest'], context))

const resolved = z
  .strictObject({ ...alertShape, by })
  .superRefine((written, context) => checkOne(written, ['rule', 'alert'], context))

const linkCondition = z.enum(['up', 'down'])

export const stepSchema = z.strictObject({
  at: duration(
    'When, since the start of the test; at the same time as the step before unless given.',
  ).optional(),
  link: z
    .union([linkCondition, z.record(z.string(), linkCondition)])
    .optional()
    .describe('The connection to the brokers: up or down, or a map of the names of some of them to that.'),
  restart: z
    .union([
      z.literal(true).transform(() => 0),
      duration('Tocsin is killed, and started anew after this time.'),
    ])
    .optional()
    .describe('true: Tocsin is killed and started anew at once; a duration: it is away so long.'),
  clock: z
    .unknown()
    .meta({ type: 'string', examples: ['+1h', '-30m'] })
    .transform((value, context): number => {
      const parts = typeof value === 'string' ? /^([+-])(.+)$/.exec(value.trim()) : null
      const length = parts === null ? null : duration('').safeParse(parts[2])
      if (parts !== null && length?.success === true) return parts[1] === '-' ? -length.data : length.data
      addProblem(context, '`clock` must be a jump of the wall clock', { help: 'write it as "+1h" or "-30m"' })
      return z.NEVER
    })
    .optional()
    .describe('The wall clock is set forward or back by so much: +1h, -30m.'),
  forget: z
    .strictObject({ rule: z.string(), key: keyParts.default({}) })
    .optional()
    .describe('A key that is no longer watched, such as a device that was taken away.'),
  channel: z
    .record(z.string(), z.enum(channelConditions))
    .optional()
    .describe(
      'What becomes of what is sent by a channel from here on: up (it arrives), down (it is tried again), refuses (it is lost), slow (every message takes 30s).',
    ),
  ack: acked.optional().describe('Somebody takes care of an alert: `rule` and `key`, `code`, or `latest`.'),
  resolve: resolved.optional().describe('Somebody ends an alert by hand.'),
  silence: z
    .strictObject({
      match: matcher('Labels of the alerts that are to tell nobody.'),
      for: duration('How long.'),
      by,
      comment: z.string().default(''),
    })
    .optional()
    .describe('Somebody silences alerts for a while.'),
  unsilence: z
    .strictObject({ match: matcher('As it was written in the silence.'), by })
    .optional()
    .describe('Somebody ends a silence before its time.'),
  acknowledge: z
    .union([acknowledged, z.array(acknowledged)])
    .transform((messages) => (Array.isArray(messages) ? messages : [messages]))
    .optional()
    .describe(
      'A device acknowledges the command that has waited longest on the topic: as `send`, with its id. After what is sent.',
    ),
  send: z
    .union([sent, z.array(sent)])
    .transform((messages) => (Array.isArray(messages) ? messages : [messages]))
    .optional()
    .describe('A message, or a list of them in their order.'),
  expect: expectSchema
    .optional()
    .describe('What has happened since the latest expectations before this one.'),
})

export const testSchema = z.strictObject({
  name: z.string().min(1).describe('What the test is about.'),
  rules: z.array(z.string()).min(1).optional().describe('Only these rules run; all unless given.'),
  start: z
    .string()
    .transform((written, context): number => {
      const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(written)
        ? Date.parse(written)
        : Number.NaN
      if (Number.isFinite(ms)) return ms
      addProblem(context, `\`${written.slice(0, 40)}\` is not a moment`, {
        help: 'write it as "2026-01-01T00:00:00Z", or with an offset such as +01:00',
      })
      return z.NEVER
    })
    .default(Date.UTC(2026, 0, 1))
    .describe('The wall clock at 0s: 2026-01-01T00:00:00Z, a Thursday, unless given.'),
  retained: z.array(kept).optional().describe('Messages that the broker keeps from before the start.'),
  steps: z.array(z.unknown()).min(1).describe('What happens, and what is expected, in order.'),
})

export type TestHead = z.output<typeof testSchema>
export type TestStep = z.output<typeof stepSchema>
export type Expectations = z.output<typeof expectSchema>
export type ExpectedLists = Omit<Expectations, 'some'>

type Sink = Parameters<typeof addProblem>[0]

/** Exactly one of the names is given; `key` goes with `rule`. */
function checkOne(written: Readonly<Record<string, unknown>>, names: readonly string[], context: Sink): void {
  const given = names.filter((name) => written[name] !== undefined)
  const list = names.map((name) => `\`${name}\``).join(', ')
  if (given.length !== 1)
    addProblem(context, `exactly one of ${list} says what is meant`, {
      help: 'write { rule: …, key: { … } }',
    })
  else if (written.key !== undefined && written.rule === undefined)
    addProblem(context, '`key` belongs to a `rule`', { help: 'write { rule: …, key: { … } }' }, ['key'])
}

function checkPatterns(value: unknown, context: Sink, path: PropertyKey[]): void {
  if (typeof value === 'string') {
    const parsed = parsePattern(value)
    if (parsed !== null && !parsed.ok) addProblem(context, parsed.message, { code: 'expr-pattern' }, path)
    return
  }
  if (typeof value !== 'object' || value === null) return
  for (const [key, item] of Object.entries(value)) {
    checkPatterns(item, context, [...path, Array.isArray(value) ? Number(key) : key])
  }
}

function checkPayload(
  { payload, raw }: { payload?: unknown; raw?: string | undefined },
  context: Sink,
): void {
  if (raw === undefined) return
  if (payload !== undefined) {
    addProblem(context, '`raw` and `payload` are the same thing', { help: 'remove one of the two' }, ['raw'])
  } else if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(raw)) {
    addProblem(context, '`raw` is not base64', { help: 'write text with `payload:`' }, ['raw'])
  }
}
