/** An answer that is written as a `publish` is told before it runs. */
import { expect, test } from 'vitest'
import { lintRules } from '../../../src/core/lint/lint-rules.ts'
import { compileRules } from '../../support/rules.ts'

const told = (respond: unknown) =>
  // biome-ignore lint/suspicious/noThenProperty: `then` is a key of the rule language.
  lintRules(compileRules([{ topic: 'request', then: [{ respond }] }])).map(({ problem }) => problem.code)

test.each([
  [{ topic: 'response/x', payload: { ok: true } }],
  [{ payload: '{{ payload.data }}' }],
  [{ payload: 'x', qos: 1, retain: false }],
])('%j', (respond) => {
  expect(told(respond)).toEqual(['respond-payload'])
})

test.each([
  ['ok'],
  [{ status: 'success', payload: '{{ payload.data }}' }],
  [{ topic: '{{ topic }}' }],
  [[{ payload: 1 }]],
])('%j is an answer', (respond) => {
  expect(told(respond)).toEqual([])
})
