/**
 * Finds rules that feed on what they cause: a rule that listens to what it publishes, or several in a circle. An
 * error where the circle closes for every message; a warning where it depends on what is filled into a topic, or on
 * a state that changes only now and then.
 */
import { problem } from '../problem.ts'
import type { CompiledRule } from '../rules/compiled-rule.ts'
import { quoted } from '../topics/topic-text.ts'
import type { RuleProblem } from './lint-rules.ts'
import { type Hop, type LoopGraph, loopLimits, makeLoopGraph, type Publishing } from './loop-graph.ts'
import { capturesOf } from './refusal.ts'
import { stronglyConnected } from './strongly-connected.ts'

/** A rule publishes, and the next one takes it. */
interface Link {
  readonly from: number
  readonly publishing: Publishing
  readonly hop: Hop
}

/** Rules named in one message at most. */
const namedRulesLimit = 8

export function lintLoops(all: readonly CompiledRule[]): RuleProblem[] {
  const graph = makeLoopGraph(all)
  const { rules } = graph
  const [firstRule] = rules
  const problems: RuleProblem[] = graph.isCut && firstRule !== undefined ? [unchecked(firstRule)] : []
  if (graph.publications.every(({ hops }) => hops.length === 0)) return problems
  const toldWays = new Set<string>()
  const tell = (links: readonly Link[], isCertain: boolean) => {
    // The same rules may be on their way round with different topics.
    const way = links.map(({ from }) => rules[from]!.id).sort()
    const key = JSON.stringify(way)
    if (toldWays.has(key)) return
    toldWays.add(key)
    problems.push(loopProblem(rules, graph, fromFirst(rules, links), isCertain))
  }

  // A rule in its own loop is told by itself. A certain loop comes first: it may be all there is to mend.
  const alone = new Set<number>()
  const hopsTo = graph.publications.map(({ hops }) => new Map(hops.map((hop) => [hop.to, hop])))
  rules.forEach((_, index) => {
    const links = graph.publishings[index]!.flatMap((publishing): Link[] => {
      const hop = hopsTo[publishing.publication]!.get(index)
      return hop === undefined ? [] : [{ from: index, publishing, hop }]
    })
    const certain = links.find(({ hop }) => isCertainHop(rules, hop))
    const link = certain ?? links[0]
    if (link === undefined) return
    alone.add(index)
    tell([link], certain !== undefined)
  })
  const told = new Set<number>()
  for (const isCertain of [true, false]) {
    for (const group of groupsOfRules(rules, graph, isCertain)) {
      if (group.some((index) => told.has(index))) continue
      const links = shortestLoop(rules, graph, group, isCertain)
      if (links.every(({ from }) => alone.has(from))) continue
      for (const index of group) told.add(index)
      tell(links, isCertain)
    }
  }
  return problems
}

/** A rule with a state, or with `throttle`, does not act on every message: it may feed itself, but not without end. */
const actsAlways = (rule: CompiledRule): boolean => rule.kind === 'each' && rule.throttleMs === null

const isCertainHop = (rules: readonly CompiledRule[], { always, to }: Hop): boolean =>
  always && actsAlways(rules[to]!)

/** Groups of two rules or more that all lead to each other. */
function groupsOfRules(rules: readonly CompiledRule[], graph: LoopGraph, onlyCertain: boolean): number[][] {
  const { publishings, publications } = graph
  const components = stronglyConnected(rules.length + publications.length, (node) =>
    node < rules.length
      ? publishings[node]!.map(({ publication }) => rules.length + publication)
      : publications[node - rules.length]!.hops.filter((hop) => !onlyCertain || isCertainHop(rules, hop)).map(
          ({ to }) => to,
        ),
  )
  const groups = new Map<number, number[]>()
  rules.forEach((_, index) => {
    const component = components[index]!
    const group = groups.get(component)
    if (group === undefined) groups.set(component, [index])
    else group.push(index)
  })
  return [...groups.values()].filter((group) => group.length > 1)
}

/** The shortest way from the group's first rule over at least one other back to it. */
function shortestLoop(
  rules: readonly CompiledRule[],
  graph: LoopGraph,
  group: readonly number[],
  onlyCertain: boolean,
): Link[] {
  const start = group[0]!
  const members = new Set(group)
  const cameBy = new Map<number, Link>()
  const donePublications = new Set<number>()
  const queue = [start]
  for (let head = 0; head < queue.length; head++) {
    const from = queue[head]!
    for (const publishing of graph.publishings[from]!) {
      const { publication } = publishing
      if (donePublications.has(publication)) continue
      // The first rule's own publications lead back to it at once; from another rule they must count again.
      if (from !== start) donePublications.add(publication)
      for (const hop of graph.publications[publication]!.hops) {
        if (!members.has(hop.to) || (onlyCertain && !isCertainHop(rules, hop))) continue
        if (hop.to === start) {
          if (from === start) continue
          return [...wayTo(cameBy, from, start), { from, publishing, hop }]
        }
        if (cameBy.has(hop.to)) continue
        cameBy.set(hop.to, { from, publishing, hop })
        queue.push(hop.to)
      }
    }
  }
  throw new Error('rules that lead to each other have no way back')
}

