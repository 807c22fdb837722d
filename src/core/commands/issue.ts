/** A rule commands something: it is remembered until it is acknowledged or given up, and sent. */
import type { CommandEffect, PublishEffect } from '../effect.ts'
import type { OutboundMessage } from '../message.ts'
import { payloadBytes } from '../payload-bytes.ts'
import type { StepContext } from '../step-context.ts'
import {
  type CommandCount,
  type CommandsData,
  commandCountSliceId,
  commandLimits,
  commandsSliceId,
  type PendingCommand,
} from './command-state.ts'
import { withId } from './id-place.ts'
import { keep } from './pending.ts'

/** It follows at once from the event that made the rule act. */
export interface CommandEvent {
  readonly type: 'command'
  readonly rule: string
  readonly effect: CommandEffect
}

export function commandNeeds({ effect }: CommandEvent): readonly string[] {
  return [commandsSliceId(effect.broker, effect.ackTopic), commandCountSliceId]
}

export function issue({ rule, effect }: CommandEvent, context: StepContext): void {
  const { draft, outcome, nowMs, wallMs } = context
  const slice = commandsSliceId(effect.broker, effect.ackTopic)
  const data = (draft.read(slice)?.data as CommandsData | undefined) ?? {
    broker: effect.broker,
    topic: effect.ackTopic,
    pending: [],
  }
  const count = (draft.read(commandCountSliceId)?.data as CommandCount | undefined) ?? { next: 1, waiting: 0 }
  const full =
    data.pending.length >= commandLimits.topic
      ? `${commandLimits.topic} commands wait for their acknowledgement on ${effect.ackTopic} already`
      : count.waiting >= commandLimits.all
        ? `${commandLimits.all} commands wait for their acknowledgement already`
        : null
  if (full !== null) {
    outcome.notices.push({
      kind: 'command-full',
      rule,
      message: `${full}; one to ${effect.topic} was not sent`,
    })
    return
  }
  const id = `${Math.floor(wallMs).toString(36)}-${count.next.toString(36)}`
  const made = messageOf(effect, id)
  const { idAt, withinMs, attempts, place, seen } = effect
  if (made === null) {
    cancelled(rule, 'the id finds no place in its payload', context)
    return
  }
  const command: PendingCommand = {
    id,
    rule,
    place,
    idAt,
    ...made,
    attempt: 1,
    attempts,
    withinMs,
    sinceMs: nowMs,
    untilMs: nowMs + withinMs,
    seen,
  }
  if (payloadBytes(command.seen).length + command.message.payload.length > commandLimits.bytes) {
    cancelled(rule, `it is larger than the ${commandLimits.bytes} bytes that are kept of a command`, context)
    return
  }
  keep(slice, data, [...data.pending.map((one) => outdatedBy(command, one)), command], context)
  draft.write(commandCountSliceId, { next: count.next + 1, waiting: count.waiting + 1 })
  outcome.effects.push(sending(data, command, slice))
  outcome.audit.push({
    subject: `command/${id}`,
    what: 'command',
    data: { rule, topic: effect.topic, ack_topic: effect.ackTopic, attempts, within_ms: withinMs },
    atMs: wallMs,
  })
}

/**
 * What the rule told the same thing before is not sent again: over a retry it would come after what is asked now, and
 * undo it.
 */
function outdatedBy({ rule, message, seen }: PendingCommand, before: PendingCommand): PendingCommand {
  const isSame =
    before.rule === rule &&
    before.message.topic === message.topic &&
    before.seen.captures.length === seen.captures.length &&
    before.seen.captures.every((capture, index) => capture === seen.captures[index])
  return isSame ? { ...before, attempts: before.attempt } : before
}

/** The effect that sends a command in its attempt. */
export function sending({ broker }: CommandsData, command: PendingCommand, slice: string): PublishEffect {
  const { id, attempt, message } = command
  return { kind: 'publish', broker, message, via: { kind: 'command', id, slice, attempt } }
}

function messageOf(effect: CommandEffect, id: string): Pick<PendingCommand, 'message' | 'form'> | null {
  const { topic, qos, idAt, ackTopic, properties } = effect
  const isField = idAt !== null && idAt !== 'correlation_data'
  const payload = isField ? withId(effect.payload, idAt, id) : effect.payload
  if (isField && payload === null) return null
  // What was read together with it must not be kept with it.
  const bytes = new Uint8Array(payloadBytes(payload))
  const asked =
    idAt === 'correlation_data'
      ? { responseTopic: ackTopic, correlationData: new Uint8Array(Buffer.from(id)) }
      : {}
  const all = { ...properties, ...asked }
  const message: OutboundMessage = {
    topic,
    payload: bytes,
    qos,
    retain: false,
    ...(Object.keys(all).length === 0 ? {} : { properties: all }),
  }
  const form = payload instanceof Uint8Array ? 'bytes' : typeof payload === 'string' ? 'text' : 'json'
  return { message, form }
}

function cancelled(rule: string, why: string, context: StepContext): void {
  context.outcome.notices.push({ kind: 'action-cancelled', rule, message: `command: ${why}` })
}
