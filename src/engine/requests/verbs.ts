/** What can be requested: each verb with the fields that it takes. A new verb is one more entry of the list. */
import { z } from 'zod'
import { closest } from '../../core/conditions/did-you-mean.ts'
import type { Asked, Control } from '../../ports/control.ts'
import { badRequest } from './answer.ts'

export interface Verb {
  readonly name: string
  /** `input` is what was written, not checked yet. */
  ask(control: Control, input: Readonly<Record<string, unknown>>): Promise<Asked<unknown>>
}

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

export const verbs: readonly Verb[] = [
  verb('status', {}, (control) => control.status()),
  verb('rules', { limit: limit.default(pageLimit), after: text.optional() }, (control, query) =>
    control.rules(query),
  ),
  verb('dead-letters', { limit, before, topic: text.optional() }, (control, { topic, ...page }) =>
    control.deadLetters({ ...page, subject: topic }),
  ),
  verb('audit', { limit, before, rule: text.optional() }, (control, { rule, ...page }) =>
    control.audit({ ...page, subject: rule }),
  ),
  verb(
    'forget',
    { rule: text, key: z.record(z.string(), keyPart, must('be an object such as {"device": "g7"}')) },
    (control, { rule, key }) => control.forget(rule, key),
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

function must(what: string): { error: (issue: { readonly input?: unknown }) => string } {
  return { error: ({ input }) => (input === undefined ? 'is missing' : `must ${what}`) }
}
