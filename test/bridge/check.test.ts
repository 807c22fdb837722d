/** What `check` says of bridges before they run. */
import { expect, test } from 'vitest'
import { actions } from '../../src/actions/index.ts'
import { loadConfiguration } from '../../src/config/load.ts'
import { lintRules } from '../../src/core/lint/lint-rules.ts'
import { decoders } from '../../src/decoders/index.ts'
import { makeDirectory } from '../support/tocsin.ts'

const brokers = `
brokers:
  five: { url: mqtt://a, protocol: 5 }
  auto: { url: mqtt://b }
  old: { url: mqtt://c, protocol: 3.1.1 }
  own: { url: embedded }
`

/** `code line: message` of every problem; line 1 is the first rule. */
function problemsOf(rules: string): string[] {
  const directory = makeDirectory({ 'brokers.yaml': brokers, 'rules.yaml': `rules:\n${rules}` })
  const { problems } = loadConfiguration(directory.path, {
    env: {},
    actions,
    decoders,
    zone: 'UTC',
    lintRules,
  })
  directory.remove()
  return problems.map(({ code, line, message }) => `${code} ${line - 1}: ${message}`)
}

test('keep needs MQTT 5 where the rule listens, and nothing of the other broker', () => {
  const keep = (from: string, to: string) =>
    `  - { id: ${from}-${to}, broker: ${from}, topic: s/#, then: [{ forward: { to: ${to}, prefix: x, retain: keep } }] }\n`
  expect(problemsOf(keep('five', 'old') + keep('auto', 'own'))).toEqual([])
  expect(problemsOf(keep('old', 'five') + keep('own', 'five'))).toEqual([
    'forward-keep 1: `retain: keep` needs MQTT 5, and the broker "old" is configured for 3.1.1.',
    'forward-keep 2: `retain: keep` needs MQTT 5, and the broker "own" is configured for 3.1.1.',
  ])
})

test('keep goes by itself: `retained` beside it says nothing', () => {
  const rule =
    '  - { id: a, broker: five, topic: s/#, retained: skip, then: [{ forward: { to: auto, retain: keep } }] }\n'
  expect(problemsOf(rule)).toEqual(['rule-conflict 1: `retained` does nothing beside `retain: keep`.'])
})

test('a forward is about one message', () => {
  const rule = `  - { id: a, broker: five, topic: s, when: payload > 1, for: 1m, then: [{ forward: { to: auto } }] }\n`
  expect(problemsOf(rule)).toEqual([
    'rule-conflict 1: `forward` is about one message, but this rule acts when its state changes.',
  ])
})

test('two forwards of a rule to one broker share a queue', () => {
  const rule = (second: string) =>
    `  - { id: a, broker: five, topic: s, then: [{ forward: { to: auto, prefix: x } }, { forward: { to: auto, prefix: y, queue: ${second} } }] }\n`
  expect(problemsOf(rule('{ max: 10000 }'))).toEqual([])
  expect(problemsOf(rule('{ max: 5 }'))).toEqual([
    'rule-conflict 1: Forwards of one rule to one broker share a queue.',
  ])
})

test('a circle over two brokers is told with its way, at the forward', () => {
  const rules = `  - { id: out, broker: five, topic: "#", then: [{ forward: { to: auto, prefix: a } }] }
  - { id: back, broker: auto, topic: "#", then: [{ forward: { to: five, prefix: b } }] }
`
  expect(problemsOf(rules)).toEqual([
    "rule-loop 1: These rules cause each other's messages, without end: out → a/# → back → b/# → out.",
  ])
})

test('values of another kind are refused in words', () => {
  const rule = (forward: string) => `  - { id: a, broker: five, topic: s, then: [{ forward: ${forward} }] }\n`
  expect(problemsOf(rule('{ to: auto, retain: maybe }'))[0]).toMatch(/true, false or keep/)
  expect(problemsOf(rule('{ to: auto, qos: 2 }'))[0]).toMatch(/0 \(at most once\) or 1/)
  expect(problemsOf(rule('{ prefix: x }'))[0]).toMatch(/`to` is missing/)
  expect(problemsOf(rule('{ to: auto, queue: { max: 1000000 } }'))).toHaveLength(1)
})
