/** Judges a run by what the same messages bring about when nothing breaks: what is lost, doubled, or made up. */
import type { RuleState } from '../../src/core/rules/rule-state.ts'
import { sliceIdParts } from '../../src/core/state.ts'
import { holdMs, lastWords, overlappingGuests, type Scenario, silenceMs } from './scenario.ts'
import { type Output, type Run, settleMs } from './world.ts'

/** Everything that is wrong, in words; an empty list is a good run. */
export function judge(scenario: Scenario, seen: Run, reference: Run): string[] {
  const wrong = [...seen.faults]
  for (const fault of reference.faults) wrong.push(`without faults: ${fault}`)
  const forgets = scenario.happenings.some(({ kind }) => kind === 'forget')
  const overlaps = scenario.happenings.some(
    (happening) => happening.kind === 'reload' && happening.guests.some((guest) => guest < overlappingGuests),
  )
  const jumps = scenario.happenings.some(({ kind }) => kind === 'jump')
  wrong.push(...judgeOutputs(scenario, seen, reference, forgets, overlaps))
  wrong.push(...judgeEpisodes(scenario, seen))
  if (!forgets) wrong.push(...judgeDeadLetters(seen, reference))
  if (!forgets && !overlaps) wrong.push(...judgeStates(scenario, seen, reference))
  if (!jumps && !forgets && !overlaps) wrong.push(...judgeTimed(scenario, seen))
  return wrong
}

// ---- outputs of class A

/** Rules whose outputs come from one message alone: all that can be asked for when a session was lost. */
const simpleRules = new Set(['route', 'keep'])

function judgeOutputs(
  scenario: Scenario,
  seen: Run,
  reference: Run,
  forgets: boolean,
  overlaps: boolean,
): string[] {
  const wrong: string[] = []
  const sentMs = new Map<string, number>()
  const texts = new Map<string, string>()
  for (const happening of scenario.happenings) {
    if (happening.kind !== 'send') continue
    const id = idOf(happening.message.payload)
    sentMs.set(id, settleMs + (happening.atMs ?? 0))
    texts.set(id, happening.message.payload)
  }
  const looking = new Set(
    scenario.rules.filter(({ looksAround }) => looksAround).map(({ parts }) => parts.id),
  )
  const timeless = new Set(
    scenario.rules.filter(({ timeClass }) => timeClass === 'A').map(({ parts }) => parts.id),
  )
  const happened = gather(seen.outputs)
  const expected = gather(reference.outputs)

  for (const [key, { rule, id }] of expected) {
    if (!timeless.has(rule) || happened.has(key)) continue
    if ((forgets || overlaps) && !simpleRules.has(rule)) continue
    if (forgets && !seen.acknowledged.has(texts.get(id) ?? '')) continue
    wrong.push(`lost: ${key}`)
  }
  // While one subscription takes the place of another that it contains, both send a copy.
  if (overlaps) return wrong
  for (const [key, { rule, id, times }] of happened) {
    if (!timeless.has(rule) && rule !== 'sometimes') continue
    // What has no number cannot be told apart from another message that has none.
    if (id === 'null') continue
    if (
      timeless.has(rule) &&
      !expected.has(key) &&
      !looking.has(rule) &&
      (!forgets || simpleRules.has(rule))
    ) {
      wrong.push(`made up: ${key}`)
      continue
    }
    const since = rule === 'presses' ? 0 : (sentMs.get(id) ?? 0)
    const until = times.at(-1) ?? 0
    const excuses = seen.incidents.filter((atMs) => atMs >= since && atMs <= until).length
    if (times.length - 1 > excuses) {
      wrong.push(`${times.length} times, ${excuses} excuses: ${key} at ${times.join(', ')}`)
    }
  }
  return wrong
}

interface Gathered {
  readonly rule: string
  readonly id: string
  readonly times: number[]
}

function gather(outputs: readonly Output[]): Map<string, Gathered> {
  const found = new Map<string, Gathered>()
  for (const { where, topic, text, atMs } of outputs) {
    if (topic.startsWith('extra/')) continue
    const key = `${where} ${topic} ${text}`
    const known = found.get(key)
    if (known !== undefined) known.times.push(atMs)
    else found.set(key, { ...aboutOf(where, topic, text), times: [atMs] })
  }
  return found
}

function aboutOf(where: string, topic: string, text: string): { rule: string; id: string } {
  const value: unknown = JSON.parse(text)
  if (where === 'log' && Array.isArray(value)) {
    return { rule: topic === 'keep.csv' ? 'keep' : 'keep-edges', id: String(value[0]) }
  }
  const { rule, id } = value as { rule: string; id: unknown }
  return { rule, id: String(id) }
}

function idOf(text: string): string {
  return /"id": ?(\d+)/.exec(text)?.[1] ?? ''
}

// ---- states of class A

