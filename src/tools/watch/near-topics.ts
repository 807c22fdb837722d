/** For a message that no rule meets: the topics of rules that it would meet, were it not for a small slip. */
import type { Program } from '../../core/program.ts'
import type { Filter } from '../../core/topics/filter.ts'
import { ownFirstLevel } from '../../core/topics/matcher.ts'

export interface NearMiss {
  readonly rule: string
  /** The rule's topic, as it was written. */
  readonly topic: string
  /** In words: what is not the same. */
  readonly because: string
}

/** Rules that are looked through for one message at most. */
const rulesLimit = 2_000
const shownLimit = 3

export function nearMisses(program: Program, broker: string, topic: string): readonly NearMiss[] {
  const levels = topic.split('/')
  const trimmed = levels.filter((level) => level !== '')
  const found: NearMiss[] = []
  for (const rule of program.rules.slice(0, rulesLimit)) {
    for (const { filter } of rule.filters) {
      const because = difference(filter, levels, trimmed, rule.definition.broker, broker)
      if (because === null) continue
      found.push({ rule: rule.id, topic: filter.source, because })
      if (found.length >= shownLimit) return found
      break
    }
  }
  return found
}

function difference(
  filter: Filter,
  levels: readonly string[],
  trimmed: readonly string[],
  wantedBroker: string,
  broker: string,
): string | null {
  const exact = (a: string, b: string) => a === b
  if (matches(filter.levels, levels, exact)) {
    if (wantedBroker !== broker) return `it listens to the broker ${wantedBroker}, not to ${broker}`
    const [first = ''] = filter.levels
    if (first !== '+' && first !== '#') return null
    return levels[0] === ownFirstLevel || levels[0]?.startsWith('$') === true
      ? `a topic that begins with a wildcard does not hear ${levels[0]}/…`
      : null
  }
  if (wantedBroker !== broker) return null
  if (matches(filter.levels, levels, alike)) return 'upper and lower case are not the same'
  const wanted = filter.levels.filter((level) => level !== '')
  const emptied = trimmed.length !== levels.length || wanted.length !== filter.levels.length
  if (!emptied || !matches(wanted, trimmed, alike)) return null
  if (levels[0] === '' && filter.levels[0] !== '') return 'the message has a / at the beginning'
  if (levels[0] !== '' && filter.levels[0] === '') return "the rule's topic has a / at the beginning"
  if (levels.at(-1) === '') return 'the message has a / at the end'
  return filter.levels.at(-1) === ''
    ? "the rule's topic has a / at the end"
    : 'there is a / too many or too few'
}

const alike = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()

function matches(
  filter: readonly string[],
  levels: readonly string[],
  same: (a: string, b: string) => boolean,
): boolean {
  const isOpen = filter.at(-1) === '#'
  const fixed = isOpen ? filter.slice(0, -1) : filter
  if (isOpen ? levels.length < fixed.length : levels.length !== fixed.length) return false
  return fixed.every((level, index) => level === '+' || same(level, levels[index] ?? ''))
}
