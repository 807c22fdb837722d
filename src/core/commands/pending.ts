/** What all that happens to a command has in common: keeping it, counting it, and what its rule does next. */

import { act } from '../rules/act.ts'
import type { CompiledAction, CompiledRule } from '../rules/compiled-rule.ts'
import { guarded } from '../rules/guarded.ts'
import type { Scope } from '../rules/scope.ts'
import type { StepContext } from '../step-context.ts'
import {
  type CommandCount,
  type CommandsData,
  commandCountSliceId,
  type PendingCommand,
  sentPayload,
} from './command-state.ts'

/** Keeps those that wait on a topic, with a timer for the one that is due first. */
export function keep(
  slice: string,
  data: CommandsData,
  pending: readonly PendingCommand[],
  { draft }: StepContext,
): void {
  if (pending.length === 0) draft.remove(slice)
  else {
    const dueMs = pending.reduce((least, { untilMs }) => Math.min(least, untilMs), Number.POSITIVE_INFINITY)
    draft.write(slice, { ...data, pending }, dueMs)
  }
}

/** So many commands do not wait any more. */
export function countEnded(ended: number, { draft }: StepContext): void {
  const count = draft.read(commandCountSliceId)?.data as CommandCount | undefined
  if (count === undefined || ended === 0) return
  draft.write(commandCountSliceId, { ...count, waiting: Math.max(0, count.waiting - ended) })
}

/** The event's own view of a command: what the rule saw when it sent it, and the command itself. */
export function commandScope(command: PendingCommand, context: StepContext): Scope {
  const { seen, id, attempt, message } = command
  return {
    payload: seen.payload,
    bytes: undefined,
    captures: seen.captures,
    value: seen.value,
    topic: seen.topic,
    qos: seen.qos,
    retain: seen.retain,
    properties: seen.properties ?? null,
    receivedAt: seen.receivedAt,
    nowMs: context.wallMs,
    prev: undefined,
    window: undefined,
    with: undefined,
    command: { id, attempt, topic: message.topic, payload: sentPayload(command) },
  }
}

/** What the rule does once a command has ended. What throws hurts the rule alone: the command has ended all the same. */
export function follow(
  rule: CompiledRule,
  actions: readonly CompiledAction[],
  scope: Scope,
  context: StepContext,
): void {
  if (actions.length > 0) guarded(rule, context, () => act(rule, actions, scope, context))
}

export function audit(
  { id, rule, message }: PendingCommand,
  what: string,
  data: Readonly<Record<string, string | number | boolean | null>>,
  context: StepContext,
): void {
  const entry = { rule, topic: message.topic, ...data }
  context.outcome.audit.push({ subject: `command/${id}`, what, data: entry, atMs: context.wallMs })
}
