/** The traps of YAML, and what people who know other tools write: each is named, with what to write instead. */
import { describe, expect, it } from 'vitest'
import { actions } from '../../src/actions/index.ts'
import { habit } from '../../src/config/habits.ts'
import { isNotYet } from '../../src/config/not-yet.ts'
import { placeOf } from '../../src/config/place.ts'
import { ruleWith, Workspace } from './workspace.ts'

function told(text: string): string[] {
  return new Workspace({ 'a.yaml': text })
    .load()
    .problems.map(({ message, help }) => `${message} ${help ?? ''}`.trim())
}

const andList = (names: string) => names.replaceAll(':`', '`').replace(/, ([^,]*)$/, ' and $1')
const actionNames = actions
  .filter(({ name }) => !isNotYet('action', name))
  .map(({ name }) => `\`${name}:\``)
  .join(', ')

const traps: readonly (readonly [written: string, told: string])[] = [
  ['when: !x', '`!x` is a tag in YAML, not text. Put the value in quotes: "!x"; `not x` says the same.'],
  ['key: #', '`key` is empty. `#` begins a comment in YAML; put the text in quotes: "#".'],
  ['description: &x', '`description` is empty. `&` begins an anchor in YAML; put the text in quotes: "&x".'],
  [
    'description: null',
    '`description` is empty. `null` means nothing in YAML; if it is text, put it in quotes: "null".',
  ],
  [
    'description: *x',
    '`*x` is an alias in YAML, and there is no `&x` above it. If it is text, put it in quotes: "*x".',
  ],
  ['description: %x', 'A value cannot begin with `%` in YAML. Put it in quotes: "%x".'],
  ['description: @x', 'A value cannot begin with `@` in YAML. Put it in quotes: "@x".'],
  ['description: 007', '`description` must be text; this is the number 007. Put it in quotes: "007".'],
  [
    'description: +15550100',
    '`description` must be text; this is the number +15550100. Put it in quotes: "+15550100".',
  ],
  ['description: true', '`description` must be text; this is `true`. Put it in quotes: "true".'],
  ['enabled: yes', '`enabled` must be `true` or `false`; this is the text `yes`. Write true.'],
  ['enabled: OFF', '`enabled` must be `true` or `false`; this is the text `OFF`. Write false.'],
  [
    'enabled: "true"',
    '`enabled` must be `true` or `false`; this is the text `true`. Write true, without quotes.',
  ],
  [
    'qos: 2',
    'QoS 2 is not offered: messages are received and published at QoS 1 at most. Write 1 (at least once), and let receivers bear a message that comes twice.',
  ],
  ['when: > 35', 'A value that begins with `>` is a block of text in YAML. Put it in quotes: "> 35".'],
  [
    'description: Warning: hot',
    'The text has a colon and a blank in it, which YAML reads as another key. Put it in quotes: "Warning: hot".',
  ],
  ['when: {{ payload }} > 3', 'A value that begins with `{{` must be in quotes. Write "{{ payload }} > 3".'],
  ['when: "abc', 'The quote that opens here is never closed. End the text with the same quote.'],
  [
    'when: "a" == payload',
    'There is more text after the closing quote. Put the whole value in quotes: \'"a" == payload\'.',
  ],
  [
    'description: "\\d"',
    "`\\d` means nothing between double quotes. Use single quotes, which take a backslash as it is: '\\d+'.",
  ],
  ['descr: x', '`descr` is not a key of a rule. Did you mean `description`?'],
  ['wehn: x', '`wehn` is not a key of a rule. Did you mean `when`?'],
  ['when:payload', 'A blank is missing after the colon in `when:payload`. Write `when: payload`.'],
  ['when payload', 'A colon is missing in `when payload`. Write `when: payload`.'],
  [
    'decode: jsn',
    '`decode` must be auto, json, number, text, boolean, binary, cbor or msgpack; this is the text `jsn`. Did you mean `json`?',
  ],
  [
    'key: payload.machine',
    '`key` must be a map (lines of `key: value`); this is the text `payload.machine`. Give the part a name: key: { machine: payload.machine }.',
  ],
  [
    'above: 30',
    '`above` is not a key of a rule. Here it is `when: value > …`, with `value:` saying what is compared.',
  ],
  ['decode: protobuf', '`protobuf` is not available yet. Remove it; a later version brings it.'],
  ['with: { x: { tabel: t } }', '`tabel` is not a key of a `with` entry. Did you mean `table`?'],
]

describe('in a rule', () => {
  for (const [written, expected] of traps) {
    it(written, () => {
      // What follows from the first may be told as well.
      expect(told(ruleWith(written))[0]).toBe(expected)
    })
  }
})

