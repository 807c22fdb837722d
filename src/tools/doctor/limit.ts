/** Every step of the doctor ends: what takes too long is given up. */

export type Limited<T> = { readonly ok: true; readonly value: T } | { readonly ok: false }

/** Not ok when the work takes longer. The work itself goes on; its rejection is passed on while it is waited for. */
export async function withLimit<T>(limitMs: number, work: Promise<T>): Promise<Limited<T>> {
  const { promise: late, resolve } = Promise.withResolvers<Limited<T>>()
  const timer = setTimeout(() => resolve({ ok: false }), limitMs)
  try {
    return await Promise.race([work.then((value) => ({ ok: true, value }) as const), late])
  } finally {
    clearTimeout(timer)
  }
}
