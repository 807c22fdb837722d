/** What every store promises. A new store is one more line in `kinds`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Effect } from '../../src/core/effect.ts'
import {
  type Commit,
  type JournalEntry,
  type JournalName,
  newSlice,
  type OutboxRow,
  type Slice,
  type Store,
} from '../../src/ports/store.ts'
import type { JournalLimits } from '../../src/stores/journal-limits.ts'
import { createMemoryStore } from '../../src/stores/memory/memory-store.ts'
import { createSqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { commit, NaiveStore, puts, removes, value } from '../stores/naive-store.ts'

type Make = (directory: string, journalLimits: JournalLimits) => Store

const kinds: Record<string, Make> = {
  memory: (_, journalLimits) => createMemoryStore({ journalLimits }),
  sqlite: (directory, journalLimits) => createSqliteStore(join(directory, 'tocsin.db'), { journalLimits }),
}

const journalLimits: JournalLimits = {
  'dead-letter': { entries: 5, ageMs: 1_000_000 },
  audit: { entries: 8, ageMs: 1_000 },
  inbox: { entries: 3, ageMs: 1_000_000 },
}

describe.each(Object.entries(kinds))('the %s store', (_, make) => {
  let directory: string
  let store: Store

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tocsin-store-'))
    store = make(directory, journalLimits)
    value(await store.open())
  })

  afterEach(async () => {
    await store.close()
    rmSync(directory, { recursive: true })
  })

  describe('slices', () => {
    it('gives back what was put, and nothing for what was not', async () => {
      await commit(store, {
        slices: puts({ id: 'rule/a/1', data: { phase: 'firing', seen: [1, null] }, dueMs: 50 }),
      })
      const loaded = value(await store.load(['rule/a/1', 'rule/a/2']))
      expect([...loaded.keys()]).toEqual(['rule/a/1'])
      expect(loaded.get('rule/a/1')).toMatchObject({ data: { phase: 'firing', seen: [1, null] }, dueMs: 50 })
    })

    it('replaces whole', async () => {
      await commit(store, { slices: puts({ id: 'a', data: { old: 1 }, dueMs: null }) })
      const old = value(await store.load(['a'])).get('a')!
      await commit(store, { slices: { put: [{ ...old, data: { fresh: 2 } }] } })
      expect(value(await store.load(['a'])).get('a')?.data).toEqual({ fresh: 2 })
      expect(old.data).toEqual({ old: 1 })
    })

    it('removes, with the timer', async () => {
      await commit(store, { slices: puts({ id: 'a', data: 1, dueMs: 5 }) })
      await commit(store, { slices: await removes(store, 'a') })
      expect(value(await store.load(['a'])).size).toBe(0)
      expect(value(await store.nextDueMs())).toBeNull()
      expect(value(await store.scan('', null, 10))).toEqual([])
    })

    it('keeps every kind of plain data, byte arrays and hostile names too', async () => {
      const data = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": "x", "": [], "lone": "\\ud800"}')
      data.bytes = { deep: [new Uint8Array([0, 255]), new Uint8Array()] }
      data.numbers = [0.1, -1e300, 2 ** 53, 5e-324]
      data.text = 'NUL \0, tilde ~, 🔔'
      await commit(store, {
        slices: puts({ id: 'a', data, dueMs: null }, { id: 'b', data: '~', dueMs: null }),
      })
      await reopen()
      const loaded = value(await store.load(['a', 'b']))
      expect(loaded.get('a')?.data).toStrictEqual(data)
      expect(loaded.get('b')?.data).toBe('~')
      expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    })

    it('tells ids apart that no file could hold as they are', async () => {
      const ids = ['k/\ud800', 'k/\udc00', 'k/\ufffd', 'k/\0', 'k/', '"k/"', '"', '~']
      await commit(store, { slices: puts(...ids.map((id) => ({ id, data: id.length, dueMs: null }))) })
      await commit(store, {
        outbox: { add: ids.map((id) => row(id, 't')) },
        journal: { add: ids.slice(0, 2).map((id) => entry('dead-letter', id, 1, id.length)) },
      })
      await reopen()
      expect([...value(await store.load(ids)).keys()]).toEqual(ids)
      expect([...value(await store.outboxSizes()).keys()].toSorted()).toEqual(ids.toSorted())
      expect(value(await store.outbox(ids[0]!, 0, 9))).toMatchObject([{ line: ids[0] }])
      expect(value(await store.journal('dead-letter', { limit: 9, subject: ids[1]! }))).toMatchObject([
        { subject: ids[1] },
      ])
    })

    it('walks a prefix page by page in order of id', async () => {
      const ids = ['alert/2', 'rule/b', 'rule/a', 'rule/c', 'rule', 'rulf', 'rule/ä']
      await commit(store, { slices: puts(...ids.map((id) => ({ id, data: id, dueMs: null }))) })
      const pages: string[][] = []
      for (let after: string | null = null; ; ) {
        const page: string[] = value(await store.scan('rule/', after, 3)).map(({ id }) => id)
        if (page.length === 0) break
        pages.push(page)
        after = page.at(-1)!
      }
      expect(pages).toEqual([['rule/a', 'rule/b', 'rule/c'], ['rule/ä']])
      expect(value(await store.scan('rule/', 'zzz', 3))).toEqual([])
      expect(value(await store.scan('', null, 100))).toHaveLength(7)
    })

    it('keeps a walk stable while slices come, change and go between pages', async () => {
      const ids = Array.from({ length: 2_000 }, (_, index) => `k/${String(index).padStart(4, '0')}`)
      await commit(store, { slices: puts(...ids.map((id) => ({ id, data: 0, dueMs: null }))) })
      const seen: string[] = []
      for (let after: string | null = null, round = 0; ; round += 1) {
        const page: Slice[] = value(await store.scan('k/', after, 150))
        if (page.length === 0) break
        seen.push(...page.map(({ id }) => id))
        after = page.at(-1)!.id
        // The slice where the page ended goes, one before it comes, one after it changes.
        const rest = value(await store.scan('k/', after, 1))
        await commit(store, {
          slices: {
            remove: [page.at(-1)!],
            put: [{ id: `k/!${round}`, data: 1, dueMs: null, version: newSlice }, ...rest],
          },
        })
      }
      expect(seen).toEqual(ids)
    })

    it('refuses a commit made from an older version', async () => {
      await commit(store, { slices: puts({ id: 'a', data: 1, dueMs: null }) })
      const old = value(await store.load(['a'])).get('a')!
      await commit(store, { slices: { put: [{ ...old, data: 2 }] } })
      for (const slices of [
        { put: [{ ...old, data: 3 }] },
        { remove: [old] },
        puts({ id: 'a', data: 3, dueMs: null }),
      ]) {
        expect(await store.commit({ slices })).toMatchObject({ ok: false, failure: { reason: 'conflict' } })
      }
      await commit(store, { slices: await removes(store, 'a') })
      await commit(store, { slices: puts({ id: 'a', data: 4, dueMs: null }) })
      expect(await store.commit({ slices: { put: [old] } })).toMatchObject({ ok: false })
      expect(value(await store.load(['a'])).get('a')?.data).toBe(4)
    })
  })

  describe('timers', () => {
    it('come due by time, then by id', async () => {
      const slices = [
        { id: 'c', data: 0, dueMs: 20 },
        { id: 'b', data: 0, dueMs: 10 },
        { id: 'z', data: 0, dueMs: null },
        { id: 'a', data: 0, dueMs: 20 },
        { id: 'd', data: 0, dueMs: 21 },
        { id: 'e', data: 0, dueMs: -5 },
      ]
      await commit(store, { slices: puts(...slices) })
      expect(value(await store.due(20, 10))).toEqual(['e', 'b', 'a', 'c'])
      expect(value(await store.due(20, 2))).toEqual(['e', 'b'])
      expect(value(await store.due(-6, 10))).toEqual([])
      expect(value(await store.nextDueMs())).toBe(-5)
    })

    it('follow their slice when it is replaced', async () => {
      await commit(store, { slices: puts({ id: 'a', data: 0, dueMs: 10 }, { id: 'b', data: 0, dueMs: 15 }) })
      for (const [dueMs, next, due] of [
        [30, 15, ['b', 'a']],
        [5, 5, ['a', 'b']],
        [null, 15, ['b']],
        [15, 15, ['a', 'b']],
      ] as const) {
        const slice = value(await store.load(['a'])).get('a')!
        await commit(store, { slices: { put: [{ ...slice, dueMs }] } })
        expect(value(await store.nextDueMs())).toBe(next)
        expect(value(await store.due(100, 10))).toEqual(due)
      }
    })
  })

  describe('the outbox', () => {
    it('is first in, first out on every line', async () => {
      const first = await commit(store, { outbox: { add: [row('x', 'x1'), row('y', 'y1'), row('x', 'x2')] } })
      await commit(store, { outbox: { add: [row('x', 'x3')] } })
      expect(await topics('x', 0, 10)).toEqual(['x1', 'x2', 'x3'])
      expect(await topics('x', first.outboxSeqs[0]!, 1)).toEqual(['x2'])
      expect(await topics('y', 0, 10)).toEqual(['y1'])
      expect(value(await store.outboxSizes())).toEqual(
        new Map([
          ['x', 3],
          ['y', 1],
        ]),
      )
      expect(first.outboxSeqs).toHaveLength(3)
    })

    it('forgets what was delivered, once, and never gives its number again', async () => {
      const { outboxSeqs } = await commit(store, { outbox: { add: [row('x', '1'), row('x', '2')] } })
      const remove = outboxSeqs.map((seq) => ({ line: 'x', seq }))
      await commit(store, { outbox: { remove: [remove[0]!, remove[0]!] } })
      expect(await topics('x', 0, 10)).toEqual(['2'])
      expect(value(await store.outboxSizes()).get('x')).toBe(1)
      await commit(store, { outbox: { remove } })
      expect(value(await store.outboxSizes()).size).toBe(0)
      await reopen()
      const later = await commit(store, { outbox: { add: [row('x', '3')] } })
      expect(later.outboxSeqs[0]).toBeGreaterThan(outboxSeqs[1]!)
    })

    it('gives effects back exactly', async () => {
      const added: Omit<OutboxRow, 'seq'> = {
        line: 'x',
        atMs: 7,
        effect: {
          kind: 'publish',
          broker: 'default',
          message: {
            topic: 'a/ü',
            payload: new Uint8Array([1, 0, 254]),
            qos: 1,
            retain: true,
            properties: {
              correlationData: new Uint8Array([9]),
              userProperties: [
                ['n', '1'],
                ['n', '2'],
              ],
            },
          },
        },
      }
      const { outboxSeqs } = await commit(store, { outbox: { add: [added] } })
      expect(value(await store.outbox('x', 0, 1))).toStrictEqual([{ ...added, seq: outboxSeqs[0] }])
    })
  })

  describe('journals', () => {
    it('keep the newest, and count what was pushed out', async () => {
      const add = Array.from({ length: 7 }, (_, index) => entry('dead-letter', `s${index % 2}`, index, index))
      await commit(store, { journal: { add } })
      expect(await data('dead-letter', { limit: 10 })).toEqual([6, 5, 4, 3, 2])
      expect(await data('dead-letter', { limit: 10, subject: 's1' })).toEqual([5, 3])
      expect(value(await store.journalCounts('dead-letter'))).toEqual({ kept: 5, dropped: 2 })
      expect(value(await store.journalCounts('audit'))).toEqual({ kept: 0, dropped: 0 })
      const newest = value(await store.journal('dead-letter', { limit: 2 }))
      expect(await data('dead-letter', { limit: 2, before: newest[1]!.seq })).toEqual([4, 3])
      await commit(store, { journal: { remove: [newest[0]!, newest[0]!] } })
      await commit(store, {
        journal: { add: [entry('dead-letter', 's', 9, 9), entry('dead-letter', 's', 9, 10)] },
      })
      expect(await data('dead-letter', { limit: 10 })).toEqual([10, 9, 5, 4, 3])
      expect(value(await store.journalCounts('dead-letter'))).toEqual({ kept: 5, dropped: 3 })
    })

    it('let go what grew old, without counting it as dropped', async () => {
      await commit(store, { journal: { add: [entry('audit', 's', 0, 'a'), entry('audit', 's', 500, 'b')] } })
      await commit(store, { journal: { add: [entry('audit', 's', 1_000, 'c')] } })
      expect(await data('audit', { limit: 10 })).toEqual(['c', 'b', 'a'])
      await commit(store, { journal: { add: [entry('audit', 's', 1_501, 'd')] } })
      expect(await data('audit', { limit: 10 })).toEqual(['d', 'c'])
      expect(value(await store.journalCounts('audit'))).toEqual({ kept: 2, dropped: 0 })
    })
  })

  describe('the inbox', () => {
    it('is a bounded history of its own, which outlives the process where the store does', async () => {
      const add = Array.from({ length: 5 }, (_, index) =>
        entry('inbox', `ops-${index % 2}`, index, { n: index }),
      )
      await commit(store, { journal: { add: [entry('audit', 's', 0, 'told'), ...add] } })
      if (store.durable) await reopen()
      expect(await data('inbox', { limit: 10 })).toEqual([{ n: 4 }, { n: 3 }, { n: 2 }])
      expect(await data('inbox', { limit: 10, subject: 'ops-1' })).toEqual([{ n: 3 }])
      expect(value(await store.journalCounts('inbox'))).toEqual({ kept: 3, dropped: 2 })
      expect(await data('audit', { limit: 10 })).toEqual(['told'])
    })
  })

  describe('a commit', () => {
    const others: Commit = {
      slices: puts({ id: 'new', data: 1, dueMs: 1 }),
      outbox: { add: [row('x', 'lost')] },
      journal: { add: [entry('dead-letter', 's', 1, 'lost'), entry('audit', 's', 1, 'lost')] },
    }

    it.each<[string, Commit]>([
      ['a number that is not finite', { slices: puts({ id: 'bad', data: { t: Number.NaN }, dueMs: null }) }],
      ['a function', { slices: puts({ id: 'bad', data: { f: () => 0 }, dueMs: null }) }],
      ['a date', { slices: puts({ id: 'bad', data: new Date(0), dueMs: null }) }],
      ['nothing at all', { slices: puts({ id: 'bad', data: undefined, dueMs: null }) }],
      ['half a millisecond', { slices: puts({ id: 'bad', data: 0, dueMs: 0.5 }) }],
      ['no id', { slices: puts({ id: '', data: 0, dueMs: null }) }],
      ['an endless timer', { slices: puts({ id: 'bad', data: 0, dueMs: Number.POSITIVE_INFINITY }) }],
      ['a row from nowhen', { outbox: { add: [{ ...row('x', 't'), atMs: 0.5 }] } }],
      ['an entry from nowhen', { journal: { add: [entry('audit', 's', Number.NaN, 1)] } }],
      [
        'a slice twice',
        { slices: puts({ id: 'bad', data: 0, dueMs: null }, { id: 'bad', data: 1, dueMs: null }) },
      ],
      ['a bad effect', { outbox: { add: [row('x', Symbol('no') as unknown as string)] } }],
      ['a bad dead letter', { journal: { add: [entry('dead-letter', 's', 1, 1n)] } }],
    ])('with %s is refused and changes nothing', async (_, bad) => {
      await commit(store, { slices: puts({ id: 'old', data: 0, dueMs: 9 }) })
      const whole: Commit = {
        slices: { put: [...others.slices!.put!, ...(bad.slices?.put ?? [])] },
        outbox: { add: [...others.outbox!.add!, ...(bad.outbox?.add ?? [])] },
        journal: { add: [...others.journal!.add!, ...(bad.journal?.add ?? [])] },
      }
      await expect(store.commit(whole)).rejects.toThrow(TypeError)
      await unchanged()
      await reopen()
      await unchanged()
      // And the store goes on as if nothing had been tried.
      await commit(store, others)
      expect(value(await store.outboxSizes())).toEqual(new Map([['x', 1]]))
      expect(value(await store.journalCounts('dead-letter'))).toEqual({ kept: 1, dropped: 0 })
    })

    it('with a conflict changes nothing', async () => {
      await commit(store, { slices: puts({ id: 'old', data: 0, dueMs: 9 }) })
      const put = [...others.slices!.put!, { id: 'old', data: 1, dueMs: null, version: newSlice }]
      expect(await store.commit({ ...others, slices: { put } })).toMatchObject({ ok: false })
      await unchanged()
    })

    async function unchanged(): Promise<void> {
      expect(value(await store.scan('', null, 10)).map(({ id, data }) => [id, data])).toEqual([['old', 0]])
      expect(value(await store.due(100, 10))).toEqual(['old'])
      expect(value(await store.outboxSizes()).size).toBe(0)
      expect(value(await store.outbox('x', 0, 10))).toEqual([])
      expect(await data('dead-letter', { limit: 10 })).toEqual([])
      expect(value(await store.journalCounts('dead-letter'))).toEqual({ kept: 0, dropped: 0 })
      expect(value(await store.journalCounts('audit'))).toEqual({ kept: 0, dropped: 0 })
    }
  })

  it('answers any run of commits, failures and reopenings as a naive store does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 20 }), async (operations) => {
        const own = mkdtempSync(join(directory, 'run-'))
        const tried = make(own, journalLimits)
        value(await tried.open())
        const naive = new NaiveStore(journalLimits)
        let nowMs = 0
        for (const { kind, ...change } of operations) {
          nowMs += change.passMs
          if (kind === 'reopen') {
            if (!tried.durable) continue
            await tried.close()
            value(await tried.open())
          } else {
            const planned = naive.plan(
              change,
              nowMs,
              value(await tried.load(change.puts.map(({ id }) => id).concat(change.removes))),
            )
            if (kind === 'fail') {
              const put = [
                ...(planned.slices?.put ?? []),
                { id: 'bad', data: Number.NaN, dueMs: 1, version: newSlice },
              ]
              await expect(tried.commit({ ...planned, slices: { ...planned.slices, put } })).rejects.toThrow()
            } else {
              naive.apply(planned, value(await tried.commit(planned)).outboxSeqs)
            }
          }
          expect(await naive.seenIn(tried)).toEqual(naive.seen())
        }
        await tried.close()
      }),
      { numRuns: 40 },
    )
  })

  /** Does nothing to a store that would forget. */
  async function reopen(): Promise<void> {
    if (!store.durable) return
    await store.close()
    value(await store.open())
  }

  it('keeps everything when it is closed and opened again, if it says so', async () => {
    if (!store.durable) return
    await commit(store, {
      slices: puts({ id: 'a', data: { n: 1 }, dueMs: 3 }, { id: 'b', data: 2, dueMs: null }),
      outbox: { add: [row('x', 't')] },
      journal: { add: Array.from({ length: 6 }, (_, index) => entry('dead-letter', 's', index, index)) },
    })
    const before = [...value(await store.load(['a', 'b'])).values()].map(withoutVersion)
    await store.close()
    await store.close()
    store = make(directory, journalLimits)
    value(await store.open())
    expect([...value(await store.load(['a', 'b'])).values()].map(withoutVersion)).toEqual(before)
    expect(value(await store.due(10, 10))).toEqual(['a'])
    expect(await topics('x', 0, 10)).toEqual(['t'])
    expect(value(await store.outboxSizes())).toEqual(new Map([['x', 1]]))
    expect(await data('dead-letter', { limit: 10 })).toEqual([5, 4, 3, 2, 1])
    expect(value(await store.journalCounts('dead-letter'))).toEqual({ kept: 5, dropped: 1 })
  })

  async function topics(line: string, afterSeq: number, limit: number): Promise<string[]> {
    const rows = value(await store.outbox(line, afterSeq, limit))
    return rows.map(({ effect }) => (effect.kind === 'publish' ? effect.message.topic : effect.kind))
  }

  async function data(journal: JournalName, page: Parameters<Store['journal']>[1]): Promise<unknown[]> {
    return value(await store.journal(journal, page)).map((found) => found.data)
  }
})

