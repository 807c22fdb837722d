/** `publish`: sends a message to a topic, on the rule's broker or another. */
import type { PublishEffect } from '../../core/effect.ts'
import { type Problem, type Result, under } from '../../core/problem.ts'
import type { Action, ActionContext, Cancelled, PlannedAction } from '../../ports/action.ts'
import { checkBroker } from '../shared/check-broker.ts'
import { compilePayload } from '../shared/payload.ts'
import { compileProperties } from '../shared/properties.ts'
import { compileTopic, renderTopic, targetFilter } from '../shared/target-topic.ts'
import { type PublishSpec, publishSchema } from './schema.ts'

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

function cancelled({ reason, message }: Cancelled): { ok: false; cancelled: Cancelled } {
  return { ok: false, cancelled: { reason, message } }
}
