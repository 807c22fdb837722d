/** A child process that commits until it is killed, and prints the number of each commit that returned. */
import { writeSync } from 'node:fs'
import { newSlice } from '../../../src/ports/store.ts'
import { createSqliteStore } from '../../../src/stores/sqlite/sqlite-store.ts'

const [path] = process.argv.slice(2)
const store = createSqliteStore(path!)
const opened = await store.open()
if (!opened.ok) throw new Error(opened.failure.message)

for (let number = 1; ; number += 1) {
  const put = Array.from({ length: 20 }, (_, index) => ({
    id: `${number}/${index}`,
    data: { number, text: 'x'.repeat(300) },
    dueMs: number,
    version: newSlice,
  }))
  const effect = {
    kind: 'publish',
    broker: 'b',
    message: { topic: String(number), payload: new Uint8Array(100), qos: 1, retain: false },
  } as const
  const done = await store.commit({
    slices: { put },
    outbox: { add: [{ line: 'x', atMs: number, effect }] },
    journal: { add: [{ journal: 'audit', subject: 's', atMs: number, data: number }] },
  })
  if (!done.ok) throw new Error(done.failure.message)
  writeSync(1, `${number}\n`)
}
