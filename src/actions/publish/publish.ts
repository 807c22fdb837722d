/** `publish`: sends a message to a topic, on the rule's broker or another. */
import type { PublishEffect } from '../../core/effect.ts'
import { type Problem, problem, type Result, under } from '../../core/problem.ts'
import type { Scope } from '../../core/rules/scope.ts'
import { compileText } from '../../core/templates/compile.ts'
import type { Rendered, Template } from '../../core/templates/template.ts'
import type { Action, ActionContext, Cancelled, PlannedAction } from '../../ports/action.ts'
import { hasRefusedCharacter } from '../shared/mqtt-text.ts'
import { compilePayload } from './payload.ts'
import { compileProperties } from './properties.ts'
import { type PublishSpec, publishSchema } from './schema.ts'
import { checkTargetTopic, isReservedTopic, targetFilter } from './target-topic.ts'

export const publish: Action<PublishSpec> = {
  name: 'publish',
  description: 'Sends a message to a topic.',
  schema: publishSchema,
  compile,
}

function compile(spec: PublishSpec, context: ActionContext): Result<PlannedAction> {
  const { qos, retain, broker = context.ruleBroker } = spec
  const topic = compileTopic(spec.topic, context)
  const payload = compilePayload(spec.payload, context)
  const properties = compileProperties(spec.properties, context)
  const unknownBroker = checkBroker(broker, context)
  if (!topic.ok || !payload.ok || !properties.ok || unknownBroker.length > 0) {
    const problems = [
      ...problemsOf('topic', topic),
      ...problemsOf('payload', payload),
      ...problemsOf('properties', properties),
      ...unknownBroker,
    ]
    return { ok: false, problems }
  }
  const value: PlannedAction = {
    plan(scope, nowMs) {
      const name = renderTopic(topic.value, scope, nowMs)
      if (!name.ok) return cancelled(name)
      const content = payload.value.render(scope, nowMs)
      if (!content.ok) return cancelled(content)
      const extra = properties.value.render(scope, nowMs)
      if (!extra.ok) return cancelled(extra)
      const message = { topic: name.text, payload: content.bytes, qos, retain }
      const effect: PublishEffect = {
        kind: 'publish',
        broker,
        message: extra.properties === null ? message : { ...message, properties: extra.properties },
      }
      return { ok: true, effects: [effect] }
    },
    uses: [...topic.value.uses, ...payload.value.uses, ...properties.value.uses],
    publishesTo: [{ broker, filter: targetFilter(spec.topic, context.keepLevels) }],
  }
  return { ok: true, value }
}

function problemsOf(key: string, result: Result<unknown>): Problem[] {
  return result.ok ? [] : under([key], result.problems)
}

function checkBroker(broker: string, { brokers }: ActionContext): Problem[] {
  if (brokers.has(broker)) return []
  return [
    problem('rule-unknown-broker', ['broker'], `There is no broker called ${JSON.stringify(broker)}`, {
      help: `Write one of: ${[...brokers].join(', ')}; or add it below \`brokers\`.`,
    }),
  ]
}

function compileTopic(source: string, { roots, zone, keepLevels }: ActionContext): Result<Template<Scope>> {
  const compiled = compileText(source, roots, 'topic', { zone, keepLevels })
  const problems = compiled.ok ? checkTargetTopic(source) : []
  return problems.length > 0 ? { ok: false, problems } : compiled
}

/** What a device sends must neither speak in Tocsin's name nor cut it off from the broker. */
function renderTopic(template: Template<Scope>, scope: Scope, nowMs: number): Rendered {
  const rendered = template.render(scope, nowMs)
  if (!rendered.ok) return rendered
  if (isReservedTopic(rendered.text)) return invalid('begins with tocsin/, which is kept for Tocsin itself')
  if (hasRefusedCharacter(rendered.text))
    return invalid('has a character on which brokers close the connection')
  return rendered
}

function invalid(fault: string): Rendered {
  return { ok: false, reason: 'invalid', message: `the topic ${fault}` }
}

function cancelled({ reason, message }: Cancelled): { ok: false; cancelled: Cancelled } {
  return { ok: false, cancelled: { reason, message } }
}