const then = (lines: string) => `rules:\n  - id: a\n    topic: a\n    then:\n${lines}`

it.each([
  [then('      publish: { topic: b }\n'), '`then` must be a list; this is a map. Begin each item with `- `.'],
  [
    then('      - publish:\n        topic: b\n'),
    '`topic` is not a key of an action’s list item. Indent `topic` two blanks further, so that it stands below `publish`.',
  ],
  [
    then('      - publish: { topic: b }\n        log: { file: x.csv }\n'),
    '`publish` and `log` are two actions. Begin a new list item for the second: `- log:`.',
  ],
  [
    then('      - mqtt.publish: { topic: b }\n'),
    '`mqtt.publish` is not a key of an action’s list item. Here it is `publish:`.',
  ],
  [then('      - {}\n'), `An action is missing. Write one of ${actionNames}.`],
  [then('      - {{ x }}\n'), 'A value that begins with `{{` must be in quotes. Write "{{ x }}".'],
  ['rules:\n  high:\n    topic: a\n', '`rules` must be a list. Begin each rule with `- id: …`.'],
  [
    '- id: a\n  topic: b\n',
    'A file holds sections such as `rules:` and `brokers:`. Write `rules:` above the list, and indent it.',
  ],
  ['rules\n  - id: a\n', 'A colon is missing in `rules`. Write `rules:`.'],
  ['rule:\n  - id: a\n', '`rule` is not a section. Here it is a list below `rules:`.'],
  ['ruels: []\n', '`ruels` is not a section. Did you mean `rules`?'],
  [
    'rules:\n  - id: a\n   topic: b\n',
    'The indentation of this line fits none of the lines above it. Give keys that belong together the same indentation, and indent with spaces.',
  ],
  [
    'rules:\n  - id: a\n      topic: b\n',
    'The line after this one is indented further, as if it belonged below this value. Give keys that belong together the same indentation.',
  ],
  [
    'brokers: { a: { url: "mqtt://a"\nrules: []\n',
    'The `{` that opens here is not closed. End it with `}`; inside, put text that contains , [ ] { } in quotes.',
  ],
  ['rules:\n\t- id: a\n', 'A tab stands where YAML needs spaces. Indent with two spaces for each step.'],
  [
    'a: 1\nb: 2\na: 3\n',
    '`a` is written twice here; the first is in line 1, column 1. Remove one of the two.',
  ],
])('%j', (text, expected) => {
  expect(told(text)).toContain(expected)
})

it('a value of YAML 1.2 that older readers took for something else is text', () => {
  const loaded = new Workspace({
    'a.yaml':
      'rules: [{ id: a, topic: a, when: payload == "x", then: [{ publish: { topic: b, payload: { state: ON, at: 22:00, no: n } } }] }]',
  }).load()
  expect(loaded.configuration?.definitions[0]?.then[0]?.spec).toMatchObject({
    payload: { state: 'ON', at: '22:00', no: 'n' },
  })
})

it('at least forty habits of other tools are answered, none of which is a key here', () => {
  const keys = [
    'above',
    'below',
    'trigger',
    'platform',
    'condition',
    'conditions',
    'expr',
    'if',
    'value_template',
    'action',
    'actions',
    'do',
    'match',
    'matchers',
    'repeat_interval',
    'group_wait',
    'targets',
    'sql',
    'select',
    'SELECT',
    'service',
    'entity_id',
    'receiver',
    'annotations',
    'name',
    'alias',
    'delay',
    'cooldown',
    'debounce',
    'source',
    'filter',
    'expression',
    'threshold',
    'state_topic',
    'severity',
    'labels',
    'publish',
    'else',
    'variables',
    'hysteresis',
    'mode',
    'timeout',
  ]
  expect(keys.length).toBeGreaterThanOrEqual(40)
  for (const key of keys) expect(habit('rule', key), key).toBeTypeOf('string')
  expect(habit('rule', 'constructor')).toBeNull()
  expect(habit('nowhere', 'above')).toBeNull()
  expect(isNotYet('rule', 'above')).toBe(false)
  expect(placeOf(['rules', 3, 'then', 0, 'publish'])).toBe('action.publish')
})

it('an action that is not known is told once, and not as missing too', () => {
  const action = (text: string) => told(`rules: [{ id: a, topic: b, then: [${text}] }]\n`)
  expect(action('{ nothing: {} }')).toEqual([
    `\`nothing\` is not a key of an action’s list item. It has ${andList(actionNames)}.`,
  ])
  expect(action('{ republish: { topic: a } }')).toHaveLength(1)
  expect(action('{ command: { topic: a } }')).toHaveLength(1)
  expect(action('{}')).toEqual([`An action is missing. Write one of ${actionNames}.`])
})
