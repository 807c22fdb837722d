/** `command`: tells a device to do something, and waits for it to say that it did. */
import type { CommandPlan } from '../../core/commands/command-plan.ts'
import type { Seen } from '../../core/commands/command-state.ts'
import { type IdPlace, withId } from '../../core/commands/id-place.ts'
import { isPlainObject } from '../../core/conditions/logic.ts'
import type { CommandEffect } from '../../core/effect.ts'
import { hash32 } from '../../core/hash.ts'
import type { MessageProperties } from '../../core/message.ts'
import { type Path, type Problem, problem, type Result, under } from '../../core/problem.ts'
import type { CompiledAction } from '../../core/rules/compiled-rule.ts'
import type { ActionDefinition } from '../../core/rules/definition.ts'
import type { Scope } from '../../core/rules/scope.ts'
import { compileSource } from '../../core/rules/source.ts'
import { compileValue } from '../../core/templates/compile.ts'
import { type Filter, parsePlainFilter } from '../../core/topics/filter.ts'
import { quoted } from '../../core/topics/topic-text.ts'
import type { Action, ActionContext, Cancelled, PlannedAction } from '../../ports/action.ts'
import { checkBroker } from '../shared/check-broker.ts'
import { compileProperties } from '../shared/properties.ts'
import { compileTopic, renderTopic, targetFilter } from '../shared/target-topic.ts'
import { type CommandSpec, commandSchema } from './schema.ts'
import { ackRoots, laterRoots } from './variables.ts'

const usualWithinMs = 10_000

/** `following`: the actions that may follow an acknowledgement or a timeout. */
export function makeCommand(following: readonly Action[]): Action<CommandSpec> {
  return {
    name: 'command',
    description: 'Tells a device to do something, and waits for its acknowledgement.',
    schema: commandSchema(following),
    compile: (spec, context) => compile(spec, context, following),
  }
}

function compile(
  spec: CommandSpec,
  context: ActionContext,
  following: readonly Action[],
): Result<PlannedAction> {
  const { broker = context.ruleBroker, qos, retries } = spec
  const withinMs = spec.within ?? usualWithinMs
  const idAt = idPlace(spec.id)
  const problems: Problem[] = [
    ...checkBroker(broker, context),
    ...checkNames(context),
    ...checkId(spec, context),
  ]
  const take = <T>(path: Path, result: Result<T>): T | null => {
    if (result.ok) return result.value
    problems.push(...under(path, result.problems))
    return null
  }
  const topic = take(['topic'], compileTopic(spec.topic, context))
  const ackTopic = take(['ack', 'topic'], answered(compileTopic(spec.ack.topic, context)))
  const payload = take(['payload'], compileValue(spec.payload ?? '', context.roots, { zone: context.zone }))
  const properties = take(['properties'], compileProperties(spec.properties, context))
  const { when } = spec.ack
  const ackWhen =
    when === undefined ? null : take(['ack', 'when'], compileSource(when, ackRoots(context.roots)))
  const ackFilter = ackTopic === null ? null : take(['ack', 'topic'], filterOf(spec, context))
  const onAck = compileFollowing('on_ack', spec.on_ack, context, following)
  const onTimeout = compileFollowing('on_timeout', spec.on_timeout, context, following)
  problems.push(...onAck.problems, ...onTimeout.problems)
  if (problems.length > 0 || topic === null || ackTopic === null || payload === null) {
    return { ok: false, problems }
  }
  if (properties === null || ackFilter === null) return { ok: false, problems }

  const what = [spec.topic, spec.payload ?? null, spec.id ?? null, spec.ack, broker]
  const then = [withinMs, retries, spec.on_ack, spec.on_timeout]
  const command: CommandPlan = {
    place: `${hash32(JSON.stringify(what)).toString(36)}.${hash32(JSON.stringify(then)).toString(36)}`,
    broker,
    ackFilter,
    idAt,
    ackWhen: ackWhen?.run ?? null,
    onAck: onAck.actions,
    onTimeout: onTimeout.actions,
  }
  const used = new Set([...onAck.used, ...onTimeout.used])
  const value: PlannedAction = {
    plan(scope, nowMs) {
      const to = renderTopic(topic, scope, nowMs)
      if (!to.ok) return cancelled(to)
      const from = renderTopic(ackTopic, scope, nowMs)
      if (!from.ok) return cancelled(from)
      if (from.text === to.text) {
        return cancelled({
          reason: 'invalid',
          message: `${quoted(to.text)} is both its topic and that of its acknowledgement`,
        })
      }
      const content = payload.render(scope, nowMs)
      if (!content.ok) return cancelled(content)
      // A whole payload that is missing is not sent as null: a device would take it for a command.
      if (content.value === null && !payload.constant) {
        return cancelled({
          reason: 'missing',
          message: `${String(spec.payload)} has no value, so there is no payload`,
        })
      }
      const extra = properties.render(scope, nowMs)
      if (!extra.ok) return cancelled(extra)
      const effect: CommandEffect = {
        kind: 'command',
        place: command.place,
        broker,
        topic: to.text,
        payload: content.value,
        qos,
        properties: expiring(extra.properties, withinMs),
        ackTopic: from.text,
        idAt,
        withinMs,
        attempts: retries + 1,
        seen: seenOf(scope, used),
      }
      return { ok: true, effects: [effect] }
    },
    uses: [
      ...topic.uses,
      ...ackTopic.uses,
      ...payload.uses,
      ...properties.uses,
      ...onAck.uses,
      ...onTimeout.uses,
    ],
    command,
    publishesTo: [
      { broker, filter: targetFilter(spec.topic, context.keepLevels), sent: sentBy(spec, idAt) },
      ...[...onAck.actions, ...onTimeout.actions].flatMap(({ publishesTo }) => publishesTo),
    ],
  }
  return { ok: true, value }
}

