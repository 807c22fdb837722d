/** Messages and what rules made of them, one JSON object a line, for programs. docs/testing.md says what is in it. */
import type { Effect } from '../../core/effect.ts'
import { jsonText } from '../../core/json-text.ts'
import type { MessageProperties } from '../../core/message.ts'
import { unprintable } from '../../core/printable.ts'
import type { LinkState } from '../../ports/broker.ts'
import { type RuleSight, type Would, wouldOf } from './describe.ts'
import type { NearMiss } from './near-topics.ts'
import { excerptBytes, excerptOf } from './payload-text.ts'
import type { Seen } from './spectator.ts'

type Json = Readonly<Record<string, unknown>>

export function messageJson(seen: Seen, rules: readonly RuleSight[], near: readonly NearMiss[]): Json {
  const { message, atMs, joined, others, notices, undecoded, oversizedBytes } = seen
  const besides = others.flatMap(wouldOf)
  const problems = [
    ...(undecoded === null ? [] : [{ kind: 'not-understood', ...undecoded }]),
    ...(oversizedBytes === null ? [] : [{ kind: 'too-long', packet_bytes: oversizedBytes }]),
    ...notices.map(({ kind, rule, message: text }) => ({ kind, rule, message: text })),
  ]
  return {
    type: 'message',
    at: iso(atMs),
    broker: message.broker,
    topic: message.topic,
    ...payloadJson(message.payload),
    qos: message.qos,
    retained: message.retain,
    ...(message.properties === null ? {} : { properties: propertiesJson(message.properties) }),
    rules: rules.map(ruleJson),
    ...(joined.length === 0 ? {} : { kept_for: joined }),
    ...(besides.length === 0 ? {} : { besides: besides.map(wouldJson) }),
    ...(near.length === 0 ? {} : { nearly: near }),
    ...(problems.length === 0 ? {} : { problems }),
  }
}

export function dueJson(atMs: number, sight: RuleSight): Json {
  return { type: 'timer', at: iso(atMs), ...ruleJson(sight) }
}

export function linkJson(atMs: number, broker: string, state: LinkState): Json {
  const online = state.state === 'online'
  return {
    type: 'link',
    at: iso(atMs),
    broker,
    online,
    ...(online ? {} : { message: state.failure.message, help: state.failure.help }),
  }
}

/** `payload` is null where it is no text; both are cut at `excerptBytes`, and `payload_bytes` tells the whole. */
export function payloadJson(payload: Uint8Array): Json {
  const text = excerptOf(payload)
  const shortened = payload.length > excerptBytes ? { payload_shortened: true } : {}
  const bytes = { payload_bytes: payload.length, ...shortened }
  if (text !== null) return { payload: text, ...bytes }
  return {
    payload: null,
    payload_base64: Buffer.from(payload.subarray(0, excerptBytes)).toString('base64'),
    ...bytes,
  }
}

/** One line. What a terminal would act upon is written as an escape, which means the same in JSON. */
export function jsonLine(value: Json, redact: (text: string) => string): string {
  const text = redact(jsonText(value))
  return text.replaceAll(unprintable, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function ruleJson({ rule, key, verdict, does, says, because, state, untilMs, would }: RuleSight): Json {
  return {
    rule,
    key,
    verdict,
    does: does.replace(' ', '-'),
    says,
    because,
    state,
    until: untilMs === null ? null : iso(untilMs),
    would: would.map(wouldJson),
  }
}

function wouldJson(would: Would): Json {
  if (would.kind === 'effect') return effectJson(would.effect)
  if (would.kind !== 'command') return { ...would }
  const { ackTopic, withinMs, ...command } = would
  return { ...command, ack_topic: ackTopic, within_seconds: withinMs / 1_000 }
}

function effectJson(effect: Effect): Json {
  if (effect.kind === 'log') {
    const { file, columns, values } = effect
    return { kind: 'log', file, columns, values }
  }
  const { broker, message, via } = effect
  return {
    kind: via?.kind ?? 'publish',
    broker,
    topic: message.topic,
    ...payloadJson(message.payload),
    qos: message.qos,
    retain: message.retain,
  }
}

function propertiesJson(properties: MessageProperties): Json {
  const { contentType, responseTopic, correlationData, messageExpiryInterval, userProperties } = properties
  return {
    ...(contentType === undefined ? {} : { content_type: contentType }),
    ...(responseTopic === undefined ? {} : { response_topic: responseTopic }),
    ...(correlationData === undefined
      ? {}
      : { correlation_data: Buffer.from(correlationData).toString('base64') }),
    ...(messageExpiryInterval === undefined ? {} : { expires_after_seconds: messageExpiryInterval }),
    ...(userProperties === undefined ? {} : { user: userProperties }),
  }
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString()
}
