/**
 * Finds containment and overlap within large sets of filters without comparing every pair. Filters are grouped by
 * pattern: where their wildcards stand, how long they are, whether they end in #. Two patterns say at which levels
 * the filters of both have literals; two of their filters overlap exactly if they agree there, which a hash of those
 * levels finds. The cost is the number of filters times the number of patterns, and people use few patterns.
 */
import { intersectShapes } from './relations.ts'
import { isDollarLevel, type Shape } from './shape.ts'

export interface WantedShape {
  readonly shape: Shape
  readonly qos: 0 | 1
}

interface Group<T> {
  /** Has one of three levels only: `+`, `$` for a first level that begins with $, and `.` for all other text. */
  readonly pattern: Shape
  /** The levels that are literals, ascending. */
  readonly literalLevels: readonly number[]
  readonly members: T[]
}

/**
 * Drops duplicates and what another filter contains, in the order given. One that is dropped raises the QoS of one
 * that contains it, if it needs to.
 */
export function withoutContained(wanted: readonly WantedShape[]): WantedShape[] {
  // A container has no more literals, is no longer, and is open if equally long: it comes before what it contains.
  const groups = groupByPattern(wanted.map((entry, order) => ({ ...entry, order }))).sort(
    (a, b) =>
      a.literalLevels.length - b.literalLevels.length ||
      a.pattern.levels.length - b.pattern.levels.length ||
      Number(b.pattern.open) - Number(a.pattern.open),
  )
  type Kept = { readonly shape: Shape; qos: 0 | 1; readonly order: number }
  const done: { readonly group: Group<Kept>; readonly byLiterals: Map<string, Kept> }[] = []
  for (const group of groups) {
    const containers = done.filter(({ group: outer }) => patternContains(outer, group))
    const byLiterals = new Map<string, Kept>()
    for (const entry of group.members) {
      let container = byLiterals.get(project(entry.shape, group.literalLevels))
      for (const outer of containers) {
        if (container !== undefined) break
        container = outer.byLiterals.get(project(entry.shape, outer.group.literalLevels))
      }
      if (container === undefined) byLiterals.set(project(entry.shape, group.literalLevels), { ...entry })
      else if (entry.qos > container.qos) container.qos = entry.qos
    }
    if (byLiterals.size > 0) done.push({ group, byLiterals })
  }
  return done
    .flatMap(({ byLiterals }) => [...byLiterals.values()])
    .sort((a, b) => a.order - b.order)
    .map(({ shape, qos }) => ({ shape, qos }))
}

/** Parts filters into clusters: two are in one if they overlap, or a chain of overlaps links them. In order. */
export function overlapClusters<T extends WantedShape>(wanted: readonly T[]): T[][] {
  const parents = wanted.map((_, index) => index)
  const rootOf = (index: number): number => {
    let at = index
    while (parents[at] !== at) {
      parents[at] = parents[parents[at]!]!
      at = parents[at]!
    }
    return at
  }
  const unite = (a: number, b: number) => {
    const left = rootOf(a)
    const right = rootOf(b)
    parents[Math.max(left, right)] = Math.min(left, right)
  }

  const groups = groupByPattern(wanted.map(({ shape }, index) => ({ shape, index })))
  for (const [at, left] of groups.entries()) {
    for (const right of groups.slice(at)) {
      if (!intersectShapes(left.pattern, right.pattern)) continue
      const shared = left.literalLevels.filter((level) => isLiteral(right, level))
      const buckets = new Map<string, number[]>()
      for (const { shape, index } of left.members) {
        const key = project(shape, shared)
        const bucket = buckets.get(key)
        if (bucket === undefined) buckets.set(key, [index])
        else bucket.push(index)
      }
      for (const { shape, index } of right.members) {
        const bucket = buckets.get(project(shape, shared))
        if (bucket === undefined) continue
        // All of the bucket overlap this one; once united, its first member stands for them.
        for (const other of bucket) unite(other, index)
        bucket.length = 1
      }
    }
  }

  const clusters = new Map<number, T[]>()
  for (const [index, entry] of wanted.entries()) {
    const root = rootOf(index)
    const cluster = clusters.get(root)
    if (cluster === undefined) clusters.set(root, [entry])
    else cluster.push(entry)
  }
  return [...clusters.values()]
}

function groupByPattern<T extends { readonly shape: Shape }>(entries: readonly T[]): Group<T>[] {
  const groups = new Map<string, Group<T>>()
  for (const entry of entries) {
    const levels = entry.shape.levels.map(levelKind)
    const { open } = entry.shape
    const key = levels.join('') + (open ? '#' : '')
    const group = groups.get(key)
    if (group !== undefined) {
      group.members.push(entry)
      continue
    }
    const literalLevels = levels.flatMap((level, index) => (level === '+' ? [] : [index]))
    groups.set(key, { pattern: { levels, open }, literalLevels, members: [entry] })
  }
  return [...groups.values()]
}

/** $ at the first level is a kind of its own, since + does not match it [MQTT-4.7.2-1]. */
function levelKind(level: string, index: number): string {
  if (level === '+') return '+'
  return index === 0 && isDollarLevel(level) ? '$' : '.'
}

/** Whether a filter of the inner pattern lies within each filter of the outer one that shares its literals. */
function patternContains(outer: Group<unknown>, inner: Group<unknown>): boolean {
  const [a, b] = [outer.pattern, inner.pattern]
  return (
    (a.open ? a.levels.length <= b.levels.length : !b.open) &&
    intersectShapes(a, b) &&
    outer.literalLevels.every((level) => isLiteral(inner, level))
  )
}

function isLiteral({ pattern }: Group<unknown>, level: number): boolean {
  return level < pattern.levels.length && pattern.levels[level] !== '+'
}

/** The literals at some levels as one text; levels contain no slash, so different literals give different texts. */
function project({ levels }: Shape, at: readonly number[]): string {
  return at.map((level) => levels[level]).join('/')
}
