/** `notify`: tells receivers something once, beside any alert: no escalation, nothing to acknowledge. */
import type { NotifyEffect } from '../../core/effect.ts'
import { type Problem, type Result, under } from '../../core/problem.ts'
import type { Scope } from '../../core/rules/scope.ts'
import { compileText } from '../../core/templates/compile.ts'
import type { Template } from '../../core/templates/template.ts'
import { quoted } from '../../core/topics/topic-text.ts'
import type { Action, ActionContext, Cancelled, PlannedAction } from '../../ports/action.ts'
import { type NotifySpec, notifySchema } from './schema.ts'

export const notify: Action<NotifySpec> = {
  name: 'notify',
  description: 'Tells receivers something by mail, text message or chat.',
  schema: notifySchema,
  compile,
}

function compile(spec: NotifySpec, context: ActionContext): Result<PlannedAction> {
  const { roots, zone, receivers } = context
  const problems: Problem[] = []
  const text = (source: string, path: Problem['path']): Template<Scope> | null => {
    const compiled = compileText(source, roots, 'text', { zone })
    if (compiled.ok) return compiled.value
    problems.push(...under(path, compiled.problems))
    return null
  }
  const summary = text(spec.summary, ['summary'])
  const body = spec.body === undefined ? null : text(spec.body, ['body'])
  const names = spec.to.map((source, index): string | Template<Scope> | null => {
    if (!isTemplate(source)) return source
    // As in a topic: a missing value is none, instead of a question mark.
    const compiled = compileText(source, roots, 'topic', { zone })
    if (compiled.ok) return compiled.value
    problems.push(...under(['to', index], compiled.problems))
    return null
  })
  if (problems.length > 0 || summary === null) return { ok: false, problems }
  const templates = [summary, body, ...names].filter((one) => typeof one === 'object' && one !== null)
  const value: PlannedAction = {
    plan(scope, nowMs) {
      const to = new Set<string>()
      for (const name of names) {
        if (name === null) continue
        const rendered =
          typeof name === 'string' ? { ok: true as const, text: name } : name.render(scope, nowMs)
        if (!rendered.ok) return cancelled(rendered)
        // Whom it reaches is for the configuration to say: a message can only choose among those.
        if (!receivers.has(rendered.text)) {
          const message = `there is no receiver ${quoted(rendered.text)}`
          return cancelled({ reason: 'invalid', message })
        }
        to.add(rendered.text)
      }
      const title = summary.render(scope, nowMs)
      if (!title.ok) return cancelled(title)
      const more = body?.render(scope, nowMs) ?? null
      if (more?.ok === false) return cancelled(more)
      const effect: NotifyEffect = {
        kind: 'notify',
        receivers: [...to],
        summary: title.text,
        body: more?.text ?? '',
        severity: spec.severity ?? null,
        zone,
      }
      return { ok: true, effects: [effect] }
    },
    uses: templates.flatMap(({ uses }) => uses),
    publishesTo: [],
  }
  return { ok: true, value }
}

function isTemplate(source: string): boolean {
  return source.includes('{{') || source.includes('{%')
}

function cancelled({ reason, message }: Cancelled): { ok: false; cancelled: Cancelled } {
  return { ok: false, cancelled: { reason, message } }
}
