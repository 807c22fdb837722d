import fc from 'fast-check'
import { expect, test } from 'vitest'
import { contains, intersection, intersects, join } from '../../../src/core/topics/relations.ts'
import { levelsOfShape, shapeOf } from '../../../src/core/topics/shape.ts'
import { allTopics, anyFilter, naiveMatch, plain, runs } from './support.ts'

const known = new Map<string, ReadonlySet<string>>()

/** Every topic over the small alphabet that the filter matches. */
function topicsOf(text: string): ReadonlySet<string> {
  const topics = known.get(text) ?? new Set(allTopics.filter((topic) => naiveMatch(text, topic)))
  known.set(text, topics)
  return topics
}

function within(inner: ReadonlySet<string>, outer: ReadonlySet<string>): boolean {
  return [...inner].every((topic) => outer.has(topic))
}

test('containing and intersecting are what enumeration of all topics says', () => {
  fc.assert(
    fc.property(anyFilter, anyFilter, (left, right) => {
      const [a, b] = [topicsOf(left), topicsOf(right)]
      expect(contains(plain(left), plain(right))).toBe(within(b, a))
      expect(intersects(plain(left), plain(right))).toBe([...a].some((topic) => b.has(topic)))
    }),
    runs,
  )
})

test('the intersection matches what both match, and nothing else', () => {
  fc.assert(
    fc.property(anyFilter, anyFilter, (left, right) => {
      const [a, b] = [topicsOf(left), topicsOf(right)]
      const both = intersection(shapeOf(plain(left)), shapeOf(plain(right)))
      const expected = [...a].filter((topic) => b.has(topic))
      const text = both === null ? null : levelsOfShape(both).join('/')
      expect(text === null ? [] : [...topicsOf(text)]).toEqual(expected)
    }),
    runs,
  )
})

test('the join contains both, and lies in every filter that contains both', () => {
  fc.assert(
    fc.property(anyFilter, anyFilter, anyFilter, (left, right, bound) => {
      const joined = join(plain(left), plain(right))
      const both = new Set([...topicsOf(left), ...topicsOf(right)])
      if (within(both, topicsOf(bound))) {
        expect(joined).not.toBeNull()
        expect(within(topicsOf(joined!.text), topicsOf(bound))).toBe(true)
      }
      if (joined !== null) expect(within(both, topicsOf(joined.text))).toBe(true)
    }),
    runs,
  )
})

test('there is no join only where one side begins with a $ level that the other lacks', () => {
  fc.assert(
    fc.property(anyFilter, anyFilter, (left, right) => {
      const [a, b] = [left, right].map((text) => text.split('/')[0]!)
      const apart = a !== b && (a!.startsWith('$') || b!.startsWith('$'))
      expect(join(plain(left), plain(right)) === null).toBe(apart)
    }),
    runs,
  )
})
