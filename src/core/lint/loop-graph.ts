/**
 * Who causes whom: rules, what they publish, and the rules that listen there. Publications that are alike are one
 * node, so that thousands of rules with the same target cost little. What a rule passes on depends on what came: such
 * a rule has a node for each set of topics that reaches it.
 */

import type { CompiledAction, CompiledRule, PublishTarget, RuleFilter } from '../rules/compiled-rule.ts'
import { forwardHopsLimit } from '../rules/hops.ts'
import { parsePlainFilter } from '../topics/filter.ts'
import { contains, intersection } from '../topics/relations.ts'
import { levelsOfShape, type Shape, shapeOf } from '../topics/shape.ts'
import { ListenerTrie } from './listener-trie.ts'
import { isUnreadable, Refusals, type SentMessage } from './refusal.ts'
import { sentPayload } from './sent-payload.ts'
import { stronglyConnected } from './strongly-connected.ts'

/** Past these the rest is left unchecked, and that is told. */
export const loopLimits = { steps: 1_000_000, hops: 1_000_000, proofs: 50_000, arrivals: 5_000 } as const
/** A message that is passed on more often is stopped when it is; its topics are not followed further. */
const arrivalDepth = 2 * forwardHopsLimit

/** What a rule publishes, and where in the rule it says so. */
export interface Publishing {
  readonly publication: number
  readonly list: 'then' | 'resolved'
  readonly index: number
  readonly kind: string
}

export interface Hop {
  /** Index of the node of the rule that listens. */
  readonly to: number
  /** Whether every topic of the publication is listened to, not only some. */
  readonly always: boolean
  readonly filters: readonly RuleFilter[]
}

export interface Publication extends SentMessage {
  readonly broker: string
  /** For messages: as a filter, templates as +. */
  readonly text: string
  /** Every topic of it can really come, as far as anything comes. */
  readonly isPassedOn: boolean
  /** The node that it was first found at. */
  readonly from: number
  hops: readonly Hop[]
}

/** A rule, and the topics that come to it; null: all that it listens to. */
interface Node {
  readonly rule: CompiledRule
  readonly arrival: Shape | null
  /** Where the topics came from; null when anybody may have sent them. */
  readonly parent: number | null
  readonly depth: number
}

export interface LoopGraph {
  /** The rule of each node. */
  readonly rules: readonly CompiledRule[]
  readonly publishings: readonly (readonly Publishing[])[]
  readonly publications: readonly Publication[]
  /** Whether a limit was passed. */
  readonly isCut: boolean
}

export function makeLoopGraph(rules: readonly CompiledRule[]): LoopGraph {
  const builder = new GraphBuilder(rules)
  const isCut = builder.run()
  const { publishings, publications } = builder
  const ruleOf = builder.nodes.map(({ rule }) => rule)

  // Conditions are only looked at where topics alone would make a loop.
  const groups = stronglyConnected(ruleOf.length + publications.length, (node) =>
    node < ruleOf.length
      ? publishings[node]!.map(({ publication }) => ruleOf.length + publication)
      : publications[node - ruleOf.length]!.hops.map(({ to }) => to),
  )
  const refusals = new Refusals()
  let proofs: number = loopLimits.proofs
  publications.forEach((publication, index) => {
    const group = groups[ruleOf.length + index]
    publication.hops = publication.hops.filter(({ to, filters }) => {
      if (groups[to] !== group) return false
      const rule = ruleOf[to]!
      if (isUnreadable(rule, publication)) return false
      if (rule.definition.when === undefined) return true
      return proofs-- > 0 && !refusals.proven(rule, filters, publication)
    })
  })
  return { rules: ruleOf, publishings, publications, isCut: isCut || proofs < 0 }
}

interface Listener {
  readonly index: number
  readonly filter: RuleFilter
}

class GraphBuilder {
  readonly nodes: Node[]
  readonly publishings: Publishing[][] = []
  readonly publications: Publication[] = []
  readonly #publicationByKey = new Map<string, number>()
  readonly #nodeByKey = new Map<string, number>()
  readonly #tries = new Map<string, ListenerTrie<Listener>>()
  readonly #steps = { left: loopLimits.steps as number }
  #hopsLeft: number = loopLimits.hops
  #arrivalsLeft: number = loopLimits.arrivals
  #isCut = false

  constructor(rules: readonly CompiledRule[]) {
    this.nodes = rules.map((rule) => ({ rule, arrival: null, parent: null, depth: 0 }))
  }

