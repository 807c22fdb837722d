/** Pages of the journals, from a real store: bounded, complete, and fit to be shown. */
import { expect, test } from 'vitest'
import { auditView, deadLetterView, journalPage } from '../../src/engine/journal-views.ts'
import type { DeadLetterView, Page } from '../../src/ports/control.ts'
import type { Store } from '../../src/ports/store.ts'
import { createStore } from '../../src/stores/index.ts'

async function keep(
  letters: readonly { topic: string; payload: Uint8Array; message?: string }[],
): Promise<Store> {
  const store = createStore('memory')
  await store.open()
  const add = letters.map(({ topic, payload, message = 'It is no JSON.' }, n) => ({
    journal: 'dead-letter' as const,
    subject: topic,
    atMs: Date.UTC(2026, 0, 1) + n,
    data: {
      broker: 'default',
      topic,
      payload,
      reason: 'syntax',
      message,
      rules: ['r'],
      sizeBytes: payload.length,
    },
  }))
  await store.commit({ journal: { add } })
  return store
}

async function walk(store: Store, limit: number): Promise<Page<DeadLetterView, number>[]> {
  const pages: Page<DeadLetterView, number>[] = []
  for (let before: number | undefined; ; ) {
    const page = await journalPage(store, 'dead-letter', { limit, before }, (entry) =>
      deadLetterView(entry, 0),
    )
    if (!page.ok) throw new Error(page.failure.message)
    pages.push(page.value)
    if (page.value.next === null) return pages
    before = page.value.next
  }
}

test('pages hold every entry once, newest first, whatever their size', async () => {
  const letters = Array.from({ length: 250 }, (_, n) => ({
    topic: `t/${n}/${'ü'.repeat(n % 3 === 0 ? 30_000 : 3)}`,
    payload: Buffer.alloc(n * 40, 0xff),
    message: '\u0001'.repeat(n % 5 === 0 ? 5_000 : 1),
  }))
  const store = await keep(letters)
  for (const limit of [1, 7, 100]) {
    const pages = await walk(store, limit)
    const seen = pages.flatMap(({ items }) => items.map(({ topic }) => Number(topic.split('/')[1])))
    expect(seen).toEqual(Array.from({ length: 250 }, (_, n) => 249 - n))
    for (const page of pages) {
      expect(page.items.length).toBeLessThanOrEqual(limit)
      expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(200 * 1024)
    }
  }
})

test('the last page says so, also when it is exactly full', async () => {
  const letter = { topic: 't', payload: Buffer.from('x') }
  expect((await walk(await keep([letter, letter]), 2)).map(({ next }) => next)).toEqual([null])
  expect(await walk(await keep([]), 2)).toEqual([{ items: [], next: null }])
})

test('a payload is shown as text when it is text, even when the cut goes through a character', async () => {
  const payloads = [
    Buffer.from(`${'x'.repeat(1_022)}€€`),
    Buffer.from([0xc3]),
    Buffer.from([]),
    Buffer.from('é'),
  ]
  const [page] = await walk(await keep(payloads.map((payload) => ({ topic: 't', payload }))), 10)
  expect(
    page?.items.map(({ payload, encoding, size_bytes }) => [payload, encoding, size_bytes]).reverse(),
  ).toEqual([
    ['x'.repeat(1_022), 'utf-8', 1_028],
    ['ww==', 'base64', 1],
    ['', 'utf-8', 0],
    ['é', 'utf-8', 2],
  ])
})

test('what an older version wrote, or something else, is shown as far as it is known', () => {
  const entry = { seq: 1, journal: 'audit', subject: 'r', atMs: Number.MAX_VALUE } as const
  const bare = {
    seq: 1,
    at: '1970-01-01T00:00:00.000Z',
    rule: 'r',
    key: {},
    episode: 0,
    from: '',
    to: '',
    because: null,
  }
  for (const data of [null, undefined, 7, 'x', []]) expect(auditView({ ...entry, data })).toEqual(bare)
})
