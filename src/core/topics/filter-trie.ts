/**
 * A trie of filters by level, and the walk that finds those that match a topic. The walk goes level by level over
 * the set of nodes reached, without recursion. It visits a node at most once and ends at the depth of the deepest
 * filter still in play, so no topic, however many levels it has, costs more than the filters themselves.
 */
import { type HasLevels, isDollarLevel } from './shape.ts'

interface Node {
  /** Most nodes have a single literal below them: a Map for each would cost more memory and time than the rest. */
  onlyLevel: string | null
  onlyChild: Node | null
  /** All literals below, as soon as there are two. */
  literals: Map<string, Node> | null
  plus: Node | null
  /** Numbers of the filters that end at this node. */
  ends: number[] | null
  /** Numbers of the filters that end in # below this node. */
  opens: number[] | null
}

/** The numbers of the filters found, and the topic's levels as far as the walk had to look. */
export interface Found {
  /** Ascending. */
  readonly numbers: number[]
  readonly levels: readonly string[]
  /** Where each level begins in the topic; one more than `levels` when the topic goes on. */
  readonly starts: readonly number[]
}

export class FilterTrie {
  readonly #root = newNode()
  /** A first level that wildcards do not match, beside those that begin with $. */
  readonly #hiddenFirstLevel: string | null

  constructor(hiddenFirstLevel: string | null) {
    this.#hiddenFirstLevel = hiddenFirstLevel
  }

  /** Adds a filter under a number; numbers are given in ascending order. */
  add(filter: HasLevels, number: number): void {
    let node = this.#root
    for (const level of filter.levels) {
      if (level === '#') {
        node.opens ??= []
        node.opens.push(number)
        return
      }
      if (level === '+') {
        node.plus ??= newNode()
        node = node.plus
        continue
      }
      node = literalChild(node, level) ?? addLiteralChild(node, level)
    }
    node.ends ??= []
    node.ends.push(number)
  }

  find(topic: string): Found {
    const numbers: number[] = []
    const levels: string[] = []
    const starts: number[] = [0]
    // Whether a wildcard matches the level at hand: not a first level that begins with $ [MQTT-4.7.2-1].
    let wildcards = !this.#isHidden(topic)
    if (wildcards) append(numbers, this.#root.opens)
    let reached: Node[] = [this.#root]
    for (let start = 0; ; ) {
      const slash = topic.indexOf('/', start)
      const level = slash < 0 ? topic.slice(start) : topic.slice(start, slash)
      levels.push(level)
      const next: Node[] = []
      for (const node of reached) {
        const literal = literalChild(node, level)
        if (literal !== undefined) {
          next.push(literal)
          append(numbers, literal.opens)
        }
        if (wildcards && node.plus !== null) {
          next.push(node.plus)
          append(numbers, node.plus.opens)
        }
      }
      reached = next
      if (slash < 0) break
      start = slash + 1
      starts.push(start)
      if (reached.length === 0) break
      wildcards = true
    }
    if (starts.length === levels.length) for (const node of reached) append(numbers, node.ends)
    if (numbers.length > 1) sortAscending(numbers)
    return { numbers, levels, starts }
  }

  #isHidden(topic: string): boolean {
    if (isDollarLevel(topic)) return true
    const hidden = this.#hiddenFirstLevel
    return (
      hidden !== null &&
      topic.startsWith(hidden) &&
      (topic.length === hidden.length || topic.charAt(hidden.length) === '/')
    )
  }
}

function newNode(): Node {
  return { onlyLevel: null, onlyChild: null, literals: null, plus: null, ends: null, opens: null }
}

function literalChild(node: Node, level: string): Node | undefined {
  if (node.literals !== null) return node.literals.get(level)
  return node.onlyChild !== null && node.onlyLevel === level ? node.onlyChild : undefined
}

function addLiteralChild(node: Node, level: string): Node {
  const child = newNode()
  if (node.literals !== null) {
    node.literals.set(level, child)
  } else if (node.onlyLevel === null || node.onlyChild === null) {
    node.onlyLevel = level
    node.onlyChild = child
  } else {
    node.literals = new Map([
      [node.onlyLevel, node.onlyChild],
      [level, child],
    ])
    node.onlyLevel = null
    node.onlyChild = null
  }
  return child
}

function append(numbers: number[], more: readonly number[] | null): void {
  if (more === null) return
  for (const number of more) numbers.push(number)
}

/** Most results are few and nearly in order; the engine's sort costs more than it saves there. */
function sortAscending(numbers: number[]): void {
  if (numbers.length > 32) {
    numbers.sort((a, b) => a - b)
    return
  }
  for (let index = 1; index < numbers.length; index++) {
    const number = numbers[index]!
    let at = index - 1
    while (at >= 0 && numbers[at]! > number) {
      numbers[at + 1] = numbers[at]!
      at--
    }
    numbers[at + 1] = number
  }
}