function idPlace(id: string | undefined): IdPlace | null {
  if (id === undefined) return null
  return id === 'correlation_data' ? id : id.split('.')
}

/** A device that was away must not carry the command out later than anybody waits for it. */
function expiring(properties: MessageProperties | null, withinMs: number): MessageProperties {
  return { messageExpiryInterval: Math.ceil(withinMs / 1_000), ...properties }
}

/** What is known of the payload before it runs: all but the id. */
function sentBy({ payload }: CommandSpec, idAt: IdPlace | null): ActionDefinition {
  const isField = idAt !== null && idAt !== 'correlation_data'
  const sent = isField ? withId(payload, idAt, '{{ id }}') : payload
  return { kind: 'publish', spec: { payload: sent } }
}

// ---- what is wrong

function checkNames({ roots }: ActionContext): Problem[] {
  const taken = ['command', 'ack'].filter((name) => roots.names().includes(name))
  return taken.map((name) =>
    problem(
      'rule-conflict',
      [],
      `The topic of the rule has a capture \`${name}\`, which means something here.`,
      {
        help: `Give the capture another name, such as ${name}_level.`,
      },
    ),
  )
}

function checkId(
  { id, payload, ack, properties, broker }: CommandSpec,
  { mqtt311, ruleBroker }: ActionContext,
): Problem[] {
  const tell = (path: Path, message: string, help: string) => [
    problem('command-ack', path, message, { help }),
  ]
  if (id === undefined) {
    if (ack.when !== undefined) return []
    return tell(
      ['ack'],
      'Nothing says which message acknowledges the command.',
      'Write `id:` with the field that the device repeats, or `when:` with what its message shows, such as payload.state == command.payload.state.',
    )
  }
  if (id === 'correlation_data') {
    const name = broker ?? ruleBroker
    if (mqtt311?.has(name) === true) {
      return tell(
        ['id'],
        `\`correlation_data\` needs MQTT 5, and the broker "${name}" is configured for 3.1.1.`,
        'Write the field of the payload that the device repeats, or remove `id` and say with `when` which message acknowledges.',
      )
    }
    const both = (['correlation_data', 'response_topic'] as const).find(
      (name) => properties?.[name] !== undefined,
    )
    if (both === undefined) return []
    return tell(
      ['properties', both],
      `\`${both}\` is set by \`id: correlation_data\`.`,
      `Remove \`${both}\`.`,
    )
  }
  if (!isPlainObject(payload)) {
    return tell(
      ['payload'],
      `The id cannot stand in the field \`${id}\`: the payload is no map.`,
      `Write the payload as a map, such as payload: { led: "on" }, or remove \`id\` and say with \`when\` which message acknowledges it.`,
    )
  }
  const names = id.split('.')
  let value: unknown = payload
  for (const name of names) {
    if (!isPlainObject(value)) {
      return tell(['id'], `\`${id}\` leads through a value that is no map.`, 'Name a field that is free.')
    }
    value = Object.hasOwn(value, name) ? value[name] : undefined
    if (value === undefined) return []
  }
  return tell(
    ['payload', ...names],
    `The payload has \`${id}\` already, where the id of the command is to stand.`,
    'Remove the field: Tocsin fills it in.',
  )
}

