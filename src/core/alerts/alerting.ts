/** What the core knows of alerting beside the rules: policies, receivers' addresses, inhibitions, calendars. */
import type { Calendar } from '../calendar.ts'
import type { Caps } from '../deliveries/caps.ts'
import { sliceId, sliceIdParts } from '../state.ts'
import type { InhibitDefinition, Matcher, PolicyDefinition } from './definition.ts'
import { hash64 } from './fingerprint.ts'
import { type CompiledMatcher, compileMatcher, type Labels } from './matcher.ts'

/** One place of one receiver, as its channel names it. What is needed to send is looked up when sending. */
export interface ReceiverAddress {
  readonly channel: string
  readonly address: string
  /** How much may be sent; null: no end. All addresses of a channel share one account. */
  readonly caps: Caps | null
  /** Of one unit, for caps on money; null when it is not known. */
  readonly price: number | null
  /** The provider tells later whether it arrived. */
  readonly confirms: boolean
  /** Keeps a status of its own, such as PagerDuty: is told of acknowledgements too. */
  readonly keepsStatus: boolean
}

export interface AlertingDefinition {
  readonly policies: readonly PolicyDefinition[]
  readonly inhibits: readonly InhibitDefinition[]
  /** Receiver → its addresses. */
  readonly receivers: ReadonlyMap<string, readonly ReceiverAddress[]>
  readonly calendars: ReadonlyMap<string, Calendar>
  /** IANA zone for the times in texts. */
  readonly zone: string
  /** Where `tocsin/alerts/…` is kept; null: nowhere. */
  readonly broker: string | null
}

interface CompiledInhibit {
  readonly id: string
  readonly when: CompiledMatcher
  readonly mute: CompiledMatcher
  readonly same: readonly string[]
}

export interface Alerting extends Pick<AlertingDefinition, 'calendars' | 'receivers' | 'zone' | 'broker'> {
  policy(name: string): PolicyDefinition | undefined
  addresses(receiver: string): readonly ReceiverAddress[]
  /** The receiver and address at this place, if it is configured. */
  place(channel: string, address: string): { receiver: string; address: ReceiverAddress } | null
  /** Slices that count what mutes alerts with these labels. */
  mutedBy(labels: Labels): readonly string[]
  /** Slices that alerts with these labels count in, each with a matcher of the alerts it mutes. */
  mutes(labels: Labels): readonly string[]
  /** Which alerts the inhibition behind a slice concerns; null when there is no such inhibition any more. */
  mutedMatcher(slice: string): Matcher | null
}

const nothing: readonly never[] = []

/** Throws when a matcher is wrong: they are checked when the configuration is read. */
export function makeAlerting(definition: AlertingDefinition): Alerting {
  const policies = new Map(definition.policies.map((policy) => [policy.name, policy]))
  const inhibits = definition.inhibits.map((inhibit): CompiledInhibit => {
    const { when, mute, same } = inhibit
    return {
      id: hash64(JSON.stringify([when, mute, same])),
      when: compiled(when),
      mute: compiled(mute),
      same,
    }
  })
  const byId = new Map(inhibits.map((inhibit) => [inhibit.id, inhibit]))
  const places = new Map<string, { receiver: string; address: ReceiverAddress }>()
  for (const [receiver, addresses] of definition.receivers) {
    for (const address of addresses) {
      const at = sliceId(address.channel, address.address)
      if (!places.has(at)) places.set(at, { receiver, address })
    }
  }
  return {
    ...definition,
    policy: (name) => policies.get(name),
    addresses: (receiver) => definition.receivers.get(receiver) ?? nothing,
    place: (channel, address) => places.get(sliceId(channel, address)) ?? null,
    // An alert that matches both sides mutes others and is not muted: else it could mute itself.
    mutedBy: (labels) =>
      inhibits
        .filter(({ when, mute }) => mute.matches(labels) && !when.matches(labels))
        .map((inhibit) => inhibitSliceId(inhibit, labels)),
    mutes: (labels) =>
      inhibits.filter(({ when }) => when.matches(labels)).map((inhibit) => inhibitSliceId(inhibit, labels)),
    mutedMatcher(slice) {
      const [, id = '', ...values] = sliceIdParts(slice)
      const inhibit = byId.get(id)
      if (inhibit === undefined) return null
      // A value that looks like a pattern is left out: a few alerts more are judged again, to no harm.
      const same = inhibit.same.flatMap((name, index): [string, string][] => {
        const value = values[index] ?? ''
        return value.startsWith('/') || Object.hasOwn(inhibit.mute.source, name) ? [] : [[name, value]]
      })
      return { ...inhibit.mute.source, ...Object.fromEntries(same) }
    },
  }
}

function inhibitSliceId(inhibit: CompiledInhibit, labels: Labels): string {
  return sliceId('inhibit', inhibit.id, ...inhibit.same.map((name) => labels[name] ?? ''))
}

function compiled(matcher: CompiledMatcher['source']): CompiledMatcher {
  const made = compileMatcher(matcher)
  if (!made.ok) throw new Error(made.message)
  return made.value
}
