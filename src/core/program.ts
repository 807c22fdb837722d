/** The compiled rule set: which rules and joins a message meets, and how its bytes become a value. */
import { type Alerting, type AlertingDefinition, makeAlerting } from './alerts/alerting.ts'
import { type AckSource, ackSources } from './commands/command-plan.ts'
import { keepLinkName } from './link.ts'
import type { CompiledRule, JoinSource } from './rules/compiled-rule.ts'
import type { Filter } from './topics/filter.ts'
import { type Match, Matcher } from './topics/matcher.ts'

/** What stands behind a filter. Joins come before rules: they are brought up to date first. */
export type Target =
  /** Commands are acknowledged there. */
  | { readonly kind: 'ack'; readonly source: AckSource }
  | { readonly kind: 'join'; readonly source: JoinSource }
  | { readonly kind: 'rule'; readonly rule: CompiledRule; readonly captureOrder: readonly number[] | null }

export type DecodeFunction = (
  payload: Uint8Array,
) =>
  | { ok: true; value: unknown }
  | { ok: false; failure: { readonly reason: string; readonly message: string } }

export interface Program {
  readonly rules: readonly CompiledRule[]
  rule(id: string): CompiledRule | undefined
  join(sourceId: string): JoinSource | undefined
  /** What a message meets that comes over this link: the name of a broker, or of the session beside it. */
  match(link: string, topic: string): readonly Match<Target>[]
  decode(name: string): DecodeFunction
  /** The filters to listen to over a link. */
  wants(link: string): readonly { readonly filter: Filter; readonly qos: 0 | 1 }[]
  /** Names of the links that rules listen to. */
  readonly brokers: readonly string[]
  /** Null when nothing is said of policies and receivers: rules then keep their alerts to themselves. */
  readonly alerting: Alerting | null
}

const nothing: readonly never[] = []

export function makeProgram(
  rules: readonly CompiledRule[],
  decoders: ReadonlyMap<string, DecodeFunction>,
  alerting: AlertingDefinition | null = null,
): Program {
  const entries = new Map<string, { filter: Filter; value: Target; qos: 0 | 1 }[]>()
  const add = (link: string, filter: Filter, qos: 0 | 1, value: Target) => {
    const list = entries.get(link)
    if (list === undefined) entries.set(link, [{ filter, value, qos }])
    else list.push({ filter, value, qos })
  }
  const sources = new Map<string, JoinSource>()
  for (const rule of rules) {
    for (const plan of rule.joins) if (plan.kind === 'topic') sources.set(plan.source.id, plan.source)
  }
  for (const source of sources.values())
    add(source.broker, source.filter, source.qos, { kind: 'join', source })
  for (const source of ackSources(rules)) add(source.broker, source.filter, 1, { kind: 'ack', source })
  for (const rule of rules) {
    for (const { filter, captureOrder } of rule.filters) {
      const inOrder =
        captureOrder.every((from, to) => from === to) && captureOrder.length === filter.captures.length
      const target: Target = { kind: 'rule', rule, captureOrder: inOrder ? null : captureOrder }
      const { broker, qos } = rule.definition
      add(rule.keepsRetain ? keepLinkName(broker) : broker, filter, qos, target)
    }
  }
  const matchers = new Map([...entries].map(([broker, list]) => [broker, new Matcher<Target>(list)]))
  const byId = new Map(rules.map((rule) => [rule.id, rule]))
  return {
    rules,
    rule: (id) => byId.get(id),
    join: (sourceId) => sources.get(sourceId),
    match: (link, topic) => matchers.get(link)?.match(topic) ?? nothing,
    decode(name) {
      const decode = decoders.get(name)
      if (decode === undefined) throw new Error(`no decoder is named ${name}`)
      return decode
    },
    wants: (link) => entries.get(link) ?? nothing,
    brokers: [...entries.keys()],
    alerting: alerting === null ? null : makeAlerting(alerting),
  }
}
