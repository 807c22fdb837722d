/** `notify` becomes plain data that names receivers of the configuration, or nothing. */
import { describe, expect, test } from 'vitest'
import { notify } from '../../src/actions/notify/notify.ts'
import { compileAction, runAction } from './run-action.ts'

describe('what is planned', () => {
  test('receivers, summary and body with the values of the message', () => {
    const written = {
      to: ['ops', 'chat'],
      summary: '{{ device }}: {{ payload.t }} °C',
      body: 'On {{ topic }}.',
    }
    expect(runAction(notify, written, { payload: { t: 36.5 } })).toEqual({
      kind: 'notify',
      receivers: ['ops', 'chat'],
      summary: 'd1: 36.5 °C',
      body: 'On sensors/d1/data.',
      severity: null,
      zone: 'UTC',
    })
  })

  test('one receiver alone needs no list, and a severity of its own is kept', () => {
    expect(runAction(notify, { to: 'ops', summary: 'x', severity: 'critical' })).toMatchObject({
      receivers: ['ops'],
      body: '',
      severity: 'critical',
    })
  })

  test('what is missing in a text is a question mark, and somebody is told all the same', () => {
    expect(runAction(notify, { to: 'ops', summary: 'at {{ payload.t }}' }, { payload: {} })).toMatchObject({
      summary: 'at ?',
    })
  })

  test('nobody is told twice', () => {
    expect(
      runAction(notify, { to: ['ops', '{{ payload.who }}'], summary: 'x' }, { payload: { who: 'ops' } }),
    ).toMatchObject({
      receivers: ['ops'],
    })
  })
})

describe('a template in `to` chooses among the receivers of the configuration', () => {
  const choice = { to: '{{ payload.who }}', summary: 'x' }

  test('by name', () => {
    expect(runAction(notify, choice, { payload: { who: 'manager' } })).toMatchObject({
      receivers: ['manager'],
    })
  })

  test.each([
    [{ who: 'mallory@example.com' }, 'invalid: there is no receiver "mallory@example.com"'],
    [{ who: '+15550666' }, /^invalid: /],
    [{ who: ['ops', 'chat'] }, /^invalid: /],
    [{}, 'missing: {{ payload.who }} has no value'],
  ])('%j tells nobody', (payload, expected) => {
    expect(runAction(notify, choice, { payload })).toMatch(expected)
  })
})

test('every mistake in a template is told with its place', () => {
  const written = { to: ['ops', '{{ whom }}'], summary: '{{ devise }}', body: '{{ payload | upcasee }}' }
  const { problems } = compileAction(notify, written)
  expect(problems.map(({ code, path }) => `${code} ${path.join('.')}`)).toEqual([
    'template-unknown-variable summary',
    'template-unknown-filter body',
    'template-unknown-variable to.1',
  ])
})

test('what its templates read is known, so that it is computed', () => {
  const { action } = compileAction(notify, { to: '{{ payload.who }}', summary: '{{ payload.t }}' })
  expect(action?.uses).toEqual([
    ['payload', 't'],
    ['payload', 'who'],
  ])
})
