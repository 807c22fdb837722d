/** Tarjan's strongly connected components, without recursion: rule sets can be longer than the stack is deep. */

/** For each node the number of its component; nodes are in one component when each leads to the other. */
export function stronglyConnected(size: number, next: (node: number) => readonly number[]): Int32Array {
  const unseen = -1
  const order = new Int32Array(size).fill(unseen)
  const low = new Int32Array(size)
  const component = new Int32Array(size).fill(unseen)
  const open: number[] = []
  let counter = 0
  let components = 0
  const path: { readonly node: number; readonly targets: readonly number[]; at: number }[] = []
  const enter = (node: number) => {
    order[node] = low[node] = counter++
    open.push(node)
    path.push({ node, targets: next(node), at: 0 })
  }
  for (let start = 0; start < size; start++) {
    if (order[start] !== unseen) continue
    enter(start)
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { node } = top
      const target = top.targets[top.at++]
      if (target !== undefined) {
        if (order[target] === unseen) enter(target)
        else if (component[target] === unseen) low[node] = Math.min(low[node]!, order[target]!)
        continue
      }
      path.pop()
      const above = path.at(-1)
      if (above !== undefined) low[above.node] = Math.min(low[above.node]!, low[node]!)
      if (low[node] !== order[node]) continue
      for (let member = open.pop(); member !== undefined; member = open.pop()) {
        component[member] = components
        if (member === node) break
      }
      components++
    }
  }
  return component
}
