/** What is subscribed for requests beside the filters of the rules. */
import { expect, test } from 'vitest'
import { parsePlainFilter } from '../../../src/core/topics/filter.ts'
import { planSubscriptions } from '../../../src/core/topics/subscriptions.ts'
import { requestFilters } from '../../../src/engine/requests/request-filters.ts'
import { verbNames } from '../../../src/engine/requests/verbs.ts'

function subscribed(version: 4 | 5, ...texts: string[]): string[] {
  const filters = texts.map((text) => {
    const parsed = parsePlainFilter(text)
    if (!parsed.ok) throw new Error(text)
    return parsed.value
  })
  const wants = [...filters, ...requestFilters(filters, version)].map((filter) => ({
    filter,
    qos: 1 as const,
  }))
  return planSubscriptions(wants, version)
    .subscriptions.map(({ filter }) => filter)
    .sort()
}

test('one filter is enough, and none where a rule hears all of them', () => {
  expect(subscribed(4, 'sensors/#')).toEqual(['sensors/#', 'tocsin/request/+'])
  expect(subscribed(4, '#')).toEqual(['#'])
  expect(subscribed(4, 'tocsin/request/status')).toEqual(['tocsin/request/+'])
  expect(subscribed(5, '+/+/temperature')).toEqual(['+/+/temperature', 'tocsin/request/+'])
})

test('without subscription identifiers no filter of a rule is widened by them', () => {
  expect(subscribed(4, '+/+/temperature')).toEqual([
    '+/+/temperature',
    ...verbNames.map((verb) => `tocsin/request/${verb}`).sort(),
  ])
  expect(subscribed(4, '+/+/status')).not.toContain('tocsin/request/status')
})
