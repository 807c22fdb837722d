/** The simulation over SQLite on a real disk: a crash leaves the files as they were at that moment. */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Store } from '../../src/ports/store.ts'
import { createStore } from '../../src/stores/index.ts'
import { replay } from './replay.ts'

const seeds = Array.from({ length: 24 }, (_, index) => 5_000 + index)

/** Each process finds a copy of what the one before had on the disk when it died, as after a kill. */
async function disk() {
  const folder = mkdtempSync(path.join(tmpdir(), 'tocsin-sim-'))
  const file = (run: number) => path.join(folder, `${run}.db`)
  let runs = 0
  let store: Store = createStore(file(runs))
  return {
    store,
    reopen: async () => {
      for (const ending of ['', '-wal']) {
        const from = file(runs) + ending
        if (existsSync(from)) copyFileSync(from, file(runs + 1) + ending)
      }
      await store.close()
      store = createStore(file(++runs))
      const opened = await store.open()
      if (!opened.ok) throw new Error(opened.failure.message)
      return store
    },
    close: async () => {
      await store.close()
      rmSync(folder, { recursive: true })
    },
  }
}

test('nothing is lost on a real disk', { timeout: 120_000 }, async () => {
  for (const seed of seeds) {
    const story = await replay(seed, { disk })
    if (story !== null) expect.fail(story)
  }
})
