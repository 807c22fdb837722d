/** `respond`: answers the request that the message is, or says why there is no answer. */
import type { PublishEffect } from '../../core/effect.ts'
import type { OutboundMessage } from '../../core/message.ts'
import { payloadBytes } from '../../core/payload-bytes.ts'
import { problem, type Result } from '../../core/problem.ts'
import { type AnswerPlace, makeMayAnswer, placeFault } from '../../core/requests/answer-place.ts'
import { type RuleRequest, readRuleRequest } from '../../core/requests/rule-request.ts'
import type { Roots } from '../../core/roots.ts'
import type { AnswerPlan, Refusal } from '../../core/rules/compiled-rule.ts'
import type { Scope } from '../../core/rules/scope.ts'
import { compileValue } from '../../core/templates/compile.ts'
import type { RenderFailed } from '../../core/templates/template.ts'
import { readPath } from '../../core/templates/values.ts'
import { quoted } from '../../core/topics/topic-text.ts'
import type { Action, ActionContext, PlannedAction } from '../../ports/action.ts'
import { maxPayloadBytes } from '../shared/payload.ts'
import { respondSchema } from './schema.ts'

export const respond: Action<unknown> = {
  name: 'respond',
  description: 'Answers a request.',
  schema: respondSchema,
  compile,
}

function compile(spec: unknown, context: ActionContext): Result<PlannedAction> {
  const { roots, zone, respondTo, ruleBroker: broker } = context
  if (respondTo.length === 0) return nobodyToAnswer
  const compiled = compileValue(spec, roots, { zone, onMissing: 'stop' })
  if (!compiled.ok) return compiled
  const template = compiled.value
  const mayAnswer = makeMayAnswer(respondTo)
  const send = (message: OutboundMessage): PublishEffect => ({
    kind: 'publish',
    broker,
    message,
    via: { kind: 'respond' },
  })
  const answers: AnswerPlan = {
    refuse({ topic, properties }, payload, refusal) {
      const request = readRuleRequest(topic, properties, payload, mayAnswer)
      const place = placeOf(request)
      if (place === null) return { effects: [], unanswered: unanswered(request) }
      const told = refusedPlace(request) ?? refusal
      const error = { status: 'error', error: { code: told.code, message: told.message } }
      return { effects: [send(answer(withId(error, request), place))], unanswered: null }
    },
  }
  const value: PlannedAction = {
    perMessage: true,
    answers,
    uses: [['payload'], ...template.uses],
    publishesTo: respondTo.map((filter) => ({ broker, filter })),
    plan(scope, nowMs) {
      // A stored request is an old one: it would be answered at every start.
      if (scope.retain === true) return { ok: true, effects: [] }
      const request = readRuleRequest(scope.topic, scope.properties, scope.payload, mayAnswer)
      const refused = faultOf(request) ?? refusedPlace(request)
      const place = placeOf(request)
      if (refused !== null || place === null) return no(refused ?? badRequest('There is nowhere to answer.'))
      const rendered = template.render(scope, nowMs)
      if (!rendered.ok) return no(refusalOf(rendered, roots, scope))
      const message = answer(withId(rendered.value, request), place)
      if (message.payload.byteLength > maxPayloadBytes) {
        return no({ code: 'too-large', message: `The answer is larger than ${maxPayloadBytes} bytes.` })
      }
      return { ok: true, effects: [send(message)] }
    },
  }
  return { ok: true, value }
}

const nobodyToAnswer: Result<never> = {
  ok: false,
  problems: [
    problem('rule-conflict', [], '`respond` can answer nobody: `respond_to` under `settings` is empty.', {
      help: 'Write where answers may go, such as `respond_to: [response/#]`, or leave it out.',
    }),
  ],
}

function no(refusal: Refusal) {
  const cancelled = { reason: 'invalid', message: refusal.message } as const
  return { ok: false, cancelled, refusal } as const
}

function badRequest(message: string): Refusal {
  return { code: 'bad-request', message }
}

function placeOf({ found }: RuleRequest): AnswerPlace | null {
  return found.kind === 'nowhere' ? null : found.place
}

function faultOf({ fault }: RuleRequest): Refusal | null {
  return fault === null ? null : badRequest(fault)
}

/** The requester asks for the answer where it may not go; it is told where its id allows. */
function refusedPlace({ found }: RuleRequest): Refusal | null {
  if (found.kind !== 'refused') return null
  return { code: 'bad-response-topic', message: placeFault(found.responseTopic) }
}

/** In words for whoever runs Tocsin. */
function unanswered({ found, fault }: RuleRequest): string {
  if (found.kind === 'refused') {
    const where = quoted(found.responseTopic)
    return `a request wants its answer on ${where}, where \`settings.respond_to\` lets none go`
  }
  return fault === null
    ? 'a request has neither a response topic nor a `request_id` or `transaction` in its JSON'
    : `a request cannot be answered: ${fault}`
}

/** Why there is no answer: the request lacks something, or nothing is known of what it asks for. */
function refusalOf(failed: RenderFailed, roots: Roots<Scope>, scope: Scope): Refusal {
  if (failed.reason === 'limit')
    return { code: 'too-large', message: `The answer is too large: ${failed.message}.` }
  if (failed.reason !== 'missing') return { code: 'failed', message: `${failed.message}.` }
  const isMissing = (path: readonly string[]) => {
    const [root = '', ...rest] = path
    const read = roots.resolve(root)
    return read !== null && (readPath(read(scope), rest) ?? null) === null
  }
  const missing = (failed.uses ?? []).filter(isMissing)
  const asked = missing.find(([root]) => root === 'payload')
  if (asked !== undefined)
    return badRequest(`The request lacks \`${asked.slice(1).join('.') || 'payload'}\`.`)
  // A joined topic that was never heard, or a table without such a row: what was asked for is not known at all.
  const unknown = missing.find((path) => path[0] === 'with' && isMissing(path.slice(0, 2)))
  if (unknown !== undefined) return { code: 'not-found', message: `Nothing is known of it (${unknown[1]}).` }
  return { code: 'no-data', message: `There is no data: ${failed.message}.` }
}

/** The id comes back in the field that it came in, unless the answer says something there itself. */
function withId(value: unknown, { id }: RuleRequest): unknown {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isObject || value instanceof Uint8Array || id === null || Object.hasOwn(value, id.field)) return value
  return { ...value, [id.field]: id.value }
}

function answer(value: unknown, { topic, correlationData }: AnswerPlace): OutboundMessage {
  const isText = typeof value === 'string'
  const isBytes = value instanceof Uint8Array
  return {
    topic,
    payload: payloadBytes(value),
    qos: 1,
    retain: false,
    // On MQTT 3.1.1 they are left out when the message is sent.
    properties: {
      ...(isText || isBytes ? {} : { contentType: 'application/json' }),
      ...(isBytes ? {} : { payloadFormatIndicator: true }),
      ...(correlationData === null ? {} : { correlationData }),
    },
  }
}
