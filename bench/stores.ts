/**
 * What the stores cost: commits per second by batch size, a million slices in memory, and reading them again.
 * Run with `node --expose-gc bench/stores.ts [directory]`; the directory should lie on the disk that matters.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newSlice, type Slice, type Store, type StoreOutcome } from '../src/ports/store.ts'
import { createMemoryStore } from '../src/stores/memory/memory-store.ts'
import { createSqliteStore } from '../src/stores/sqlite/sqlite-store.ts'

const sliceCount = 1_000_000
const fillBatch = 10_000
const secondsPerSize = 3
const nowMs = 1_760_000_000_000

const outboxRow = {
  line: 'broker:default',
  atMs: nowMs,
  effect: {
    kind: 'publish',
    broker: 'default',
    message: { topic: 'sensors/kitchen/alert', payload: new Uint8Array(120).fill(65), qos: 1, retain: false },
  },
} as const

const [first, second] = process.argv.slice(2)
if (first === 'reopen' && second !== undefined) {
  await benchReopen(createSqliteStore(second))
} else {
  const directory = mkdtempSync(join(first ?? tmpdir(), 'tocsin-bench-'))
  try {
    await benchStore('memory', createMemoryStore())
    const path = join(directory, 'bench.db')
    await benchStore('sqlite', createSqliteStore(path))
    console.log(`  file: ${(statSync(path).size / 2 ** 20).toFixed(0)} MiB`)
    // In a process of its own, so that nothing else counts.
    spawnSync(process.execPath, ['--expose-gc', import.meta.filename, 'reopen', path], { stdio: 'inherit' })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

async function benchStore(name: string, store: Store): Promise<void> {
  const before = rssMiB()
  value(await store.open())
  const fillStart = performance.now()
  for (let at = 0; at < sliceCount; at += fillBatch) {
    const put = Array.from({ length: fillBatch }, (_, index) => freshSlice(at + index))
    value(await store.commit({ slices: { put } }))
  }
  console.log(`\n${name}: ${sliceCount.toLocaleString('en')} slices, half of them with a timer`)
  console.log(`  filled in ${seconds(fillStart)} s; takes ${rssMiB() - before} MiB more memory`)
  console.log('  state commits: load, change one timer, one outbox row in ten, over random slices')
  console.log('  batch   commits/s     slices/s   p50 ms   p99 ms')
  for (const size of [1, 10, 100, 1000]) await benchCommits(store, size)
  await benchHousekeeping(store)
  await store.close()
}

async function benchReopen(store: Store): Promise<void> {
  const start = performance.now()
  value(await store.open())
  const elapsed = seconds(start)
  const { user, system } = process.cpuUsage()
  const cpu = ((user + system) / 1e6).toFixed(1)
  const peak = (process.resourceUsage().maxRSS / 1024).toFixed(0)
  console.log(`  read again in ${elapsed} s (${cpu} s of CPU), at most ${peak} MiB`)
  console.log(`  the whole process then takes ${rssMiB()} MiB`)
  await store.close()
}

async function benchCommits(store: Store, size: number): Promise<void> {
  const times: number[] = []
  const start = performance.now()
  let sent: { line: string; seq: number }[] = []
  while (performance.now() - start < secondsPerSize * 1000) {
    const ids = new Set<string>()
    while (ids.size < size) ids.add(sliceId(Math.floor(Math.random() * sliceCount)))
    const commitStart = performance.now()
    const loaded = value(await store.load(ids))
    const put = [...loaded.values()].map((slice) => changed(slice, times.length))
    const add = put.filter((_, index) => index % 10 === 9).map(() => outboxRow)
    const { outboxSeqs } = value(await store.commit({ slices: { put }, outbox: { add, remove: sent } }))
    sent = outboxSeqs.map((seq) => ({ line: outboxRow.line, seq }))
    times.push(performance.now() - commitStart)
  }
  const elapsed = (performance.now() - start) / 1000
  times.sort((a, b) => a - b)
  const row = [
    String(size).padStart(7),
    (times.length / elapsed).toFixed(0).padStart(11),
    ((times.length * size) / elapsed).toFixed(0).padStart(12),
    times[Math.floor(times.length / 2)]!.toFixed(2).padStart(8),
    times[Math.floor(times.length * 0.99)]!.toFixed(2).padStart(8),
  ]
  console.log(row.join(' '))
}

async function benchHousekeeping(store: Store): Promise<void> {
  let start = performance.now()
  let after: string | null = null
  let pages = 0
  for (;;) {
    const page: Slice[] = value(await store.scan('rule/', after, 1000))
    if (page.length === 0) break
    pages += 1
    after = page.at(-1)!.id
  }
  console.log(`  walk of ${pages} pages of 1,000: ${seconds(start)} s`)
  start = performance.now()
  const due = value(await store.due(nowMs * 2, 10_000))
  console.log(
    `  ${due.length.toLocaleString('en')} due timers found in ${(performance.now() - start).toFixed(1)} ms`,
  )
}

function freshSlice(index: number): Slice {
  const data = { phase: 'inactive', heard: nowMs + index, last: true }
  return { id: sliceId(index), data, dueMs: index % 2 === 0 ? nowMs + index : null, version: newSlice }
}

function changed(slice: Slice, round: number): Slice {
  const data = { phase: 'inactive', heard: nowMs + round, last: round % 2 === 0 }
  return { ...slice, data, dueMs: slice.dueMs === null ? null : slice.dueMs + 60_000 }
}

/** About 40 characters, in no order, as fingerprints are. */
function sliceId(index: number): string {
  const spread = (Math.imul(index, 2_654_435_761) >>> 0).toString(16).padStart(8, '0')
  return `rule/high-temperature/${spread}${index.toString(16).padStart(8, '0')}`
}

function rssMiB(): number {
  globalThis.gc?.()
  return Math.round(process.memoryUsage().rss / 2 ** 20)
}

function seconds(startMs: number): string {
  return ((performance.now() - startMs) / 1000).toFixed(1)
}

function value<T>(outcome: StoreOutcome<T>): T {
  if (!outcome.ok) throw new Error(outcome.failure.message)
  return outcome.value
}
