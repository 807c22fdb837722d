/** What is told of actions that stand in an action: what follows a command. */
import { expect, test } from 'vitest'
import { Workspace } from './workspace.ts'

const rule = (follows: string, more = '') => `
${more}
rules:
  - id: lamp
    topic: control/+device
    then:
      - command:
          topic: devices/{{ device }}/command
          payload: { led: "on" }
          id: id
          ack: { topic: "devices/{{ device }}/ack" }
          on_timeout:
            - ${follows}
`

const told = (text: string) =>
  new Workspace({ 'a.yaml': text })
    .load()
    .problems.map(({ line, message, help }) => `${line} ${message} ${help ?? ''}`.trim())

test.each([
  ['publish: { topic: x, retained: true }', '13 `retained` is not a key of `publish`. Here it is `retain:`.'],
  [
    'command: { topic: x }',
    '13 `command` is not a key of an action’s list item. Here it is `publish:`, to a topic on which another rule sends the next command.',
  ],
  ['log: {}', '13 `file` is missing. `file` says: The file'],
  ['publish: { topic: "x/{{ nope }}" }', '13 There is no variable nope here.'],
  ['notify: { to: nobody, summary: x }', '13 There is no receiver named `nobody`.'],
])('%s', (follows, expected) => {
  const problems = told(rule(follows))
  expect(problems).toHaveLength(1)
  expect(problems[0]?.replaceAll(/[“”"]nope[“”"]/g, 'nope').slice(0, expected.length)).toBe(expected)
})

test('keys of a command that have other names elsewhere', () => {
  const text = rule('log: { file: x.csv }').replace('id: id', 'id: id\n          timeout: 5s')
  expect(told(text)).toEqual(['11 `timeout` is not a key of `command`. Here it is `within:`.'])
})

test('a receiver that is told only when a command fails is used, and has to be reachable', () => {
  const receivers = 'receivers: { ops: { email: { to: [ops@example.com] } } }'
  const problems = told(rule('notify: { to: ops, summary: x }', receivers))
  expect(problems).toHaveLength(1)
  expect(problems[0]).toMatch(/smtp/)
})
