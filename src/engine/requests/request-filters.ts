/** What to subscribe for requests, beside what the rules want. */
import { type Filter, parsePlainFilter } from '../../core/topics/filter.ts'
import { contains, intersects } from '../../core/topics/relations.ts'
import { requestTopics } from './read-request.ts'
import { verbNames } from './verbs.ts'

const all = plain(`${requestTopics}+`)
const each = verbNames.map((verb) => plain(`${requestTopics}${verb}`))

/**
 * One filter for all requests. Without subscription identifiers (`version` 4) overlapping filters are joined:
 * beside a rule on `+/+/temperature` that would fetch every topic of three levels, so there each verb is
 * subscribed on its own, and requests that do not exist stay without an answer.
 */
export function requestFilters(wanted: readonly Filter[], version: 4 | 5): readonly Filter[] {
  if (version === 5) return [all]
  const widens = wanted.some(
    (filter) => intersects(filter, all) && !contains(filter, all) && !contains(all, filter),
  )
  return widens ? each : [all]
}

function plain(text: string): Filter {
  const parsed = parsePlainFilter(text)
  if (!parsed.ok) throw new Error(`${text} is no filter`)
  return parsed.value
}
