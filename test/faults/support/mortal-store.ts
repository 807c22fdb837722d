/** A store as one process sees it: once that has died, nothing it still asks for happens, or is ever answered. */
import type { Commit, JournalName, Store } from '../../../src/ports/store.ts'

export class MortalStore implements Store {
  readonly #store: Store
  #isDead = false

  constructor(store: Store) {
    this.#store = store
  }

  die(): void {
    this.#isDead = true
  }

  get durable() {
    return this.#store.durable
  }

  open() {
    return this.#asked(() => this.#store.open())
  }

  /** What others will open again stays as it is. */
  async close() {}

  load(ids: Iterable<string>) {
    return this.#asked(() => this.#store.load(ids))
  }

  scan(prefix: string, after: string | null, limit: number) {
    return this.#asked(() => this.#store.scan(prefix, after, limit))
  }

  due(nowMs: number, limit: number) {
    return this.#asked(() => this.#store.due(nowMs, limit))
  }

  nextDueMs() {
    return this.#asked(() => this.#store.nextDueMs())
  }

  commit(commit: Commit) {
    return this.#asked(() => this.#store.commit(commit))
  }

  outbox(line: string, afterSeq: number, limit: number) {
    return this.#asked(() => this.#store.outbox(line, afterSeq, limit))
  }

  outboxSizes() {
    return this.#asked(() => this.#store.outboxSizes())
  }

  journal(journal: JournalName, page: Parameters<Store['journal']>[1]) {
    return this.#asked(() => this.#store.journal(journal, page))
  }

  journalCounts(journal: JournalName) {
    return this.#asked(() => this.#store.journalCounts(journal))
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#isDead) return new Promise<never>(() => {})
    const answer = await ask()
    return this.#isDead ? new Promise<never>(() => {}) : answer
  }
}