/** The same way round, from the rule that is written first. */
function fromFirst(rules: readonly CompiledRule[], links: readonly Link[]): Link[] {
  const orders = links.map(({ from }) => rules[from]!.order)
  const first = orders.indexOf(Math.min(...orders))
  return [...links.slice(first), ...links.slice(0, first)]
}

function wayTo(cameBy: ReadonlyMap<number, Link>, end: number, start: number): Link[] {
  const way: Link[] = []
  for (let at = end; at !== start; ) {
    const link = cameBy.get(at)
    if (link === undefined) throw new Error('a rule that was reached has no way to it')
    way.push(link)
    at = link.from
  }
  return way.reverse()
}

function loopProblem(
  rules: readonly CompiledRule[],
  graph: LoopGraph,
  links: readonly Link[],
  isCertain: boolean,
): RuleProblem {
  const first = links[0]!
  const rule = rules[first.from]!
  const { list, index, kind } = first.publishing
  const topicOf = (link: Link) => graph.publications[link.publishing.publication]!.text
  const steps = links.map((link) => `${rules[link.from]!.id} → ${topicOf(link)}`)
  const shown = steps.length > namedRulesLimit ? [...steps.slice(0, namedRulesLimit), '…'] : steps
  const path = [...shown, rule.id].join(' → ')
  const source = first.hop.filters[0]!.filter.source
  const isAlways = links.every(({ hop }) => hop.always)
  const message = isCertain
    ? links.length === 1
      ? `The rule "${rule.id}" takes its own messages, without end: ${path}. Its topic ${quoted(source)} matches what it publishes.`
      : `These rules cause each other's messages, without end: ${path}.`
    : isAlways
      ? `${who(rule, links)} back: ${path}. This ends only because ${restraint(rules, links)}.`
      : `${who(rule, links)} back, if ${quoted(topicOf(links.find(({ hop }) => !hop.always)!))} comes to the same topic: ${path}.`
  return {
    order: rule.order,
    problem: problem('rule-loop', [list, index, kind, ...(kind === 'publish' ? ['topic'] : [])], message, {
      help: helpFor(rules, graph, links),
      severity: isCertain ? 'error' : 'warning',
    }),
  }
}

const who = (rule: CompiledRule, links: readonly Link[]): string =>
  links.length === 1
    ? `The rule "${rule.id}" may get its own messages`
    : "These rules may get each other's messages"

function restraint(rules: readonly CompiledRule[], links: readonly Link[]): string {
  const rule = rules[links.find(({ hop }) => !actsAlways(rules[hop.to]!))!.hop.to]!
  return `"${rule.id}" ${rule.throttleMs === null ? 'acts only when its state changes' : 'has a `throttle`'}`
}

/** A capture whose level is fixed in what comes back is the easiest thing to leave out. */
function helpFor(rules: readonly CompiledRule[], graph: LoopGraph, links: readonly Link[]): string {
  for (const { publishing, hop } of links) {
    const rule = rules[hop.to]!
    const values = capturesOf(rule, hop.filters[0]!, graph.publications[publishing.publication]!.shape)
    const at = rule.captureNames.findIndex((name, index) => name !== null && values[index] !== undefined)
    const value = values[at]
    if (value === undefined || !/^[^'\\]+$/.test(value)) continue
    return `Publish to a topic that no rule of the circle listens to, or add \`${rule.captureNames[at]} != '${value}'\` to the \`when\` of "${rule.id}".`
  }
  return links.length === 1
    ? 'Publish to a topic that the rule does not listen to, or narrow the `topic` of the rule.'
    : 'Let one of them publish to a topic that the next does not listen to, or narrow the `topic` of one.'
}

function unchecked(rule: CompiledRule): RuleProblem {
  const { hops, proofs } = loopLimits
  const message = `Not every rule was checked for loops: there are more than ${hops.toLocaleString('en')} ways from rule to rule, or more than ${proofs.toLocaleString('en')} conditions in the way.`
  return {
    order: rule.order,
    problem: problem('rule-loop-unchecked', [], message, {
      help: 'Let rules listen to narrower topics, or publish to topics that fewer rules listen to.',
      severity: 'warning',
    }),
  }
}