const someId = fc.constantFrom('r/a', 'r/b', 'r/c', 'r/a/1', 'q', 'z', 'r/\uffff', 'r/🔔', 'r/\ud83d', '"')
const operation = fc.record({
  kind: fc.constantFrom('commit', 'commit', 'commit', 'commit', 'fail', 'reopen'),
  passMs: fc.nat(600),
  puts: fc.uniqueArray(
    fc.record({ id: someId, data: fc.jsonValue(), dueMs: fc.option(fc.integer({ min: 0, max: 4 })) }),
    { selector: ({ id }) => id, maxLength: 5 },
  ),
  removes: fc.uniqueArray(someId, { maxLength: 3 }),
  sends: fc.array(fc.record({ line: fc.constantFrom('x', 'y'), payload: fc.uint8Array({ maxLength: 4 }) }), {
    maxLength: 4,
  }),
  delivers: fc.nat(3),
  notes: fc.array(fc.constantFrom<JournalName>('audit', 'dead-letter', 'inbox'), { maxLength: 4 }),
  forgets: fc.nat(1),
})

function row(line: string, topic: string): Omit<OutboxRow, 'seq'> {
  const effect: Effect = {
    kind: 'publish',
    broker: line,
    message: { topic, payload: new Uint8Array([1]), qos: 1, retain: false },
  }
  return { line, atMs: 1, effect }
}

function entry(
  journal: JournalName,
  subject: string,
  atMs: number,
  data: unknown,
): Omit<JournalEntry, 'seq'> {
  return { journal, subject, atMs, data }
}

function withoutVersion({ id, data, dueMs }: Slice) {
  return { id, data, dueMs }
}
