/** `forward`: passes a message on to another broker as it is: its bytes, and its MQTT 5 properties. */
import type { PublishEffect } from '../../core/effect.ts'
import type { MessageProperties } from '../../core/message.ts'
import { type Problem, problem, type Result, under } from '../../core/problem.ts'
import { forwardedHops, forwardHopsLimit, hopsProperty } from '../../core/rules/hops.ts'
import type { Scope } from '../../core/rules/scope.ts'
import type { Rendered } from '../../core/templates/template.ts'
import type { Action, ActionContext, Cancelled, PlannedAction } from '../../ports/action.ts'
import { checkBroker } from '../shared/check-broker.ts'
import { compileTopic, isReservedTopic, renderTopic, targetFilter } from '../shared/target-topic.ts'
import { type ForwardSpec, forwardSchema } from './schema.ts'

export const forward: Action<ForwardSpec> = {
  name: 'forward',
  description: 'Passes the message on to another broker as it is.',
  schema: forwardSchema,
  compile,
}

function compile(spec: ForwardSpec, context: ActionContext): Result<PlannedAction> {
  const { to, retain, qos, queue } = spec
  const target = compileTarget(spec, context)
  const problems = [
    ...checkBroker(to, context).map((found) => ({ ...found, path: ['to'] })),
    ...(target.ok ? [] : target.problems),
    ...(retain === 'keep' ? checkKeep(context) : []),
  ]
  if (!target.ok || problems.length > 0) return { ok: false, problems }
  const { topicOf, uses, filters, prefix } = target.value
  const via = { kind: 'forward', rule: context.rule } as const
  const value: PlannedAction = {
    plan(scope, nowMs) {
      if (scope.bytes === undefined) return cancelled('missing', 'there is no message to pass on')
      const topic = topicOf(scope, nowMs)
      if (!topic.ok) return cancelled(topic.reason, topic.message)
      const properties = propertiesOf(scope)
      if (!properties.ok) return { ok: false, cancelled: properties.cancelled }
      const effect: PublishEffect = {
        kind: 'publish',
        broker: to,
        message: {
          topic: topic.text,
          // A copy: it may wait for long, and it is a view of all that was read together with it.
          payload: new Uint8Array(scope.bytes),
          qos: qos ?? (scope.qos === 0 ? 0 : 1),
          retain: retain === 'keep' ? scope.retain === true : retain,
          properties: properties.value,
        },
        via,
      }
      return { ok: true, effects: [effect] }
    },
    uses,
    perMessage: true,
    queue: { broker: to, ...queue },
    ...(retain === 'keep' ? { keepsRetain: true } : {}),
    publishesTo: filters.map((filter) => ({ broker: to, filter })),
    ...(prefix === null ? {} : { passesOn: { broker: to, prefix } }),
  }
  return { ok: true, value }
}

interface Target {
  topicOf(scope: Scope, nowMs: number): Rendered
  readonly uses: PlannedAction['uses']
  /** Of all topics that it can lead to. */
  readonly filters: readonly string[]
  /** What it puts before the topic that came, as levels of a filter; null: it may lead anywhere. */
  readonly prefix: string | null
}

