/**
 * Which rules listen to some topic that a publication may go to: a trie of the rules' filters, walked with the
 * publication's filter, wildcards on either side. Exact, and it looks only at branches that both share.
 */
import { ownFirstLevel } from '../topics/matcher.ts'
import { isDollarLevel, type Shape } from '../topics/shape.ts'

interface Node<T> {
  readonly literals: Map<string, Node<T>>
  plus: Node<T> | null
  /** Whose filters end here. */
  readonly ends: T[]
  /** Whose filters end in # below here. */
  readonly opens: T[]
}

const newNode = <T>(): Node<T> => ({ literals: new Map(), plus: null, ends: [], opens: [] })

/** A first level that wildcards do not match: $ by MQTT [MQTT-4.7.2-1], Tocsin's own topics by the matcher. */
export function isHiddenLevel(level: string): boolean {
  return isDollarLevel(level) || level === ownFirstLevel
}

export class ListenerTrie<T> {
  readonly #root = newNode<T>()

  add({ levels, open }: Shape, value: T): void {
    let node = this.#root
    for (const level of levels) {
      let next = level === '+' ? node.plus : node.literals.get(level)
      if (next === null || next === undefined) {
        next = newNode<T>()
        if (level === '+') node.plus = next
        else node.literals.set(level, next)
      }
      node = next
    }
    if (open) node.opens.push(value)
    else node.ends.push(value)
  }

  /** Calls `visit` for each filter that overlaps; false from it ends the walk. `steps.left` bounds the walk. */
  walk({ levels, open }: Shape, steps: { left: number }, visit: (value: T) => boolean): boolean {
    const stack: { readonly node: Node<T>; readonly depth: number }[] = [{ node: this.#root, depth: 0 }]
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      if (steps.left-- <= 0) return false
      const { node, depth } = at
      const isPast = depth >= levels.length
      if (!node.opens.every(visit)) return false
      if (isPast && !node.ends.every(visit)) return false
      if (isPast && !open) continue
      const level = isPast ? '+' : levels[depth]!
      const below = depth + 1
      if (level !== '+') {
        const literal = node.literals.get(level)
        if (literal !== undefined) stack.push({ node: literal, depth: below })
        if (node.plus !== null && !(depth === 0 && isHiddenLevel(level)))
          stack.push({ node: node.plus, depth: below })
        continue
      }
      for (const [literal, child] of node.literals) {
        if (depth > 0 || !isHiddenLevel(literal)) stack.push({ node: child, depth: below })
      }
      if (node.plus !== null) stack.push({ node: node.plus, depth: below })
    }
    return true
  }
}
