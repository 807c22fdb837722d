/** The timer of commands: those that were not acknowledged in time are sent again, or given up. */
import type { CompiledRule } from '../rules/compiled-rule.ts'
import type { StepContext } from '../step-context.ts'
import { type CommandPlan, findCommand } from './command-plan.ts'
import { type CommandsData, commandCountSliceId, type PendingCommand } from './command-state.ts'
import { sending } from './issue.ts'
import { audit, commandScope, countEnded, follow, keep } from './pending.ts'

export function commandsTimerNeeds(slice: string): readonly string[] {
  return [slice, commandCountSliceId]
}

export function timeOut(
  slice: string,
  ruleOf: (id: string) => CompiledRule | undefined,
  context: StepContext,
): void {
  const data = context.draft.read(slice)?.data as CommandsData | undefined
  if (data === undefined) return
  const { nowMs, outcome } = context
  const waiting: PendingCommand[] = []
  const ended: { readonly command: PendingCommand; readonly plan: CommandPlan | null }[] = []
  const again: PendingCommand[] = []
  for (const command of data.pending) {
    if (command.untilMs > nowMs) {
      waiting.push(command)
      continue
    }
    const plan = findCommand(ruleOf(command.rule), command.place)
    const next = plan?.broker === data.broker ? nextAttempt(command, nowMs) : null
    if (next === null) ended.push({ command, plan })
    else {
      again.push(next)
      waiting.push(next)
    }
  }
  if (again.length + ended.length === 0) return
  keep(slice, data, waiting, context)
  countEnded(ended.length, context)
  for (const command of again) {
    outcome.effects.push(sending(data, command, slice))
    const { attempt, attempts } = command
    audit(command, 'command-retried', { attempt, attempts }, context)
  }
  for (const { command, plan } of ended) {
    const after = { attempts: command.attempt, after_ms: Math.round(nowMs - command.sinceMs) }
    audit(command, 'timed-out', plan === null ? { ...after, because: 'rule_changed' } : after, context)
    const rule = ruleOf(command.rule)
    if (rule !== undefined && plan !== null)
      follow(rule, plan.onTimeout, commandScope(command, context), context)
  }
}

/** The attempt whose time it is: those whose time passed while nobody looked are left out. Null when all have passed. */
function nextAttempt(command: PendingCommand, nowMs: number): PendingCommand | null {
  const { sinceMs, withinMs, attempts } = command
  const attempt = Math.floor((nowMs - sinceMs) / withinMs) + 1
  return attempt > attempts ? null : { ...command, attempt, untilMs: sinceMs + attempt * withinMs }
}
