import fc from 'fast-check'
import { expect, test } from 'vitest'
import { captureValues } from '../../../src/core/topics/filter.ts'
import { Matcher } from '../../../src/core/topics/matcher.ts'
import { anyFilter, anyTopic, naiveMatch, plain, runs } from './support.ts'

test('finds what each filter alone would, with or without a cache, small or large', () => {
  const limits = [
    { entries: 0, sizeBytes: 0 },
    { entries: 4, sizeBytes: 1_000 },
    { entries: 100, sizeBytes: 100_000 },
  ]
  fc.assert(
    fc.property(
      fc.array(fc.oneof(anyFilter, fc.constantFrom('tocsin/#', 'tocsin/+')), { maxLength: 12 }),
      fc.array(anyTopic, { maxLength: 20 }),
      fc.constantFrom(...limits),
      (texts, topics, limit) => {
        const filters = texts.map(plain)
        const matcher = new Matcher(
          filters.map((filter, value) => ({ filter, value })),
          limit,
        )
        for (const topic of topics) {
          const own = topic.split('/')[0] === 'tocsin'
          const expected = filters.flatMap((filter, value) =>
            naiveMatch(filter.text, topic) && !(own && /^[+#]/.test(filter.text))
              ? [{ value, captures: captureValues(filter, topic) }]
              : [],
          )
          expect(matcher.match(topic)).toEqual(expected)
        }
      },
    ),
    runs,
  )
})
