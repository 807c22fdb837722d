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

test('a time without a unit is told as everywhere else', () => {
  const within = (text: string) =>
    told(rule('log: { file: x.csv }').replace('id: id', `id: id\n          within: ${text}`))
  expect(within('5')).toEqual(['11 `5` lacks a unit. Did you mean 5s? Units are ms, s, m, h, d.'])
  expect(within('5 seconds')).toEqual(['11 `5 seconds` is not a duration. Write 5s.'])
  expect(within('99999d')[0]).toContain('too long')
})

test('a device answers on one topic', () => {
  const text = rule('log: { file: x.csv }').replace('devices/{{ device }}/ack', 'devices/+/ack')
  expect(told(text)).toEqual([
    '11 The device answers on one topic, and a topic cannot have wildcards. Insert a capture instead: {{ name }}.',
  ])
})

test.each(['forward', 'command', 'notify'])('`%s` beside `topic` belongs below `then`', (action) => {
  const [problem] = told(`rules: [{ id: a, topic: in, ${action}: { to: x } }]`)
  expect(problem).toContain(`Here it is \`then:\` with \`- ${action}:`)
})

test('what stands beside an empty `respond` belongs below it', () => {
  const text = 'rules:\n  - id: a\n    topic: ask\n    respond:\n    status: success\n    temperature: 3\n'
  expect(told(text)).toEqual([
    '5 `status` is not a key of a rule. Indent `status` two blanks further, so that it stands below `respond`.',
    '6 `temperature` is not a key of a rule. Indent `temperature` two blanks further, so that it stands below `respond`.',
  ])
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