/** Nobody publishes to the topic of an acknowledgement here. */
function answered<T>(topic: Result<T>): Result<T> {
  if (topic.ok) return topic
  const message = 'The device answers on one topic, and a topic cannot have wildcards.'
  const problems = topic.problems.map((found) =>
    found.code === 'topic-wildcard-in-name' ? { ...found, message } : found,
  )
  return { ok: false, problems }
}

function filterOf(spec: CommandSpec, { keepLevels }: ActionContext): Result<Filter> {
  const text = targetFilter(spec.ack.topic, keepLevels)
  const fault = (message: string, help: string): Result<Filter> => ({
    ok: false,
    problems: [problem('command-ack', [], message, { help })],
  })
  if (spec.ack.topic.trim() === spec.topic.trim()) {
    return fault(
      'The command would be its own acknowledgement: both have the same topic.',
      'Write the topic where the device answers.',
    )
  }
  if (text.startsWith('#')) {
    return fault(
      `Every message would have to be listened to, for ${quoted(spec.ack.topic)} may be any topic.`,
      'Begin the topic with a level that is the same for all devices, such as devices/.',
    )
  }
  const parsed = parsePlainFilter(text)
  return parsed.ok ? parsed : { ok: false, problems: parsed.problems }
}

// ---- what follows

interface Following {
  readonly actions: readonly CompiledAction[]
  readonly uses: readonly (readonly (string | number)[])[]
  /** Variables of the rule that are read then. */
  readonly used: ReadonlySet<string>
  readonly problems: readonly Problem[]
}

function compileFollowing(
  list: 'on_ack' | 'on_timeout',
  definitions: readonly ActionDefinition[],
  context: ActionContext,
  following: readonly Action[],
): Following {
  const later = laterRoots(context.roots, { ack: list === 'on_ack' })
  const problems: Problem[] = []
  const uses: (readonly (string | number)[])[] = []
  const actions = definitions.flatMap(({ kind, spec }, index): CompiledAction[] => {
    const action = following.find(({ name }) => name === kind)
    if (action === undefined) throw new Error(`no action is named ${kind}`)
    const compiled = action.compile(spec, { ...context, roots: later.roots })
    for (const name of later.takePassed()) {
      problems.push(
        problem(
          'command-later',
          [list, index, kind],
          `\`${name}\` is another one by the time of \`${list}\`.`,
          {
            help: 'Put what is needed into the payload of the command: command.payload is known then.',
          },
        ),
      )
    }
    if (!compiled.ok) {
      problems.push(...under([list, index, kind], compiled.problems))
      return []
    }
    const { uses: read, publishesTo, ...plan } = compiled.value
    const sentTo = publishesTo.map((target) => ({ ...target, sent: { kind, spec } }))
    uses.push(...read.filter(([root]) => root !== 'command' && root !== 'ack'))
    return [{ kind, ...plan, publishesTo: sentTo }]
  })
  return { actions, uses, used: later.used, problems }
}

/** Only what is read later is kept. */
function seenOf(scope: Scope, used: ReadonlySet<string>): Seen {
  const { captures, topic, payload, value, qos, retain, properties, receivedAt } = scope
  return {
    captures,
    topic,
    ...(used.has('payload') ? { payload } : {}),
    ...(used.has('value') ? { value } : {}),
    ...(used.has('qos') ? { qos } : {}),
    ...(used.has('retain') ? { retain } : {}),
    ...(used.has('properties') ? { properties } : {}),
    ...(used.has('received_at') ? { receivedAt } : {}),
  }
}

function cancelled({ reason, message }: Cancelled): { ok: false; cancelled: Cancelled } {
  return { ok: false, cancelled: { reason, message } }
}
