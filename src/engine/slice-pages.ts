/** Pages of slices that fit a question, from a store that may hold a million that do not. */
import type { Slice, Store, StoreOutcome } from '../ports/store.ts'

export interface SlicePage {
  readonly slices: readonly Slice[]
  /** The id to go on after; null at the end. */
  readonly next: string | null
}

/** Slices looked at for one page at most: then the page ends, however little was found. */
export const examinedLimit = 10_000
const scanPage = 500

/** At most `limit` slices whose id begins with `prefix`, in order of id, after the id `after`. */
export async function slicePage(
  store: Pick<Store, 'scan'>,
  prefix: string,
  { after, limit }: { readonly after: string | null; readonly limit: number },
  fits: (slice: Slice) => boolean,
): Promise<StoreOutcome<SlicePage>> {
  const slices: Slice[] = []
  let last = after
  for (let examined = 0; examined < examinedLimit; examined += scanPage) {
    const page = await store.scan(prefix, last, scanPage)
    if (!page.ok) return page
    for (const slice of page.value) {
      last = slice.id
      if (!fits(slice)) continue
      // One more than asked for tells that there is a next page.
      if (slices.length === limit) return { ok: true, value: { slices, next: slices.at(-1)?.id ?? null } }
      slices.push(slice)
    }
    if (page.value.length < scanPage) return { ok: true, value: { slices, next: null } }
  }
  return { ok: true, value: { slices, next: last } }
}