function compileTarget({ prefix, topic }: ForwardSpec, context: ActionContext): Result<Target> {
  const { topics, keepLevels } = context
  if (prefix !== undefined && topic !== undefined) {
    const help = 'Keep `prefix` to put something before the topic, or `topic` to say the whole of it.'
    return failed(problem('rule-conflict', ['prefix'], '`prefix` and `topic` exclude each other.', { help }))
  }
  if (topic !== undefined) {
    const compiled = compileTopic(topic, context)
    if (!compiled.ok) return { ok: false, problems: under(['topic'], compiled.problems) }
    return {
      ok: true,
      value: {
        topicOf: (scope, nowMs) => renderTopic(compiled.value, scope, nowMs),
        uses: compiled.value.uses,
        filters: [targetFilter(topic, keepLevels)],
        prefix: null,
      },
    }
  }
  if (prefix === '') {
    const help = 'Write one, such as `prefix: site1/`, or remove it to keep the topic as it is.'
    return failed(problem('topic-empty', ['prefix'], 'The prefix is empty', { help }))
  }
  if (prefix !== undefined) {
    const compiled = compileTopic(prefix, context)
    if (!compiled.ok) return { ok: false, problems: under(['prefix'], compiled.problems) }
    const slash = prefix.endsWith('/') ? '' : '/'
    const topicOf: Target['topicOf'] = (scope, nowMs) => {
      const before = compiled.value.render(scope, nowMs)
      return before.ok ? named(`${before.text}${slash}${scope.topic ?? ''}`) : before
    }
    const head = targetFilter(prefix + slash, keepLevels)
    // What is open within the prefix may hold any number of levels.
    const isOpen = head.includes('#')
    const filters = isOpen ? [head] : topics.map((filter) => head + filter)
    return {
      ok: true,
      value: { topicOf, uses: compiled.value.uses, filters, prefix: isOpen ? null : head },
    }
  }
  const reserved = topics.find((filter) => isReservedTopic(filter))
  if (reserved !== undefined) {
    const message = `"${reserved}" is one of Tocsin's own topics: another broker has its own ones there.`
    const help = 'Add a `prefix`, such as `prefix: site1/`, or say with `topic` where it goes.'
    return failed(problem('topic-reserved', [], message, { help }))
  }
  return {
    ok: true,
    value: { topicOf: (scope) => named(scope.topic ?? ''), uses: [], filters: topics, prefix: '' },
  }
}

/** A broker takes what another let through, but nobody may speak in Tocsin's name. */
function named(text: string): Rendered {
  if (!isReservedTopic(text)) return { ok: true, text }
  return {
    ok: false,
    reason: 'invalid',
    message: 'the topic begins with tocsin/, which is kept for Tocsin itself',
  }
}

function failed(found: Problem): { ok: false; problems: readonly Problem[] } {
  return { ok: false, problems: [found] }
}

/** Only MQTT 5 shows RETAIN as it was published [MQTT-3.3.1-13]. */
function checkKeep({ ruleBroker, mqtt311 }: ActionContext): Problem[] {
  if (mqtt311?.has(ruleBroker) !== true) return []
  const message = `\`retain: keep\` needs MQTT 5, and the broker "${ruleBroker}" is configured for 3.1.1.`
  const help = 'Write `retain: true` or `retain: false`; or use a broker of MQTT 5, such as Mosquitto.'
  return [problem('forward-keep', ['retain'], message, { help })]
}

type Properties =
  | { readonly ok: true; readonly value: MessageProperties }
  | { readonly ok: false; readonly cancelled: Cancelled }

/** All that came, in its order, and one more hop; of its time what is left of it. */
function propertiesOf({ properties, nowMs, receivedAt }: Scope): Properties {
  const { messageExpiryInterval, userProperties = [], correlationData, ...rest } = properties ?? {}
  const hops = forwardedHops(userProperties)
  if (hops >= forwardHopsLimit) {
    const message = `the message was forwarded ${hops} times already, so it goes round in a circle`
    return cancelled('loop', message)
  }
  const waitedSeconds = Math.floor((nowMs - (receivedAt ?? nowMs)) / 1000)
  const leftSeconds =
    messageExpiryInterval === undefined ? undefined : messageExpiryInterval - Math.max(0, waitedSeconds)
  if (leftSeconds !== undefined && leftSeconds <= 0) return cancelled('limit', 'the message has expired')
  const others = userProperties.filter(([name]) => name !== hopsProperty)
  return {
    ok: true,
    value: {
      ...rest,
      ...(correlationData === undefined ? {} : { correlationData: new Uint8Array(correlationData) }),
      ...(leftSeconds === undefined ? {} : { messageExpiryInterval: leftSeconds }),
      userProperties: [...others, [hopsProperty, String(hops + 1)]],
    },
  }
}

function cancelled(reason: Cancelled['reason'], message: string): { ok: false; cancelled: Cancelled } {
  return { ok: false, cancelled: { reason, message } }
}
