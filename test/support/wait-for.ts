/** Waiting in tests for what real parts do: by event, always with a limit, never by a fixed sleep. */

/** The promise's value, or an error in the given words once `limitMs` have passed. */
export async function within<T>(limitMs: number, words: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${limitMs} ms for ${words}`)), limitMs)
  })
  try {
    return await Promise.race([promise, limit])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * For what sends no event: looks every few milliseconds until `look` returns something other than undefined,
 * null or false, and returns that.
 */
export async function waitFor<T>(
  words: string,
  look: () => T | Promise<T>,
  limitMs = 20_000,
): Promise<Exclude<T, undefined | null | false>> {
  const endAt = performance.now() + limitMs
  for (;;) {
    const seen = await look()
    if (seen !== undefined && seen !== null && seen !== false)
      return seen as Exclude<T, undefined | null | false>
    if (performance.now() > endAt) throw new Error(`waited ${limitMs} ms for ${words}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Collects what comes; `until` resolves as soon as the condition holds for all that came so far. */
export class Inbox<T> {
  readonly items: T[] = []
  readonly #waiting = new Set<() => void>()

  put(...items: readonly T[]): void {
    for (const item of items) this.items.push(item)
    for (const look of [...this.#waiting]) look()
  }

  until(words: string, condition: (items: readonly T[]) => boolean, limitMs = 20_000): Promise<readonly T[]> {
    let look = () => {}
    const met = new Promise<readonly T[]>((resolve) => {
      look = () => {
        if (condition(this.items)) resolve(this.items)
      }
      this.#waiting.add(look)
      look()
    })
    return within(limitMs, `${words}; so far ${this.items.length} came`, met).finally(() =>
      this.#waiting.delete(look),
    )
  }

  /** The first item, old or new, that fits. */
  async first(words: string, fits: (item: T) => boolean, limitMs = 20_000): Promise<T> {
    await this.until(words, (items) => items.some(fits), limitMs)
    return this.items.find(fits)!
  }

  count(count: number, limitMs = 20_000): Promise<readonly T[]> {
    return this.until(`${count} items`, (items) => items.length >= count, limitMs)
  }

  clear(): void {
    this.items.length = 0
  }
}