function judgeStates(scenario: Scenario, seen: Run, reference: Run): string[] {
  const timeless = new Set(
    scenario.rules.filter(({ timeClass }) => timeClass === 'A').map(({ parts }) => parts.id),
  )
  const left = essentials(seen, timeless)
  const right = essentials(reference, timeless)
  const wrong: string[] = []
  for (const id of new Set([...left.keys(), ...right.keys()])) {
    const [is, ought] = [left.get(id), right.get(id)]
    if (is !== ought) wrong.push(`state ${id}: ${is} instead of ${ought}`)
  }
  return wrong
}

/** What does not depend on when something happened. */
function essentials(seen: Run, rules: ReadonlySet<string>): Map<string, string> {
  const found = new Map<string, string>()
  for (const { id, data } of seen.slices) {
    const [kind, rule] = sliceIdParts(id)
    if (kind === 'keys' && rules.has(rule ?? '')) found.set(id, JSON.stringify(data))
    if (kind !== 'rule' || !rules.has(rule ?? '')) continue
    const { phase, episode, verdict, samples, prev } = data as RuleState
    const values = samples?.filter((_, index) => index % 2 === 1)
    found.set(id, JSON.stringify({ phase, episode, verdict, values, prev: prev?.payload }))
  }
  return found
}

function judgeDeadLetters(seen: Run, reference: Run): string[] {
  const kept = new Set(seen.deadLetters)
  return reference.deadLetters.filter((text) => !kept.has(text)).map((text) => `no dead letter: ${text}`)
}

/** No opening happens twice. */
function judgeEpisodes(scenario: Scenario, seen: Run): string[] {
  const rules = new Set(scenario.rules.map(({ parts }) => parts.id))
  const openings = new Map<string, number>()
  for (const entry of seen.audit) {
    const { rule, key, episode, to, from } = entry as {
      rule: string
      key: unknown
      episode: number
      to: string
      from: string
    }
    if (to !== 'firing' || from === 'clearing' || !rules.has(rule)) continue
    const name = `${rule} ${JSON.stringify(key)} ${episode}`
    openings.set(name, (openings.get(name) ?? 0) + 1)
  }
  return [...openings].filter(([, count]) => count > 1).map(([name]) => `opened twice: ${name}`)
}

// ---- class B

/** How much later than it happened something may be told, ms. */
const tellingMs = 500

function judgeTimed(scenario: Scenario, seen: Run): string[] {
  const timed = scenario.rules.filter(({ timeClass }) => timeClass === 'B')
  if (timed.length === 0) return []
  return [...judgeHolds(seen), ...judgeSilences(scenario, seen), ...judgeEnds(scenario, seen)]
}

/** Nothing fires before it has held. */
function judgeHolds(seen: Run): string[] {
  const wrong: string[] = []
  const since = new Map<string, number>()
  for (const { rule, key, episode, from, to, atMs } of seen.transitions) {
    if (rule !== 'hold') continue
    const name = `${JSON.stringify(key)} ${episode}`
    if (to === 'pending') since.set(name, atMs)
    if (from !== 'pending' || to !== 'firing') continue
    const begun = since.get(name)
    // The beginning was committed but not told when the process died between the two.
    if (begun !== undefined && atMs - begun < holdMs)
      wrong.push(`hold ${name} fired after ${atMs - begun} ms`)
  }
  return wrong
}

/** No device is called silent before it could have been heard for that long. */
function judgeSilences(scenario: Scenario, seen: Run): string[] {
  if (scenario.happenings.some(({ kind }) => kind === 'disk')) return []
  const wrong: string[] = []
  for (const { rule, key, to, toldMs, heard } of seen.transitions) {
    if (rule !== 'silent' || to !== 'firing') continue
    const last = seen.heard.slice(0, heard).findLast(({ topic }) => topic === `in/${key.d}`)
    const since = last?.atMs ?? 0
    let hearing = 0
    for (const { fromMs, toMs } of seen.online) {
      hearing += Math.max(0, Math.min(toMs, toldMs) - Math.max(fromMs, since))
    }
    if (hearing < silenceMs - tellingMs) wrong.push(`${key.d} was called silent after ${hearing} ms`)
  }
  return wrong
}

/** The last message of each device decides, and then all fall silent. */
function judgeEnds(scenario: Scenario, seen: Run): string[] {
  const wrong: string[] = []
  const phases = new Map(
    seen.slices.flatMap(({ id, data }) => {
      const [kind, rule, , d] = sliceIdParts(id)
      return kind === 'rule' ? [[`${rule} ${d}`, (data as RuleState).phase] as const] : []
    }),
  )
  for (const happening of scenario.happenings) {
    if (happening.kind !== 'send' || happening.atMs !== scenario.calmMs) continue
    const { topic, payload } = happening.message
    if (Number(idOf(payload)) < lastWords) continue
    const { v } = JSON.parse(payload) as { v: number }
    const d = topic.split('/')[1]
    const ought = v > 40 ? 'firing' : 'inactive'
    if (phases.get(`hold ${d}`) !== ought) wrong.push(`hold ${d} is ${phases.get(`hold ${d}`)}, not ${ought}`)
    if (phases.get(`silent ${d}`) !== 'firing') wrong.push(`silent ${d} is ${phases.get(`silent ${d}`)}`)
  }
  return wrong
}
