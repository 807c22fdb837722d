/** Whether the filters of the rules are granted, whether anything comes on them, and what came that nearly fits. */

import { durationText } from '../../../core/templates/duration-text.ts'
import type { Filter } from '../../../core/topics/filter.ts'
import { contains } from '../../../core/topics/relations.ts'
import { connectPlain } from '../../../mqtt/plain-client.ts'
import { reasonWords } from '../../../mqtt/reason-words.ts'
import type { Finding, Tell } from '../finding.ts'
import { withLimit } from '../limit.ts'
import { nearMiss } from '../near-miss.ts'
import type { BrokerWorld, Listener } from './broker-world.ts'
import { asStranger, type Login } from './login.ts'
import { subscribe } from './own-topic.ts'

const subscribeLimitMs = 3_000
/** Of what comes, so many different topics are looked at. */
const topicsLimit = 5_000
/** So many rules are compared with so many topics, to see whether they nearly fit. */
const comparedRules = 50
const comparedTopics = 2_000
/** AWS IoT Core takes no more filters than this in one packet. */
const filtersPerPacket = 8
const shownLimit = 5

export async function checkFilters(
  world: BrokerWorld,
  { protocolVersion }: Login,
  tell: Tell,
): Promise<void> {
  const { listeners, settings } = world
  if (listeners.length === 0) {
    tell({ check: 'subscribe', state: 'skipped', what: 'No rule listens here.' })
    return
  }
  const running = await world.running
  const counted = running.answers ? new Map(running.rules.map(({ id, messages }) => [id, messages])) : null
  const made = await connectPlain({
    ...asStranger(settings),
    protocol: protocolVersion === 5 ? '5' : '3.1.1',
  })
  if (!made.ok) {
    tell({ check: 'subscribe', state: 'fail', what: made.failure.message, next: made.failure.help })
    return
  }
  const { client, closed } = made
  try {
    /** Topics that came, but for our own. */
    const topics = new Set<string>()
    let heard: (topic: string) => void = () => {}
    client.on('message', (topic) => {
      if (topics.has(topic) || topic.startsWith('tocsin/')) return
      if (topics.size < topicsLimit) topics.add(topic)
      heard(topic)
    })
    const refused = await refusedFilters(listeners, (filters) =>
      Promise.race([subscribe(client, filters, 0), closed.then(() => filters.map(() => 0x80))]),
    )
    for (const finding of permissionFindings(listeners, refused)) tell(finding)
    const open = listeners.filter(({ filter, triggers }) => triggers && !refused.has(filter.text))
    const silent = counted === null ? open : open.filter(({ rule }) => (counted.get(rule) ?? 0) === 0)
    const since =
      running.answers && counted !== null
        ? `since Tocsin was started (${ago(running.status.uptime_seconds)}) or loaded its rules`
        : null
    if (silent.length === 0) {
      if (since !== null && open.length > 0)
        tell({ check: 'messages', state: 'ok', what: `Every rule has heard something ${since}.` })
      return
    }
    const unheard = new Set(silent)
    const all = Promise.withResolvers<void>()
    heard = (topic) => {
      for (const listener of unheard) if (fits(listener.filter, topic)) unheard.delete(listener)
      if (unheard.size === 0) all.resolve()
      // Where so much comes, what nearly fits has come too, or is not found.
      else if (topics.size === topicsLimit) client.unsubscribe('#')
    }
    for (const topic of topics) heard(topic)
    if (unheard.size > 0) {
      // Everything, to find what nearly fits; a broker that refuses it lets us hear the rules' topics at least.
      await withLimit(subscribeLimitMs, Promise.race([subscribe(client, ['#'], 0), closed]))
      const listened = await withLimit(world.listenMs, Promise.race([all.promise, closed]))
      if (listened.ok && listened.value !== undefined) {
        const { message, help } = listened.value.failure
        tell({ check: 'messages', state: 'fail', what: message, next: help })
        return
      }
    }
    const told = messageFindings(open, [...unheard], topics, world.listenMs, since)
    for (const finding of told) tell(finding)
  } finally {
    client.end(true)
  }
}

function fits(filter: Filter, topic: string): boolean {
  return contains(filter, { levels: topic.split('/') })
}