  /** True when a limit was passed. */
  run(): boolean {
    for (let node = 0; node < this.nodes.length; node++) this.publishings.push(this.#publishingsOf(node))
    this.nodes.forEach(({ rule }, index) => {
      // A rule that publishes nothing ends every chain.
      if (this.publishings[index]!.length === 0) return
      const { broker } = rule.definition
      const trie = this.#tries.get(broker) ?? new ListenerTrie<Listener>()
      this.#tries.set(broker, trie)
      for (const filter of rule.filters) trie.add(shapeOf(filter.filter), { index, filter })
    })
    // Hops may add nodes, and those publications.
    for (let at = 0; at < this.publications.length; at++) {
      this.#addHops(this.publications[at]!)
      for (let node = this.publishings.length; node < this.nodes.length; node++)
        this.publishings.push(this.#publishingsOf(node))
    }
    return this.#isCut
  }

  #publishingsOf(node: number): Publishing[] {
    const { rule, arrival } = this.nodes[node]!
    const found: Publishing[] = []
    const add = (list: 'then' | 'resolved') => (action: CompiledAction, index: number) => {
      const written = rule.definition[list][index]
      const { passesOn } = action
      const behind = passesOn === undefined ? null : passesOn.prefix
      const targets = [...action.publishesTo, ...acknowledgementOf(rule, action)].map((target) => ({
        ...target,
        text: target.filter,
      }))
      const [first] = targets
      const all =
        behind === null || arrival === null || first === undefined
          ? targets
          : [{ ...first, filter: behind + levelsOfShape(arrival).join('/') }]
      for (const { broker, filter, text, sent } of all) {
        const payload = sentPayload(sent ?? written ?? { kind: action.kind, spec: null })
        // Only what JSON keeps is known.
        const payloadKey = JSON.stringify([payload.value, payload.open])
        const parsed = parsePlainFilter(filter)
        if (!parsed.ok) continue
        const isPassedOn = passesOn !== undefined
        const key = `${broker}\0${filter}\0${isPassedOn}\0${payloadKey}`
        let publication = this.#publicationByKey.get(key)
        if (publication === undefined) {
          publication = this.publications.length
          this.#publicationByKey.set(key, publication)
          const shape = shapeOf(parsed.value)
          this.publications.push({ broker, text, shape, payload, isPassedOn, from: node, hops: [] })
        }
        found.push({ publication, list, index, kind: action.kind })
      }
    }
    rule.then.forEach(add('then'))
    rule.resolved.forEach(add('resolved'))
    return found
  }

  /** Fills in who listens to the publication. */
  #addHops(publication: Publication): void {
    const hops = new Map<number, { to: number; always: boolean; filters: RuleFilter[] }>()
    const { shape, isPassedOn } = publication
    const asLevels = { levels: levelsOfShape(shape) }
    // Of a topic that is a template from its first to its last level nothing is known that would be worth telling.
    const isAnything = asLevels.levels[0] === '#' && !isPassedOn
    const isWhole = this.#tries.get(publication.broker)?.walk(shape, this.#steps, ({ index, filter }) => {
      if (this.#hopsLeft-- <= 0) return false
      const always = contains(filter.filter, asLevels)
      if (!always && isAnything) return true
      const to = this.#nodeFor(index, filter, publication)
      const hop = hops.get(to)
      if (hop === undefined) hops.set(to, { to, always, filters: [filter] })
      else {
        hop.filters.push(filter)
        hop.always ||= always
      }
      return true
    })
    publication.hops = [...hops.values()]
    if (isWhole === false) this.#isCut = true
  }

  /** The node of a rule to which just those topics of the publication come that the filter takes. */
  #nodeFor(base: number, { filter }: RuleFilter, { shape, from }: Publication): number {
    const { rule } = this.nodes[base]!
    if (!rule.then.some(({ passesOn }) => passesOn !== undefined)) return base
    const arrival = intersection(shape, shapeOf(filter))
    const depth = this.nodes[from]!.depth + 1
    if (arrival === null || depth > arrivalDepth) return base
    const asLevels = { levels: levelsOfShape(arrival) }
    // It is all that the rule listens to, or a part of what came to it on the way here.
    if (rule.filters.every((own) => contains(asLevels, own.filter))) return base
    for (let at: number | null = from; at !== null; at = this.nodes[at]!.parent) {
      const above: Node = this.nodes[at]!
      const isWithin = above.arrival !== null && contains({ levels: levelsOfShape(above.arrival) }, asLevels)
      if (above.rule === rule && isWithin) return at
    }
    const key = `${base}\0${asLevels.levels.join('/')}`
    const known = this.#nodeByKey.get(key)
    if (known !== undefined) return known
    if (this.#arrivalsLeft-- <= 0) {
      this.#isCut = true
      return base
    }
    const node = this.nodes.length
    this.#nodeByKey.set(key, node)
    this.nodes.push({ rule, arrival, parent: from, depth })
    return node
  }
}

/** What the device answers, when the rule would command again with each answer. */
function acknowledgementOf(rule: CompiledRule, { kind, command }: CompiledAction): PublishTarget[] {
  if (command === undefined || rule.definition.when !== undefined) return []
  const { broker, ackFilter } = command
  const listens =
    broker === rule.definition.broker && rule.filters.some(({ filter }) => contains(filter, ackFilter))
  return listens ? [{ broker, filter: ackFilter.text, sent: { kind, spec: null } }] : []
}
