/**
 * What matching a topic costs, by the number of filters: nanoseconds per match, median and range over rounds that
 * take turns. Run it with `node bench/match.ts`.
 */
import { type Filter, parseFilter } from '../src/core/topics/filter.ts'
import { Matcher } from '../src/core/topics/matcher.ts'

const rounds = 15
const filterCounts = [10, 1_000, 100_000]
const repeatingTopics = 1_000
const matchesPerRound = 50_000

interface Case {
  readonly name: string
  readonly filters: number
  readonly round: (round: number) => number
  readonly nsPerMatch: number[]
}

/** Four filters of different kinds for each device. A repeating topic matches three of them, a distinct one one. */
function makeFilters(count: number): Filter[] {
  const devices = Math.ceil(count / 4)
  const texts = Array.from({ length: devices }, (_, device) => [
    `site/${device % 50}/+room/d${device}/temperature`,
    `site/+/+room/d${device}/#rest`,
    `site/${device % 50}/hall/d${device}/temperature`,
    `site/${device % 50}/+room/d${device}/humidity`,
  ]).flat()
  return texts.slice(0, count).map((text) => {
    const parsed = parseFilter(text)
    if (!parsed.ok) throw new Error(text)
    return parsed.value
  })
}

function topicOf(device: number): string {
  return `site/${device % 50}/hall/d${device}/temperature`
}

/** As the adapter gives them: each a new string, read from bytes. */
function freshStrings(topics: readonly string[], count: number): string[] {
  const bytes = topics.map((topic) => Buffer.from(topic))
  return Array.from({ length: count }, (_, index) => bytes[index % bytes.length]!.toString())
}

function time(topics: readonly string[], match: (topic: string) => readonly unknown[]): number {
  let found = 0
  const start = process.hrtime.bigint()
  for (const topic of topics) found += match(topic).length
  const elapsedNs = Number(process.hrtime.bigint() - start)
  if (found < 0) throw new Error('unreachable')
  return elapsedNs / topics.length
}

function casesFor(filters: number): Case[] {
  const matcher = new Matcher(makeFilters(filters).map((filter, value) => ({ filter, value })))
  const devices = Math.ceil(filters / 4)
  const repeating = Array.from({ length: repeatingTopics }, (_, index) =>
    topicOf(index % Math.max(devices, 1)),
  )
  const same = Array.from({ length: matchesPerRound }, (_, index) => repeating[index % repeating.length]!)
  const distinct = (round: number) =>
    Array.from(
      { length: matchesPerRound },
      (_, index) => `${topicOf((index * 7_919) % devices)}/${round}-${index}`,
    )
  for (const topic of repeating) matcher.match(topic)
  return [
    {
      name: 'repeating topics, same strings',
      round: () => time(same, (topic) => matcher.match(topic)),
    },
    {
      name: 'repeating topics, new strings',
      round: () => time(freshStrings(repeating, matchesPerRound), (topic) => matcher.match(topic)),
    },
    {
      name: 'distinct topics (never in the cache)',
      round: (round: number) => {
        const topics = freshStrings(distinct(round), matchesPerRound)
        return time(topics, (topic) => matcher.match(topic))
      },
    },
  ].map((entry) => ({ ...entry, filters, nsPerMatch: [] }))
}

const cases = filterCounts.flatMap(casesFor)
// The first round warms the compiler up and is not counted.
for (let round = -1; round < rounds; round++) {
  for (const entry of cases) {
    const ns = entry.round(round)
    if (round >= 0) entry.nsPerMatch.push(ns)
  }
}

const names = [...new Set(cases.map(({ name }) => name))]
console.log(
  `ns per match: median (min-max) of ${rounds} rounds of ${matchesPerRound.toLocaleString('en')} matches`,
)
console.log(['filters'.padStart(8), ...names.map((name) => name.padStart(38))].join(' '))
for (const count of filterCounts) {
  const cells = names.map((name) => {
    const found = cases.find((entry) => entry.filters === count && entry.name === name)
    const sorted = [...(found?.nsPerMatch ?? [])].sort((a, b) => a - b)
    const [min, median, max] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)]
    return `${median?.toFixed(0)} (${min?.toFixed(0)}-${max?.toFixed(0)})`.padStart(38)
  })
  console.log([count.toLocaleString('en').padStart(8), ...cells].join(' '))
}
