/** What a rule says of a command beyond its message: where and how it is acknowledged, and what follows. */
import type { CompiledAction, CompiledRule, Evaluate } from '../rules/compiled-rule.ts'
import type { Filter } from '../topics/filter.ts'
import type { IdPlace } from './id-place.ts'

export interface CommandPlan {
  /** What the command is and, after a dot, what follows from it, both hashed. */
  readonly place: string
  readonly broker: string
  /** Every topic where it may be acknowledged. */
  readonly ackFilter: Filter
  readonly idAt: IdPlace | null
  /** Null: the id is enough. */
  readonly ackWhen: Evaluate | null
  readonly onAck: readonly CompiledAction[]
  readonly onTimeout: readonly CompiledAction[]
}

/** Where acknowledgements come, with the places of their ids. */
export interface AckSource {
  readonly broker: string
  readonly filter: Filter
  readonly idsAt: readonly IdPlace[]
}

/** The command of the rule as it is now; null when the rule does not send it any more. */
export function findCommand(rule: CompiledRule | undefined, place: string): CommandPlan | null {
  const plans = rule === undefined ? [] : commandsOf(rule)
  const what = (one: string) => one.slice(0, one.indexOf('.'))
  return (
    plans.find((plan) => plan.place === place) ??
    plans.find((plan) => what(plan.place) === what(place)) ??
    null
  )
}

/** Rules that are acknowledged alike share one source. */
export function ackSources(rules: readonly CompiledRule[]): AckSource[] {
  const sources = new Map<string, { broker: string; filter: Filter; idsAt: Map<string, IdPlace> }>()
  for (const { broker, ackFilter: filter, idAt } of rules.flatMap(commandsOf)) {
    const key = JSON.stringify([broker, filter.text])
    const source = sources.get(key) ?? { broker, filter, idsAt: new Map<string, IdPlace>() }
    sources.set(key, source)
    if (idAt !== null) source.idsAt.set(JSON.stringify(idAt), idAt)
  }
  return [...sources.values()].map((source) => ({ ...source, idsAt: [...source.idsAt.values()] }))
}

/** Ids of the rules whose commands carry their id as correlation data there, which MQTT 3.1.1 has no place for. */
export function needCorrelationData(rules: readonly CompiledRule[], broker: string): string[] {
  const needs = (rule: CompiledRule) =>
    commandsOf(rule).some((plan) => plan.broker === broker && plan.idAt === 'correlation_data')
  return rules.filter(needs).map(({ id }) => id)
}

function commandsOf(rule: CompiledRule): CommandPlan[] {
  return [...rule.then, ...rule.resolved].flatMap(({ command }) => command ?? [])
}
