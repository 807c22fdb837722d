import fc from 'fast-check'
import { expect, it } from 'vitest'
import { SortedList } from '../../src/stores/sorted-list.ts'

const numbers = (a: number, b: number) => a - b

it('stays sorted through any additions and removals, as a sorted array does', () => {
  const change = fc.record({ remove: fc.boolean(), item: fc.nat(3_000) })
  fc.assert(
    fc.property(
      fc.array(change, { minLength: 1, maxLength: 4_000, size: 'max' }),
      fc.nat(3_000),
      (changes, start) => {
        const list = new SortedList(numbers)
        const model = new Set<number>()
        for (const { remove, item } of changes) {
          if (remove) expect(list.remove(item)).toBe(model.delete(item))
          else if (!model.has(item)) {
            list.add(item)
            model.add(item)
          }
        }
        const sorted = [...model].sort(numbers)
        expect([...list]).toEqual(sorted)
        expect(list.first).toBe(sorted[0])
        expect([...list.from(start)]).toEqual(sorted.filter((item) => item >= start))
      },
    ),
    { numRuns: 30 },
  )
})

it.each([
  ['rising', (index: number) => index],
  ['falling', (index: number) => -index],
  ['mixed', (index: number) => (index * 7_919) % 10_007],
])('takes ten thousand items in %s order, and gives them all back', (_, itemOf) => {
  const list = new SortedList(numbers)
  const items = Array.from({ length: 10_000 }, (_, index) => itemOf(index))
  for (const item of items) list.add(item)
  expect([...list]).toEqual(items.toSorted(numbers))
  for (const item of items) expect(list.remove(item)).toBe(true)
  expect(list.first).toBeUndefined()
  expect([...list.from(0)]).toEqual([])
})
