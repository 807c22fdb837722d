/** A message on a topic where commands are acknowledged: which of them it acknowledges, and what follows. */
import { truth } from '../conditions/unknown.ts'
import type { Message } from '../message.ts'
import type { CompiledRule } from '../rules/compiled-rule.ts'
import { guarded } from '../rules/guarded.ts'
import type { StepContext } from '../step-context.ts'
import { findCommand } from './command-plan.ts'
import {
  type CommandsData,
  commandCountSliceId,
  commandsSliceId,
  type PendingCommand,
} from './command-state.ts'
import { type IdPlace, idIn } from './id-place.ts'
import { audit, commandScope, countEnded, follow, keep } from './pending.ts'

/** What the message may acknowledge. */
export interface PreparedAck {
  /** Where its ids may stand. */
  readonly idsAt: readonly IdPlace[]
  /** Undefined when it is empty or could not be read. */
  readonly payload: unknown
}

export function ackNeeds({ broker, topic }: Message): readonly string[] {
  return [commandsSliceId(broker, topic), commandCountSliceId]
}

export function acknowledge(
  message: Message,
  ack: PreparedAck,
  ruleOf: (id: string) => CompiledRule | undefined,
  context: StepContext,
): void {
  const slice = commandsSliceId(message.broker, message.topic)
  const data = context.draft.read(slice)?.data as CommandsData | undefined
  const pending = data?.pending ?? []
  const done = new Set(pending.filter((command) => fits(command, message, ack.payload, ruleOf, context)))
  if (data !== undefined && done.size > 0) {
    keep(
      slice,
      data,
      pending.filter((command) => !done.has(command)),
      context,
    )
    countEnded(done.size, context)
  }
  for (const command of done) {
    const rule = ruleOf(command.rule)
    const plan = findCommand(rule, command.place)
    const { attempt, sinceMs } = command
    const after = { attempt, after_ms: Math.round(context.nowMs - sinceMs) }
    audit(command, 'acknowledged', plan === null ? { ...after, because: 'rule_changed' } : after, context)
    if (rule === undefined || plan === null) continue
    const scope = { ...commandScope(command, context), ack: { payload: ack.payload, topic: message.topic } }
    follow(rule, plan.onAck, scope, context)
  }
  tellUnknown(message, ack, pending, context)
}

function fits(
  command: PendingCommand,
  message: Message,
  payload: unknown,
  ruleOf: (id: string) => CompiledRule | undefined,
  context: StepContext,
): boolean {
  const { idAt } = command
  // A replay says how things were before; what carries the id of the command came after it.
  if (idAt === null ? message.retain : idIn(idAt, payload, message.properties) !== command.id) return false
  const rule = ruleOf(command.rule)
  const plan = findCommand(rule, command.place)
  if (rule === undefined || plan === null) return idAt !== null
  const { ackWhen } = plan
  if (ackWhen === null) return idAt !== null
  const { wallMs, nowMs } = context
  const scope = {
    ...commandScope(command, context),
    payload,
    value: undefined,
    topic: message.topic,
    qos: message.qos,
    retain: message.retain,
    properties: message.properties,
    receivedAt: message.receivedAt + wallMs - nowMs,
  }
  let meets = false
  guarded(rule, context, () => {
    meets = truth(ackWhen(scope)) === true
  })
  return meets
}

/** It may be late, or of a command that somebody else sent. */
function tellUnknown(
  message: Message,
  { idsAt, payload }: PreparedAck,
  pending: readonly PendingCommand[],
  context: StepContext,
): void {
  if (message.retain) return
  const ids = idsAt.flatMap((place) => idIn(place, payload, message.properties) ?? [])
  if (ids.length === 0 || pending.some(({ id }) => ids.includes(id))) return
  context.outcome.notices.push({
    kind: 'ack-unknown',
    rule: '',
    message: `${message.topic}: no command waits for the acknowledgement ${JSON.stringify(ids[0]?.slice(0, 60))}`,
  })
}
