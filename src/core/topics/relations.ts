/**
 * How the sets of topics that two filters match relate to each other, by the rules of MQTT: exact for every pair.
 * (That first-level wildcards do not see Tocsin's own topics is the matcher's rule, and plays no part here.)
 */
import type { Filter } from './filter.ts'
import { type HasLevels, isDollarLevel, levelsOfShape, type Shape, shapeOf } from './shape.ts'

/** Whether `outer` matches every topic that `inner` matches. */
export function contains(outer: HasLevels, inner: HasLevels): boolean {
  const a = shapeOf(outer)
  const b = shapeOf(inner)
  if (a.open ? b.levels.length < a.levels.length : b.open || b.levels.length !== a.levels.length) return false
  return a.levels.every((level, index) => {
    const other = b.levels[index]!
    return level === other || (level === '+' && !(index === 0 && isDollarLevel(other)))
  })
}

/** Whether some topic matches both. */
export function intersects(left: HasLevels, right: HasLevels): boolean {
  return intersectShapes(shapeOf(left), shapeOf(right))
}

export function intersectShapes(a: Shape, b: Shape): boolean {
  if (!a.open && b.levels.length > a.levels.length) return false
  if (!b.open && a.levels.length > b.levels.length) return false
  const shared = Math.min(a.levels.length, b.levels.length)
  for (let index = 0; index < shared; index++) {
    const left = a.levels[index]!
    const right = b.levels[index]!
    if (left === right) continue
    if (left !== '+' && right !== '+') return false
    if (index === 0 && (isDollarLevel(left) || isDollarLevel(right))) return false
  }
  return true
}

/** What matches every topic that both match, and no other; null when there is none. */
export function intersection(a: Shape, b: Shape): Shape | null {
  if (!intersectShapes(a, b)) return null
  const longer = a.levels.length >= b.levels.length ? a : b
  const other = longer === a ? b : a
  const levels = longer.levels.map((level, index) => (level === '+' ? (other.levels[index] ?? level) : level))
  return { levels, open: a.open && b.open }
}

/**
 * The least filter that contains both. Null when there is none: no filter matches topics that begin with $ and
 * also others [MQTT-4.7.2-1].
 */
export function join(left: HasLevels, right: HasLevels): Filter | null {
  const joined = joinShapes(shapeOf(left), shapeOf(right))
  return joined === null ? null : filterOfShape(joined)
}

export function joinShapes(a: Shape, b: Shape): Shape | null {
  const shared = Math.min(a.levels.length, b.levels.length)
  const levels: string[] = []
  for (let index = 0; index < shared; index++) {
    const left = a.levels[index]!
    const right = b.levels[index]!
    if (index === 0 && left !== right && (isDollarLevel(left) || isDollarLevel(right))) return null
    levels.push(left === right ? left : '+')
  }
  return { levels, open: a.open || b.open || a.levels.length !== b.levels.length }
}

/** A plain filter of that shape, in the shortest way to write it. */
function filterOfShape(shape: Shape): Filter {
  const levels = levelsOfShape(shape)
  const text = levels.join('/')
  const captures = levels.flatMap((kind, level) =>
    kind === '+' || kind === '#' ? [{ name: null, level, kind } as const] : [],
  )
  return { text, source: text, levels, captures }
}
