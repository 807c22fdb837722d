/**
 * State is kept in slices: small pieces of plain data under an id, each with the moment of its next timer.
 * Events name the slices they need; a step reads them through a draft and says which ones change.
 */

export interface Slice {
  readonly id: string
  /** Plain data (JSON values and Uint8Array), never changed in place: a change replaces it whole. */
  readonly data: unknown
  /** When its next timer is due, ms on the engine's steady clock; null for never. */
  readonly dueMs: number | null
}

export type SliceReader = (id: string) => Slice | undefined

/** What a step has changed so far, over what was loaded. Later reads see earlier writes. */
export class Draft {
  readonly #read: SliceReader
  readonly #changes = new Map<string, Slice | null>()
  /** What each write since the latest mark replaced, to take it back. */
  #undo: { id: string; before: Slice | null | undefined }[] = []
  #writes = 0

  constructor(read: SliceReader) {
    this.#read = read
  }

  read(id: string): Slice | undefined {
    const changed = this.#changes.get(id)
    if (changed !== undefined) return changed ?? undefined
    return this.#read(id)
  }

  write(id: string, data: unknown, dueMs: number | null = null): void {
    this.#set(id, { id, data, dueMs })
  }

  remove(id: string): void {
    this.#set(id, null)
  }

  /** From here on writes can be taken back. Ends an earlier mark. */
  mark(): void {
    if (this.#undo.length > 0) this.#undo = []
  }

  /** Takes back what was written since the mark. */
  rollback(): void {
    this.#writes -= this.#undo.length
    for (const { id, before } of this.#undo.reverse()) {
      if (before === undefined) this.#changes.delete(id)
      else this.#changes.set(id, before)
    }
    this.#undo = []
  }

  #set(id: string, slice: Slice | null): void {
    this.#writes++
    this.#undo.push({ id, before: this.#changes.get(id) })
    this.#changes.set(id, slice)
  }

  /** How many writes there were: unchanged, a step has changed nothing. */
  get writes(): number {
    return this.#writes
  }

  /** Slice id → what it is now, or null when it is gone. */
  get changes(): ReadonlyMap<string, Slice | null> {
    return this.#changes
  }
}

/** Joins id parts so that no part can pretend to be two. */
export function sliceId(...parts: readonly string[]): string {
  return parts.map(encodePart).join('/')
}

/** The id made of an id and more parts. */
export function extendSliceId(id: string, parts: readonly string[]): string {
  let extended = id
  for (const part of parts) extended += `/${encodePart(part)}`
  return extended
}

/** Counts the keys of a rule, for its bound. */
export function keyCountSliceId(ruleId: string): string {
  return sliceId('keys', ruleId)
}

/** The parts that an id was made of. */
export function sliceIdParts(id: string): string[] {
  const parts = id.split('/')
  return id.includes('%') ? parts.map((part) => part.replaceAll('%2F', '/').replaceAll('%25', '%')) : parts
}

function encodePart(part: string): string {
  return part.includes('/') || part.includes('%') ? part.replaceAll('%', '%25').replaceAll('/', '%2F') : part
}
