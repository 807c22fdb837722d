/** What tests of topics share: parsing that must succeed, a naive oracle of MQTT matching, and generators. */
import fc from 'fast-check'
import { type Filter, parseFilter, parsePlainFilter } from '../../../src/core/topics/filter.ts'

export const runs = { numRuns: process.env.TOCSIN_LONG ? 100_000 : 1_000 }

export function filter(text: string): Filter {
  const parsed = parseFilter(text)
  if (!parsed.ok) throw new Error(parsed.problems[0]?.message)
  return parsed.value
}

export function plain(text: string): Filter {
  const parsed = parsePlainFilter(text)
  if (!parsed.ok) throw new Error(parsed.problems[0]?.message)
  return parsed.value
}

/** Section 4.7 of MQTT 5, word by word, for a plain filter. */
export function naiveMatch(filterText: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filterText)) return false
  return levelsMatch(filterText.split('/'), topic.split('/'))
}

function levelsMatch(filterLevels: readonly string[], topicLevels: readonly string[]): boolean {
  const [level, ...filterRest] = filterLevels
  if (level === undefined) return topicLevels.length === 0
  if (level === '#') return true
  const [topicLevel, ...topicRest] = topicLevels
  if (topicLevel === undefined) return false
  return (level === '+' || level === topicLevel) && levelsMatch(filterRest, topicRest)
}

const alphabet = ['', 'a', 'b', '$x'] as const

/** Every topic of up to four levels over the small alphabet, and over one level that no filter names. */
export const allTopics: readonly string[] = (() => {
  let last: string[] = [...alphabet, 'other']
  const all = [...last]
  for (let depth = 2; depth <= 4; depth++) {
    last = last.flatMap((topic) => [...alphabet, 'other'].map((level) => `${topic}/${level}`))
    all.push(...last)
  }
  return all.filter((topic) => topic !== '')
})()

/** Of at most three levels before #, so that `allTopics` can tell any two filters apart. */
export const anyFilter: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(
      fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom(...alphabet) },
        { weight: 2, arbitrary: fc.constant('+') },
      ),
      { maxLength: 3 },
    ),
    fc.boolean(),
  )
  .map(([levels, open]) => [...levels, ...(open || levels.length === 0 ? ['#'] : [])].join('/'))
  .filter((text) => text !== '')

/** Topics of the alphabet, and some deeper than any filter. */
export const anyTopic: fc.Arbitrary<string> = fc
  .array(fc.constantFrom(...alphabet, 'other', 'tocsin'), { minLength: 1, maxLength: 6 })
  .map((levels) => levels.join('/'))
  .filter((topic) => topic !== '')