/** Filter → reason code, of those that the broker does not grant. */
async function refusedFilters(
  listeners: readonly Listener[],
  ask: (filters: readonly string[]) => Promise<readonly number[]>,
): Promise<Map<string, number>> {
  const filters = [...new Set(listeners.map(({ filter }) => filter.text))]
  const refused = new Map<string, number>()
  for (let from = 0; from < filters.length; from += filtersPerPacket) {
    const packet = filters.slice(from, from + filtersPerPacket)
    const answered = await withLimit(subscribeLimitMs, ask(packet))
    for (const [index, filter] of packet.entries()) {
      const code = answered.ok ? (answered.value[index] ?? 0x80) : 0x80
      if (code >= 0x80) refused.set(filter, code)
    }
    if (!answered.ok) break
  }
  return refused
}

function permissionFindings(
  listeners: readonly Listener[],
  refused: ReadonlyMap<string, number>,
): readonly Finding[] {
  const check = 'subscribe'
  if (refused.size === 0) {
    const count = new Set(listeners.map(({ filter }) => filter.text)).size
    const what =
      count === 1 ? 'The filter of the rules is granted.' : `All ${count} filters of the rules are granted.`
    return [{ check, state: 'ok', what }]
  }
  return [...refused].slice(0, shownLimit).map(([filter, code]) => ({
    check,
    state: 'fail',
    what: `The broker refused "${filter}": ${reasonWords(code)}.`,
    cause: `Without it these rules hear nothing: ${rulesOf(listeners.filter((one) => one.filter.text === filter))}.`,
    next: 'Allow the user to read it in the access list of the broker, or correct `topic`.',
  }))
}

/** What was heard and what was not; `since`: what a running Tocsin has counted, in words. */
export function messageFindings(
  open: readonly Listener[],
  unheard: readonly Listener[],
  topics: ReadonlySet<string>,
  listenMs: number,
  since: string | null,
): readonly Finding[] {
  const check = 'messages'
  const long = durationText(listenMs)
  const others = [...topics]
    .slice(0, comparedTopics)
    .filter((topic) => !open.some(({ filter }) => fits(filter, topic)))
  const findings: Finding[] = []
  const silent: Listener[] = []
  // A rule with several topics is content when one of them is heard.
  const heardRules = new Set(open.filter((one) => !unheard.includes(one)).map(({ rule }) => rule))
  for (const [index, listener] of unheard.filter(({ rule }) => !heardRules.has(rule)).entries()) {
    const miss = index < comparedRules ? nearMiss(listener.filter, others) : null
    if (miss === null) silent.push(listener)
    else {
      findings.push({
        check,
        state: 'warn',
        what: `Rule ${listener.rule} hears nothing on "${listener.filter.source}", but there are messages on "${miss.topic}".`,
        cause: miss.why,
        next: `Correct \`topic\` of the rule, or what the device publishes to.`,
      })
    }
  }
  const rest = findings.splice(shownLimit).length
  if (rest > 0)
    findings.push({
      check,
      state: 'warn',
      what: `${rest} more rules hear nothing on topics that nearly fit.`,
    })
  if (silent.length > 0) {
    const when = since ?? `within ${long}`
    const places = [...new Set(silent.map(({ filter }) => `"${filter.source}"`))]
    const nothing = since === null && topics.size === 0 ? ' Nothing at all came.' : ''
    findings.push({
      check,
      state: 'warn',
      what: `Nothing came ${when} on ${listed(places)} (${rulesOf(silent)}).${nothing}`,
      cause:
        'The devices are silent or away, publish to other topics, or the access list keeps their messages from us.',
      next: `Listen longer: \`tocsin doctor --listen 1m\`. \`tocsin watch "#"\` shows what comes.`,
    })
  }
  if (findings.length === 0) {
    const what =
      open.length === 1
        ? 'The rule hears messages.'
        : `All ${new Set(open.map(({ rule }) => rule)).size} rules hear messages.`
    findings.push({ check, state: 'ok', what })
  }
  return findings
}

function rulesOf(listeners: readonly Listener[]): string {
  return listed([...new Set(listeners.map(({ rule }) => rule))])
}

export function listed(names: readonly string[]): string {
  const more = names.length - shownLimit
  return `${names.slice(0, shownLimit).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

function ago(seconds: number): string {
  return seconds < 1 ? 'just now' : `${durationText(seconds * 1_000)} ago`
}
