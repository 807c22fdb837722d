/** What only a file can suffer: crashes, a full disk, a second program, damage, and programs of other times. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Commit, newSlice, type Slice, type Store } from '../../../src/ports/store.ts'
import { fileState, migrate, migrations } from '../../../src/stores/sqlite/schema.ts'
import { createSqliteStore } from '../../../src/stores/sqlite/sqlite-store.ts'
import { commit, puts, value } from '../naive-store.ts'

let directory: string
let path: string
const opened: Store[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tocsin-sqlite-'))
  path = join(directory, 'tocsin.db')
})

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
  rmSync(directory, { recursive: true, force: true })
})

function storeAt(where: string): Store {
  const store = createSqliteStore(where)
  opened.push(store)
  return store
}

async function openAt(where: string): Promise<Store> {
  const store = storeAt(where)
  value(await store.open())
  return store
}

async function failureAt(where: string) {
  const outcome = await storeAt(where).open()
  if (outcome.ok) throw new Error(`${where} was opened`)
  return outcome.failure
}

describe('a crash', () => {
  it.each([3, 40, 150])(
    'after %i commits leaves every commit that returned, and none by half',
    async (commits) => {
      const child = spawn(process.execPath, [here('commit-forever.ts'), path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let last = 0
      for await (const line of createInterface({ input: child.stdout })) {
        last = Number(line)
        if (last === commits) child.kill('SIGKILL')
      }
      if (child.signalCode === null) await once(child, 'exit')
      expect(child.signalCode).toBe('SIGKILL')
      expect(last).toBeGreaterThanOrEqual(commits)

      const store = await openAt(path)
      const sizes = new Map<number, number>()
      for (let after: string | null = null; ; ) {
        const page: Slice[] = value(await store.scan('', after, 1_000))
        if (page.length === 0) break
        after = page.at(-1)!.id
        for (const { dueMs } of page) sizes.set(dueMs!, (sizes.get(dueMs!) ?? 0) + 1)
      }
      // One more may have been done when the process died before it could say so.
      expect([last, last + 1]).toContain(sizes.size)
      expect(new Set(sizes.values())).toEqual(new Set([20]))
      expect(value(await store.outboxSizes()).get('x')).toBe(sizes.size)
      expect(value(await store.journalCounts('audit')).kept).toBe(sizes.size)
    },
  )
})

describe('a full disk', () => {
  it('fails the commit, changes nothing, and once there is room all goes on', async (context) => {
    const disk = join(directory, 'disk')
    mkdirSync(disk)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk])
    if (mounted.status !== 0) context.skip('a small disk can only be mounted by root')
    const store = createSqliteStore(join(disk, 'tocsin.db'))
    try {
      const ballast = join(disk, 'ballast')
      writeFileSync(ballast, Buffer.alloc(300_000))
      value(await store.open())
      let done = 0
      const full = await fillUp(store, () => {
        done += 1
      })
      expect(full).toMatchObject({ reason: 'full', help: expect.stringContaining('Free some space') })
      expect(done).toBeGreaterThan(5)
      const kept = await everything(store)
      expect(kept.slices).toHaveLength(done)
      expect(kept.outbox).toBe(done)
      // It stays full, and nothing changes by trying again.
      expect(await store.commit(bulky(done))).toMatchObject({ ok: false, failure: { reason: 'full' } })
      expect(await everything(store)).toEqual(kept)

      rmSync(ballast)
      await commit(store, bulky(done))
      await store.close()
      value(await store.open())
      const after = await everything(store)
      expect(after.slices).toHaveLength(done + 1)
      expect(after.outbox).toBe(done + 1)
    } finally {
      await store.close()
      spawnSync('umount', [disk])
    }
  })

  it('says so when there is no room even for a new file', async (context) => {
    const disk = join(directory, 'disk')
    mkdirSync(disk)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk])
    if (mounted.status !== 0) context.skip('a small disk can only be mounted by root')
    try {
      writeFileSync(join(disk, 'ballast'), Buffer.alloc(65_536))
      expect((await failureAt(join(disk, 'tocsin.db'))).reason).toBe('full')
    } finally {
      spawnSync('umount', [disk])
    }
  })

  function bulky(number: number): Commit {
    const effect = {
      kind: 'publish',
      broker: 'b',
      message: { topic: 't', payload: new Uint8Array(10), qos: 1, retain: false },
    } as const
    return {
      slices: { put: [{ id: `s/${number}`, data: 'x'.repeat(9_000), dueMs: number, version: newSlice }] },
      outbox: { add: [{ line: 'x', atMs: 1, effect }] },
    }
  }

  async function fillUp(store: Store, whenDone: () => void) {
    for (let number = 0; number < 1_000; number += 1) {
      const outcome = await store.commit(bulky(number))
      if (!outcome.ok) return outcome.failure
      whenDone()
    }
    throw new Error('The disk never filled up')
  }

  async function everything(store: Store) {
    return {
      slices: value(await store.scan('', null, 1_000)).map(({ id, version }) => [id, version]),
      due: value(await store.due(1_000_000, 1_000)),
      outbox: value(await store.outbox('x', 0, 1_000)).length,
      sizes: value(await store.outboxSizes()),
    }
  }
})

describe('a second program', () => {
  it('is told that the file is in use, and the first one goes on', async () => {
    const first = await openAt(path)
    expect(await failureAt(path)).toMatchObject({
      reason: 'locked',
      message: expect.stringContaining(path),
      help: expect.stringContaining('settings.storage'),
    })
    await commit(first, { slices: puts({ id: 'a', data: 1, dueMs: null }) })
    await first.close()
    const next = await openAt(path)
    expect(value(await next.load(['a'])).size).toBe(1)
  })

  it('is told so in another process too', async () => {
    const child = spawn(process.execPath, [here('commit-forever.ts'), path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    expect((await failureAt(path)).reason).toBe('locked')
    child.kill('SIGKILL')
    await once(child, 'exit')
    await openAt(path)
  })
})

describe('the file', () => {
  it('is made with its directory, for its owner only', async () => {
    const deep = join(directory, 'data/more/tocsin.db')
    const store = await openAt(deep)
    await commit(store, { slices: puts({ id: 'a', data: 1, dueMs: null }) })
    for (const name of [deep, `${deep}-wal`]) expect(statSync(name).mode & 0o777).toBe(0o600)
    expect(statSync(join(directory, 'data')).mode & 0o777).toBe(0o700)
    expect(existsSync(`${deep}-shm`)).toBe(false)
  })

  it('that cannot be there is refused in words', async () => {
    writeFileSync(join(directory, 'file'), '')
    mkdirSync(join(directory, 'folder'))
    expect(await failureAt(join(directory, 'file/x.db'))).toMatchObject({
      reason: 'path',
      message: expect.stringContaining('is a file, not a directory'),
    })
    expect(await failureAt(join(directory, 'folder'))).toMatchObject({
      reason: 'path',
      message: expect.stringContaining('is a directory'),
    })
    expect(await failureAt('/proc/tocsin.db')).toMatchObject({ reason: 'path' })
  })

  it('is left as it is when it is no database', async () => {
    const text = 'the household accounts of 1987\n'.repeat(200)
    writeFileSync(path, text)
    expect(await failureAt(path)).toMatchObject({ reason: 'corrupt', help: expect.stringContaining('copy') })
    expect(readFileSync(path, 'utf8')).toBe(text)
  })

  it('is left as it is when it belongs to another program', async () => {
    const other = new DatabaseSync(path)
    other.exec('create table photos (name)')
    other.close()
    const before = readFileSync(path)
    expect(await failureAt(path)).toMatchObject({
      reason: 'path',
      message: expect.stringContaining('another program'),
    })
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  it('that is damaged is told, never repaired or deleted', async () => {
    const store = await openAt(path)
    const many = Array.from({ length: 500 }, (_, index) => ({
      id: `s/${index}`,
      data: 'x'.repeat(200),
      dueMs: null,
    }))
    await commit(store, { slices: puts(...many) })
    await store.close()
    truncateSync(path, 40_000)
    expect((await failureAt(path)).reason).toBe('corrupt')
    expect(statSync(path).size).toBe(40_000)
  })

  it('with a row that is no JSON is told, with the name of the row', async () => {
    await (await openAt(path)).close()
    const db = new DatabaseSync(path)
    db.exec(`insert into slice values (1, 'rule/x/1', '{"a":', null)`)
    db.close()
    expect(await failureAt(path)).toMatchObject({
      reason: 'corrupt',
      message: expect.stringContaining('rule/x/1'),
    })
  })
})

describe('layouts', () => {
  it('of the first release are still read', async () => {
    const db = new DatabaseSync(path)
    db.exec(readFileSync(here('layout-1.sql'), 'utf8'))
    db.close()
    const store = await openAt(path)
    const loaded = value(await store.load(['rule/a/1', 'join/b/2']))
    expect(loaded.get('rule/a/1')?.data).toEqual({ phase: 'firing' })
    expect(loaded.get('join/b/2')?.data).toEqual(new Uint8Array([0, 255]))
    expect(value(await store.due(1_760_000_000_000, 5))).toEqual(['rule/a/1'])
    expect(value(await store.outbox('broker:default', 0, 5))).toMatchObject([
      { seq: 41, atMs: 5, effect: { message: { payload: new Uint8Array([104, 105]) } } },
    ])
    expect(value(await store.journal('dead-letter', { limit: 5 }))).toMatchObject([{ seq: 3, data: 'why' }])
    expect(value(await store.journal('audit', { limit: 5, subject: 'alert/a/1' }))).toHaveLength(1)
    expect(value(await store.journalCounts('dead-letter'))).toEqual({ kept: 1, dropped: 7 })
    await store.close()
    const after = new DatabaseSync(path)
    expect(fileState(after)).toEqual({ kind: 'ours', version: migrations.length })
    after.close()
  })

  it('of a newer program are refused and left alone', async () => {
    await (await openAt(path)).close()
    const db = new DatabaseSync(path)
    db.exec(`pragma user_version = ${migrations.length + 1}`)
    db.close()
    expect(await failureAt(path)).toMatchObject({
      reason: 'version',
      message: expect.stringContaining('newer Tocsin'),
    })
  })

  it('take each missing step once, whole or not at all', () => {
    const db = new DatabaseSync(':memory:')
    migrate(db, 0, ['create table a (x)'])
    expect(fileState(db)).toEqual({ kind: 'ours', version: 1 })
    const broken = ['create table a (x)', 'create table b (x)', 'create table c (x); create table a (x)']
    expect(() => migrate(db, 1, broken)).toThrow('already exists')
    expect(fileState(db)).toEqual({ kind: 'ours', version: 2 })
    migrate(db, 2, [...broken.slice(0, 2), 'create table c (x)'])
    expect(fileState(db)).toEqual({ kind: 'ours', version: 3 })
    db.close()
  })
})

it('opens without a warning on the terminal', () => {
  const program = `
    const { createSqliteStore } = await import(${JSON.stringify(new URL('../../../src/stores/sqlite/sqlite-store.ts', import.meta.url).href)})
    const store = createSqliteStore(${JSON.stringify(path)})
    console.log((await store.open()).ok)`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  })
  expect(stdout).toBe('true\n')
  expect(stderr).toBe('')
})

function here(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url))
}
