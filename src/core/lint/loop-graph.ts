/**
 * Who causes whom: rules, what they publish, and the rules that listen there. Publications that are alike are one
 * node, so that thousands of rules with the same target cost little.
 */

import type { CompiledAction, CompiledRule, RuleFilter } from '../rules/compiled-rule.ts'
import { parsePlainFilter } from '../topics/filter.ts'
import { contains } from '../topics/relations.ts'
import { levelsOfShape, shapeOf } from '../topics/shape.ts'
import { ListenerTrie } from './listener-trie.ts'
import { isUnreadable, Refusals, type SentMessage } from './refusal.ts'
import { sentPayload } from './sent-payload.ts'
import { stronglyConnected } from './strongly-connected.ts'

/** Past these the rest is left unchecked, and that is told. */
export const loopLimits = { steps: 1_000_000, hops: 1_000_000, proofs: 50_000 } as const

/** What a rule publishes, and where in the rule it says so. */
export interface Publishing {
  readonly publication: number
  readonly list: 'then' | 'resolved'
  readonly index: number
  readonly kind: string
}

export interface Hop {
  /** Index of the rule that listens. */
  readonly to: number
  /** Whether every topic of the publication is listened to, not only some. */
  readonly always: boolean
  readonly filters: readonly RuleFilter[]
}

export interface Publication extends SentMessage {
  readonly broker: string
  /** For messages: as a filter, templates as +. */
  readonly text: string
  hops: readonly Hop[]
}

export interface LoopGraph {
  readonly publishings: readonly (readonly Publishing[])[]
  readonly publications: readonly Publication[]
  /** Whether a limit was passed. */
  readonly isCut: boolean
}

export function makeLoopGraph(rules: readonly CompiledRule[]): LoopGraph {
  const publications: Publication[] = []
  const byKey = new Map<string, number>()
  const publishings = rules.map((rule) => publishingsOf(rule, publications, byKey))
  const cut = addHops(rules, publishings, publications)

  // Conditions are only looked at where topics alone would make a loop.
  const groups = stronglyConnected(rules.length + publications.length, (node) =>
    node < rules.length
      ? publishings[node]!.map(({ publication }) => rules.length + publication)
      : publications[node - rules.length]!.hops.map(({ to }) => to),
  )
  const refusals = new Refusals()
  let proofs: number = loopLimits.proofs
  publications.forEach((publication, index) => {
    const group = groups[rules.length + index]
    publication.hops = publication.hops.filter(({ to, filters }) => {
      if (groups[to] !== group) return false
      const rule = rules[to]!
      if (isUnreadable(rule, publication)) return false
      if (rule.definition.when === undefined) return true
      return proofs-- > 0 && !refusals.proven(rule, filters, publication)
    })
  })
  return { publishings, publications, isCut: cut || proofs < 0 }
}

function publishingsOf(
  rule: CompiledRule,
  publications: Publication[],
  byKey: Map<string, number>,
): Publishing[] {
  const found: Publishing[] = []
  const add = (list: 'then' | 'resolved') => (action: CompiledAction, index: number) => {
    if (action.publishesTo.length === 0) return
    const written = rule.definition[list][index]
    const payload = sentPayload(written ?? { kind: action.kind, spec: null })
    // Only what JSON keeps is known.
    const payloadKey = JSON.stringify([payload.value, payload.open])
    for (const { broker, filter } of action.publishesTo) {
      const parsed = parsePlainFilter(filter)
      if (!parsed.ok) continue
      const key = `${broker}\0${filter}\0${payloadKey}`
      let publication = byKey.get(key)
      if (publication === undefined) {
        publication = publications.length
        byKey.set(key, publication)
        publications.push({ broker, text: filter, shape: shapeOf(parsed.value), payload, hops: [] })
      }
      found.push({ publication, list, index, kind: action.kind })
    }
  }
  rule.then.forEach(add('then'))
  rule.resolved.forEach(add('resolved'))
  return found
}

interface Listener {
  readonly index: number
  readonly filter: RuleFilter
}

/** Fills in who listens to each publication; true when a limit was passed. */
function addHops(
  rules: readonly CompiledRule[],
  publishings: readonly (readonly Publishing[])[],
  publications: readonly Publication[],
): boolean {
  const tries = new Map<string, ListenerTrie<Listener>>()
  rules.forEach((rule, index) => {
    // A rule that publishes nothing ends every chain.
    if (publishings[index]!.length === 0) return
    const { broker } = rule.definition
    const trie = tries.get(broker) ?? new ListenerTrie<Listener>()
    tries.set(broker, trie)
    for (const filter of rule.filters) trie.add(shapeOf(filter.filter), { index, filter })
  })
  const steps = { left: loopLimits.steps }
  let hopsLeft: number = loopLimits.hops
  let isCut = false
  for (const publication of publications) {
    const hops = new Map<number, { to: number; always: boolean; filters: RuleFilter[] }>()
    const { shape } = publication
    const asLevels = { levels: levelsOfShape(shape) }
    // Of a topic that is a template from its first to its last level nothing is known that would be worth telling.
    const isAnything = asLevels.levels[0] === '#'
    const isWhole = tries.get(publication.broker)?.walk(shape, steps, ({ index, filter }) => {
      if (hopsLeft-- <= 0) return false
      const always = contains(filter.filter, asLevels)
      if (!always && isAnything) return true
      const hop = hops.get(index)
      if (hop === undefined) hops.set(index, { to: index, always, filters: [filter] })
      else {
        hop.filters.push(filter)
        hop.always ||= always
      }
      return true
    })
    publication.hops = [...hops.values()]
    if (isWhole === false) isCut = true
  }
  return isCut
}
