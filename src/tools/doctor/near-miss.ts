/** Tells of a topic that no filter matched which filter was probably meant to, and where the two differ. */
import { closest } from '../../core/conditions/did-you-mean.ts'
import type { Filter } from '../../core/topics/filter.ts'
import { contains } from '../../core/topics/relations.ts'

export interface NearMiss {
  readonly topic: string
  /** A sentence that says what differs. */
  readonly why: string
}

type Levels = readonly string[]

const matches = (filter: Levels, topic: Levels) => contains({ levels: filter }, { levels: topic })
const lower = (levels: Levels) => levels.map((level) => level.toLowerCase())
const isWild = (level: string | undefined) => level === '+' || level === '#'

/** Each looks for one kind of difference; what is most surely a mistake comes first. */
const kinds: readonly ((filter: Levels, topic: Levels) => string | null)[] = [
  (filter, topic) =>
    matches(lower(filter), lower(topic))
      ? 'They differ in upper and lower case, which MQTT tells apart.'
      : null,
  (filter, topic) => {
    if (topic[0] === '' && matches(filter, topic.slice(1)))
      return 'The topic begins with a slash, the rule does not.'
    if (filter[0] === '' && matches(filter.slice(1), topic))
      return 'The rule begins with a slash, the topic does not.'
    if (topic.at(-1) === '' && matches(filter, topic.slice(0, -1)))
      return 'The topic ends with a slash, the rule does not.'
    if (filter.at(-1) === '' && matches(filter.slice(0, -1), topic))
      return 'The rule ends with a slash, the topic does not.'
    return null
  },
  (filter, topic) => {
    if (filter.length !== topic.length) return null
    const different = filter.flatMap((level, at) => (isWild(level) || level === topic[at] ? [] : [at]))
    const at = different[0]
    if (at === undefined || different.length > 1) return null
    const [wanted = '', heard = ''] = [filter[at], topic[at]]
    // g1 and g2 are two devices, not one with a slip.
    const digitsOnly = wanted.replace(/\d+/g, '#') === heard.replace(/\d+/g, '#')
    if (digitsOnly || wanted.length < shortestName || closest(wanted, [heard]) === null) return null
    return `The rule says "${wanted}" where the topic has "${heard}".`
  },
  (filter, topic) => {
    // A filter of wildcards alone would fit everything.
    if (filter.every(isWild)) return null
    for (let at = 0; at < topic.length; at++) {
      if (matches(filter, without(topic, at)))
        return `The topic has one level more than the rule: "${topic[at]}".`
    }
    // Without the level before its `#`, a filter takes whatever stands beside what was meant.
    const last = filter.at(-1) === '#' ? filter.length - 2 : filter.length
    const shorter = filter.slice(0, last).map((_, at) => without(filter, at))
    const fits = shorter.some((rest) => !rest.every(isWild) && matches(rest, topic))
    return fits ? 'The topic has one level less than the rule.' : null
  },
]

/** Shorter levels differ too easily. */
const shortestName = 4

/** The first topic that is a near miss, by the surest kind of difference; null when none is. */
export function nearMiss(filter: Filter, topics: Iterable<string>): NearMiss | null {
  const heard = [...topics].map((topic) => topic.split('/'))
  for (const kind of kinds) {
    for (const levels of heard) {
      const why = kind(filter.levels, levels)
      if (why !== null) return { topic: levels.join('/'), why }
    }
  }
  return null
}

function without(levels: Levels, at: number): Levels {
  return levels.toSpliced(at, 1)
}
