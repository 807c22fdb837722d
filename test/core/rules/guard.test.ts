/** A bad rule hurts only itself: what it changed and planned in an event is taken back, and it is left alone. */
import { expect, test } from 'vitest'
import { makeProgram, type Program } from '../../../src/core/program.ts'
import { openWorld, programFrom } from '../../support/virtual-world.ts'

const rules = `
rules:
  - id: first
    topic: s/+id
    then: [{ publish: { topic: first, payload: "{{ payload }}" } }]
  - id: bad
    topic: s/+id
    when: payload > 10
    for: 1m
    alert: { summary: x }
    then: [{ publish: { topic: bad, payload: "{{ payload }}" } }, { publish: { topic: worse, payload: x } }]
  - id: last
    topic: s/+id
    then: [{ publish: { topic: last, payload: "{{ payload }}" } }]
`

/** The rule "bad" has an action that throws, as only an error of programming does. */
function broken(): Program {
  const program = programFrom(rules)
  const throws = () => {
    throw new Error('a slip')
  }
  const worse = program.rules.map((rule) => {
    if (rule.id !== 'bad') return rule
    const actions = rule.then.map((action, at) => (at === 1 ? { ...action, plan: throws } : action))
    // biome-ignore lint/suspicious/noThenProperty: `then` is a key of the rule language.
    return { ...rule, then: actions }
  })
  return makeProgram(worse, new Map(['auto'].map((name) => [name, program.decode(name)])))
}

test('a timer that throws takes everything of its event back, and the rule rests until it is loaded anew', async () => {
  const { world, send, published, states } = await openWorld(rules)
  await world.reload(broken())
  await send('s/a', 20)
  expect(published()).toEqual(['first 20', 'last 20'])
  await world.advance(60_000)
  const { notices, publish } = world.take()
  expect(notices).toEqual([{ kind: 'rule-failed', rule: 'bad', message: 'a slip' }])
  expect(publish).toEqual([])
  expect(await states()).toEqual(['bad a pending'])

  await send('s/a', 5)
  await send('s/b', 20)
  await world.advance(300_000)
  expect(published()).toEqual(['first 5', 'last 5', 'first 20', 'last 20'])
  expect(await states()).toEqual(['bad a pending'])

  await world.reload(programFrom(rules))
  await world.advance(60_000)
  expect(published()).toEqual(['bad 20', 'worse x'])
  expect(await states()).toEqual(['bad a firing'])
})
