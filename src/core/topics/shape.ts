/** A filter reduced to what it matches, so that two filters with the same meaning are equal. */

/**
 * A topic matches when its levels match `levels` one by one and, if `open`, any number of levels follows. There is
 * always at least one level: `#` is an open `+`, since `+/#` matches the same topics [MQTT-4.7.1-2].
 */
export interface Shape {
  readonly levels: readonly string[]
  readonly open: boolean
}

/** Anything that carries the levels of an MQTT filter, such as a Filter. */
export interface HasLevels {
  readonly levels: readonly string[]
}

export function shapeOf(filter: HasLevels): Shape {
  const { levels } = filter
  if (levels.at(-1) !== '#') return { levels, open: false }
  const fixed = levels.slice(0, -1)
  if (fixed.length === 0) return { levels: ['+'], open: true }
  // The parent that `/#` would match is the empty topic, which does not exist [MQTT-4.7.3-1]: it is `/+/#`.
  if (fixed.length === 1 && fixed[0] === '') return { levels: ['', '+'], open: true }
  return { levels: fixed, open: true }
}

/** The shortest filter of that shape. */
export function levelsOfShape({ levels, open }: Shape): string[] {
  if (!open) return [...levels]
  if (levels.length === 1 && levels[0] === '+') return ['#']
  if (levels.length === 2 && levels[0] === '' && levels[1] === '+') return ['', '#']
  return [...levels, '#']
}

/** A wildcard at the first level does not match topics that begin with $ [MQTT-4.7.2-1]. */
export function isDollarLevel(level: string): boolean {
  return level.startsWith('$')
}
