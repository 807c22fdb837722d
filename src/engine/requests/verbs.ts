/** What can be requested: each verb with the fields that it takes. A new verb is one more entry of the list. */
import { z } from 'zod'
import { closest } from '../../core/conditions/did-you-mean.ts'
import { parseDuration } from '../../core/duration.ts'
import type { Asked, Control } from '../../ports/control.ts'
import { badRequest } from './answer.ts'

export interface Verb {
  readonly name: string
  /** `input` is what was written, not checked yet. */
  ask(control: Control, input: Readonly<Record<string, unknown>>): Promise<Asked<unknown>>
}

/** The way requests come, for the audit trail. */
const via = 'mqtt'
/** Items of one page. */
const pageLimit = 100
const pageDefault = 20
/** Longer texts are no topics, ids or key parts. */
const textLimit = 65_535

const limit = z
  .int(must(`be a whole number from 1 to ${pageLimit}`))
  .min(1)
  .max(pageLimit)
  .default(pageDefault)
const before = z.int(must('be the `next` of the page before')).min(1).optional()
const text = z.string(must('be a text')).min(1, must('be a text that is not empty')).max(textLimit)
const keyPart = z
  .union([z.string(), z.number(), z.boolean()], must('be a text, a number or a boolean'))
  .transform(String)

const nameLimit = 100
/** Who asks stands in the audit trail, and in what others are told. */
const by = z
  .string(must('say who it is, such as "ops"'))
  .transform((name) => name.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, ' ').trim())
  .refine((name) => name !== '' && name.length <= nameLimit, {
    error: `must say who it is, in 1 to ${nameLimit} characters`,
  })
const label = z.union([z.string(), z.number(), z.boolean()]).transform(String)
const match = z.record(
  z.string(),
  z.union([label, z.array(label)], must('be a text, a list of them or a /pattern/')),
  must('be an object such as {"site": "greenhouse", "rule": ["a", "b"], "device": "/^g/"}'),
)
const longestSilenceMs = 366 * 86_400_000
const duration = z.string(must('be a duration such as "2h"')).transform((written, context) => {
  const durationMs = parseDuration(written)
  if (durationMs !== null && durationMs > 0 && durationMs <= longestSilenceMs) return durationMs
  context.addIssue({ code: 'custom', message: 'must be a duration such as "2h", at most 366d' })
  return z.NEVER
})
const idLimit = 100

export const verbs: readonly Verb[] = [
  verb('status', {}, (control) => control.status()),
  verb('rules', { limit: limit.default(pageLimit), after: text.optional() }, (control, query) =>
    control.rules(query),
  ),
  verb('dead-letters', { limit, before, topic: text.optional() }, (control, { topic, ...page }) =>
    control.deadLetters({ ...page, subject: topic }),
  ),
  verb(
    'audit',
    { limit, before, rule: text.optional(), subject: text.optional() },
    (control, { rule, subject, ...page }) => control.audit({ ...page, subject: subject ?? rule }),
  ),
  verb('commands', { limit: limit.default(pageLimit), after: text.optional() }, (control, query) =>
    control.commands(query),
  ),
  verb(
    'forget',
    { rule: text, key: z.record(z.string(), keyPart, must('be an object such as {"device": "g7"}')) },
    (control, { rule, key }) => control.forget(rule, key),
  ),
  verb(
    'alerts',
    {
      state: oneOrMore(['pending', 'firing', 'resolved']),
      rule: text.optional(),
      match: match.optional(),
      limit,
      after: text.optional(),
    },
    (control, { state, ...query }) => control.alerting.alerts({ ...query, states: state }),
  ),
  verb('ack', { alert: text.optional(), code: text.optional(), by }, async (control, { alert, code, by }) => {
    if ((alert === undefined) === (code === undefined))
      return badRequest('Write either `alert`, such as "overheating/4f7a", or `code`, such as "4F7".')
    return control.alerting.ack(alert === undefined ? { code: code ?? '' } : { alert }, { by, via })
  }),
  verb('resolve', { alert: text, by }, (control, { alert, by }) =>
    control.alerting.resolve(alert, { by, via }),
  ),
  verb(
    'silence',
    { match, for: duration, by, comment: z.string(must('be a text')).max(1_000).default('') },
    (control, { match, for: forMs, by, comment }) =>
      control.alerting.silence({ matcher: match, forMs, comment }, { by, via }),
  ),
  verb('unsilence', { id: text, by }, (control, { id, by }) => control.alerting.unsilence(id, { by, via })),
  verb('silences', { limit: limit.default(pageLimit), after: text.optional() }, (control, query) =>
    control.alerting.silences(query),
  ),
  verb(
    'deliveries',
    {
      state: oneOrMore(['queued', 'leased', 'sent', 'delivered', 'undelivered', 'dead']),
      ids: z.array(text).max(idLimit).optional(),
      limit,
      after: text.optional(),
    },
    (control, { state, ...query }) => control.alerting.deliveries({ ...query, states: state }),
  ),
  verb('retry', { delivery: text, by }, (control, { delivery, by }) =>
    control.alerting.retry(delivery, { by, via }),
  ),
  verb('inbox', { limit, before }, (control, query) => control.alerting.inbox(query)),
  verb('notify-test', { receiver: text, by }, (control, { receiver, by }) =>
    control.alerting.notifyTest(receiver, { by, via }),
  ),
]

export const verbNames: readonly string[] = verbs.map(({ name }) => name)

function verb<Shape extends z.ZodRawShape>(
  name: string,
  shape: Shape,
  run: (control: Control, input: z.output<z.ZodObject<Shape>>) => Promise<Asked<unknown>>,
): Verb {
  const schema = z.strictObject(shape)
  return {
    name,
    async ask(control, input) {
      const read = schema.safeParse(input)
      if (read.success) return run(control, read.data)
      return badRequest(faults(read.error.issues, name, Object.keys(shape)))
    },
  }
}

const faultsTold = 5

function faults(issues: readonly z.core.$ZodIssue[], verb: string, known: readonly string[]): string {
  const told = issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownField(key, verb, known))
    const path = issue.path.map((part) => String(part).slice(0, 60)).join('.')
    return [`\`${path}\` ${issue.message}.`]
  })
  return told.slice(0, faultsTold).join(' ')
}

function unknownField(key: string, verb: string, known: readonly string[]): string {
  const near = closest(key, known)
  const list = known.length === 0 ? 'It takes none.' : `It takes ${known.join(', ')}.`
  return `The request ${verb} has no field \`${key.slice(0, 60)}\`. ${near === null ? list : `Did you mean ${near}?`}`
}

/** One of these, or a list of some of them. */
function oneOrMore<const T extends string>(values: readonly T[]) {
  const words = must(`be ${values.slice(0, -1).join(', ')} or ${values.at(-1)}, or a list of them`)
  const one = z.enum(values, words)
  return z
    .union([one.transform((value): T[] => [value]), z.array(one).min(1).max(values.length)], words)
    .optional()
}

function must(what: string): { error: (issue: { readonly input?: unknown }) => string } {
  return { error: ({ input }) => (input === undefined ? 'is missing' : `must ${what}`) }
}
