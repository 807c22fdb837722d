/** Rules that feed on their own messages are told before they run, with the way the messages take. */
import { describe, expect, test } from 'vitest'
import { lintRules } from '../../../src/core/lint/lint-rules.ts'
import { compileRules, type RuleParts } from '../../support/rules.ts'

const publish = (topic: string, payload: unknown = '{{ payload }}', more: object = {}) => ({
  publish: { topic, payload, ...more },
})

/** `severity way` of every loop. */
function loops(...parts: RuleParts[]): string[] {
  return lintRules(compileRules(parts))
    .map(({ problem }) => problem)
    .filter(({ code }) => code === 'rule-loop')
    .map(({ severity, message }) => `${severity} ${/: (\S+ → .*?)\.(?: |$)/.exec(message)?.[1]}`)
}

// biome-ignore lint/suspicious/noThenProperty: `then` is a key of the rule language.
const to = (...actions: object[]): Pick<RuleParts, 'then'> => ({ then: actions.map((each) => ({ ...each })) })

describe('a rule that commands', () => {
  const command = (more: object) => ({
    command: {
      topic: 'lamp/command',
      payload: { led: 'on' },
      id: 'id',
      ack: { topic: 'lamp/ack' },
      ...more,
    },
  })
  test.each<[string, RuleParts, string[]]>([
    [
      'and listens to its command',
      { id: 'a', topic: 'lamp/+x', ...to(command({})) },
      ['error a → lamp/command → a'],
    ],
    [
      'and listens to what it publishes when the device is silent',
      { id: 'a', topic: 'set', ...to(command({ on_timeout: [publish('set')] })) },
      ['error a → set → a'],
    ],
    [
      'and takes another payload than its own',
      { id: 'a', topic: 'lamp/+x', when: 'payload.wish == 1', ...to(command({})) },
      [],
    ],
    [
      'and takes another payload than it publishes afterwards',
      {
        id: 'a',
        topic: 'set',
        when: 'payload.wish == 1',
        ...to(command({ on_ack: [publish('set', { done: true })] })),
      },
      [],
    ],
    [
      'and takes every id',
      { id: 'a', topic: 'lamp/+x', when: "payload.id != 'x'", ...to(command({})) },
      ['error a → lamp/command → a'],
    ],
    [
      'and listens to the answer',
      { id: 'a', topic: 'lamp/ack', ...to(command({})) },
      ['error a → lamp/ack → a'],
    ],
    [
      'and listens to some answers',
      { id: 'a', topic: 'lamp/ack', when: 'payload.busy', ...to(command({})) },
      [],
    ],
  ])('%s', (_, part, expected) => {
    expect(loops(part)).toEqual(expected)
  })
})

describe('one rule', () => {
  test.each<[string, RuleParts, string[]]>([
    [
      'that listens to all that it publishes loops',
      { id: 'a', topic: 'sensors/+device/+kind', ...to(publish('sensors/{{ device }}/alert')) },
      ['error a → sensors/+/alert → a'],
    ],
    [
      'that publishes one level aside does not',
      { id: 'a', topic: 'sensors/+device/temperature', ...to(publish('sensors/{{ device }}/alert')) },
      [],
    ],
    [
      'that publishes to its own topic loops',
      { id: 'a', topic: 't', ...to(publish('t')) },
      ['error a → t → a'],
    ],
    [
      'on # loops with every publish',
      { id: 'a', topic: '#', ...to(publish('alarms')) },
      ['error a → alarms → a'],
    ],
    [
      'on another broker does not',
      { id: 'a', topic: '#', ...to(publish('x', '1', { broker: 'cloud' })) },
      [],
    ],
    ['that only writes a log never does', { id: 'a', topic: '#', ...to({ log: { file: 'all.csv' } }) }, []],
    [
      'whose target depends on what is filled in may loop',
      { id: 'a', topic: 'raw/#', ...to(publish('{{ payload.kind }}/seen')) },
      ['warning a → +/seen → a'],
    ],
    [
      'that keeps all levels of a capture loops',
      { id: 'a', topic: 'a/#rest', ...to(publish('a/b/{{ rest }}')) },
      ['error a → a/b/# → a'],
    ],
    ['that takes a prefix away is let be', { id: 'a', topic: 'in/#rest', ...to(publish('{{ rest }}')) }, []],
    [
      'with several topics is told once',
      { id: 'a', topic: ['a/+x', '+x/b'], ...to(publish('a/b')) },
      ['error a → a/b → a'],
    ],
    [
      'with several actions is told of the first that comes back',
      { id: 'a', topic: 't', ...to(publish('elsewhere'), publish('t')) },
      ['error a → t → a'],
    ],
    [
      'with throttle stops by itself',
      { id: 'a', topic: 't', throttle: 1000, ...to(publish('t')) },
      ['warning a → t → a'],
    ],
    [
      'with a state acts once per rise',
      { id: 'a', topic: 'lamp/+x', when: 'payload.on', clear: { for: 5 }, ...to(publish('lamp/{{ x }}')) },
      ['warning a → lamp/+ → a'],
    ],
  ])('%s', (_, rule, expected) => {
    expect(loops(rule)).toEqual(expected)
  })

  test('says where it publishes, and how to leave its own messages out', () => {
    const [found] = lintRules(
      compileRules([
        { topic: 'elsewhere' },
        { id: 'a', topic: 'sensors/+device/+kind', ...to(publish('sensors/{{ device }}/alert')) },
      ]),
    )
    expect(found).toMatchObject({
      order: 1,
      problem: {
        path: ['then', 0, 'publish', 'topic'],
        message:
          'The rule "a" takes its own messages, without end: a → sensors/+/alert → a. Its topic "sensors/+device/+kind" matches what it publishes.',
        help: `Publish to a topic that no rule of the circle listens to, or add \`kind != 'alert'\` to the \`when\` of "a".`,
      },
    })
  })
})

describe("Tocsin's own topics and those that begin with $", () => {
  test('are not matched by wildcards, so templates do not lead there', () => {
    const target = publish('{{ payload.site }}/status')
    expect(loops({ id: 'a', topic: 'tocsin/status', ...to(target) })).toEqual([])
    expect(loops({ id: 'a', topic: '$SYS/status', ...to(target) })).toEqual([])
    expect(loops({ id: 'a', topic: '+/status', ...to(target) })).toEqual(['error a → +/status → a'])
    expect(loops({ id: 'a', topic: '#', ...to(publish('$lab/status')) })).toEqual([])
    expect(loops({ id: 'a', topic: '$lab/#', ...to(publish('$lab/status')) })).toHaveLength(1)
  })
})

describe('several rules', () => {
  test('are shown as a circle, once', () => {
    expect(
      loops(
        { id: 'a', topic: 'one', ...to(publish('two')) },
        { id: 'b', topic: 'two', ...to(publish('three')) },
        { id: 'c', topic: 'three', ...to(publish('one')) },
        { id: 'd', topic: 'three', ...to(publish('four')) },
      ),
    ).toEqual(['error a → two → b → three → c → one → a'])
  })

  test('may go around over another broker', () => {
    expect(
      loops(
        {
          id: 'up',
          topic: 'site/#rest',
          ...to(publish('site/{{ rest }}', '{{ payload }}', { broker: 'cloud' })),
        },
        {
          id: 'down',
          broker: 'cloud',
          topic: 'site/#rest',
          ...to(publish('site/{{ rest }}', '{{ payload }}', { broker: 'default' })),
        },
      ),
    ).toEqual(['error up → site/# → down → site/# → up'])
  })

  test('are as sure of the circle as its weakest step', () => {
    const a: RuleParts = { id: 'a', topic: 'one', ...to(publish('two/{{ payload.x }}')) }
    expect(loops(a, { id: 'b', topic: 'two/+x', ...to(publish('one')) })).toEqual([
      'error a → two/+ → b → one → a',
    ])
    expect(loops(a, { id: 'b', topic: 'two/x', ...to(publish('one')) })).toEqual([
      'warning a → two/+ → b → one → a',
    ])
  })

  test('in a row are no circle', () => {
    expect(
      loops({ topic: 'a/+x', ...to(publish('b/{{ x }}')) }, { topic: 'b/+x', ...to(publish('c/{{ x }}')) }),
    ).toEqual([])
  })

  test('that each feed themselves are told one by one', () => {
    const rule = (id: string): RuleParts => ({ id, topic: '#', ...to(publish(`alarms/${id}`)) })
    expect(loops(rule('a'), rule('b'))).toEqual(['error a → alarms/a → a', 'error b → alarms/b → b'])
  })
})

describe('a condition ends the circle when it provably refuses what comes back', () => {
  const looping = (when: string, payload: unknown, more: Partial<RuleParts> = {}) =>
    loops({
      id: 'a',
      topic: 'sensors/+device/+kind',
      when,
      ...more,
      ...to(publish('sensors/{{ device }}/alert', payload)),
    }).length > 0

  test.each<[string, unknown, boolean, Partial<RuleParts>?]>([
    ['payload.t > 35', { type: 'hot' }, false],
    ['payload.t > 35', { type: 'hot', t: '{{ payload.t }}' }, true],
    ['payload.t > 35', { type: 'hot', value: '{{ payload.t }}' }, false],
    ['payload.t > 35', { t: 20 }, false],
    ['payload.t > 35', { t: 40 }, true],
    ['payload.t > 35', '{{ payload }}', true],
    ['payload.t > 35', 'too hot', false],
    ['payload.t > 35', '{"t":40}', true],
    ['payload.t > 35', null, false],
    ['payload > 35', { type: 'hot' }, false],
    ['payload > 35', 40, true],
    ['payload > 35', '40', true],
    ['value > 35', { type: 'hot' }, false, { value: 'payload.t' }],
    ['value > 35', { type: 'hot', t: '{{ payload.t }}' }, true, { value: 'payload.t' }],
    ["kind != 'alert'", '{{ payload }}', false],
    ["payload.t > 35 and kind != 'alert'", '{{ payload }}', false],
    ["payload.t > 35 or kind != 'alert'", '{{ payload }}', true],
    ["kind == 'alert'", '{{ payload }}', true],
    ["device != 'x'", '{{ payload }}', true],
    ["payload.unit == 'F'", { unit: 'C', v: '{{ payload.v }}' }, false],
    ['payload.t > 35 and time.hour > 8', { type: 'hot' }, false],
    ['time.hour > 8', { type: 'hot' }, true],
    ['retain == true', { type: 'hot' }, true],
    ['prev.payload.t > 35', { type: 'hot' }, true],
    ['payload.t > 35', { type: 'hot' }, true, { decode: 'text' }],
    ['payload > 35', { type: 'hot' }, false, { decode: 'number' }],
    ['payload > 35', '{{ payload }}', true, { decode: 'number' }],
    ['payload.t > 35', { '{{ kind }}': 40 }, true],
    ["not (payload.type == 'hot')", { type: 'hot' }, false],
    ['payload.list.length > 0', { list: '{{ payload.list }}' }, true],
    ['payload.list.length > 2', { list: [1, 2] }, false],
  ])('%s, sent %j: loops %s', (when, payload, expected, more) => {
    expect(looping(when, payload, more)).toBe(expected)
  })

  test('but not when what it refuses makes `resolved` publish', () => {
    const rule = {
      id: 'lamp',
      topic: 'lamp',
      when: 'payload.on == true',
      ...to(publish('lamp', { on: false })),
    }
    expect(loops(rule)).toEqual([])
    expect(loops({ ...rule, resolved: [publish('lamp', { on: true })] })).toEqual([
      'warning lamp → lamp → lamp',
    ])
  })

  test('where a topic is given in full it is known to the condition', () => {
    const rule = (when: string): RuleParts => ({ topic: 'home/#rest', when, ...to(publish('home/lamp/set')) })
    expect(loops(rule("topic != 'home/lamp/set'"))).toEqual([])
    expect(loops(rule("rest != 'lamp/set'"))).toEqual([])
    expect(loops(rule("rest != 'lamp'"))).toHaveLength(1)
  })
})

describe('large rule sets', () => {
  const timed = (parts: RuleParts[]) => {
    const rules = compileRules(parts)
    const start = performance.now()
    const found = lintRules(rules)
    return { ms: performance.now() - start, found }
  }
  const many = (make: (index: number) => RuleParts) =>
    Array.from({ length: 10_000 }, (_, index) => make(index))

  test.each<[string, RuleParts[], number]>([
    ['all apart', many((i) => ({ topic: `site/s${i}/+x`, ...to(publish(`out/s${i}/{{ x }}`)) })), 0],
    [
      'all on one topic, each with its own condition',
      many((i) => ({
        topic: 'sensors/#',
        when: `payload.t > ${i}`,
        ...to(publish('sensors/hot', { type: 'hot' })),
      })),
      0,
    ],
    [
      'one circle of all',
      many((i) => ({ topic: `ring/${i}`, ...to(publish(`ring/${(i + 1) % 10_000}`)) })),
      1,
    ],
  ])('%s', (_, parts, expected) => {
    const { ms, found } = timed(parts)
    expect(found.filter(({ problem }) => problem.code === 'rule-loop')).toHaveLength(expected)
    expect(found.filter(({ problem }) => problem.code === 'rule-loop-unchecked')).toEqual([])
    // Far above what it takes, and far below what comparing every pair would.
    expect(ms).toBeLessThan(15_000)
  })

  test('a limit that is passed is told', () => {
    const { found } = timed(
      Array.from({ length: 1_100 }, (_, i) => ({ topic: 'a/#', ...to(publish(`a/${i}`)) })),
    )
    expect(found.some(({ problem }) => problem.code === 'rule-loop-unchecked')).toBe(true)
  })
})

describe('forwards between brokers', () => {
  const forward = (broker: string, topic: string | string[], more: object, rest: object = {}): RuleParts => ({
    id: broker === 'default' ? 'out' : 'back',
    broker,
    topic,
    ...to({ forward: { to: broker === 'default' ? 'cloud' : 'default', ...more } }),
    ...rest,
  })
  test.each<[string, RuleParts[], string[]]>([
    [
      'of everything both ways',
      [forward('default', '#', {}), forward('cloud', '#', {})],
      ['error out → # → back → # → out'],
    ],
    [
      'of everything both ways, each below a prefix',
      [forward('default', '#', { prefix: 'a' }), forward('cloud', '#', { prefix: 'b/' })],
      ['error out → a/# → back → b/# → out'],
    ],
    [
      'of different topics each way',
      [forward('default', 'sensors/#', {}), forward('cloud', 'commands/#', {})],
      [],
    ],
    [
      'of everything one way, where some of it comes back',
      [forward('default', '#', {}), forward('cloud', 'commands/#', {})],
      ['error out → # → back → commands/# → out'],
    ],
    [
      'of everything one way below a prefix that is taken away again for what comes back',
      [
        forward('default', '#', { prefix: 'site' }),
        forward('cloud', 'site/commands/#rest', { topic: 'commands/{{ rest }}' }),
      ],
      ['error out → site/# → back → commands/# → out'],
    ],
    [
      'of everything one way below a prefix, which what comes back does not lose',
      [forward('default', '#', { prefix: 'site' }), forward('cloud', 'site/commands/#', {})],
      [],
    ],
    [
      'of a part that never meets the other part',
      [forward('default', 'a/+/x', { prefix: 'p' }), forward('cloud', 'p/a/+/y', { topic: 'a/1/x' })],
      [],
    ],
    [
      'below a prefix that is filled in, and taken away again',
      [
        forward('default', 'in/+site/#', { prefix: '{{ site }}' }),
        forward('cloud', 'north/#rest', { topic: '{{ rest }}' }),
      ],
      // Of a topic that is filled in from its first level nothing is known.
      [],
    ],
    [
      'of what the broker keeps',
      [forward('default', 's/#', { retain: 'keep' }), forward('cloud', 's/#', { retain: 'keep' })],
      ['error out → s/# → back → s/# → out'],
    ],
    [
      'of which one wants a value that is never the same again',
      [forward('default', 's/+d', {}), forward('cloud', 's/+d', {}, { when: "d == 'a'" })],
      ['error out → s/+ → back → s/+ → out'],
    ],
    [
      'of two topics of which one comes back',
      [forward('default', ['a/#', 'b'], {}, { key: {} }), forward('cloud', 'b', {})],
      ['error out → b → back → b → out'],
    ],
  ])('%s', (_, rules, expected) => {
    expect(loops(...rules)).toEqual(expected)
  })

  test('to the same broker and topic feeds on itself; below a prefix it does not', () => {
    const one = (topic: string, more: object): RuleParts => ({
      id: 'a',
      topic,
      ...to({ forward: { to: 'default', ...more } }),
    })
    expect(loops(one('s/#', {}))).toEqual(['error a → s/# → a'])
    expect(loops(one('s/#', { prefix: 'copy' }))).toEqual([])
    expect(loops(one('#', { prefix: 'copy' }))).toEqual(['error a → copy/# → a'])
  })

  test('round three brokers', () => {
    const hop = (id: string, from: string, to_: string, more: object = {}): RuleParts => ({
      id,
      broker: from,
      topic: 's/#',
      ...to({ forward: { to: to_, ...more } }),
    })
    const rules = [hop('one', 'a', 'b'), hop('two', 'b', 'c'), hop('three', 'c', 'a')]
    const found = lintRules(compileRules(rules, { brokers: ['a', 'b', 'c'] }))
    expect(found.map(({ problem }) => problem.message)).toEqual([
      "These rules cause each other's messages, without end: one → s/# → two → s/# → three → s/# → one.",
    ])
    const cut = [hop('one', 'a', 'b'), hop('two', 'b', 'c'), hop('three', 'c', 'a', { prefix: 'p' })]
    expect(lintRules(compileRules(cut, { brokers: ['a', 'b', 'c'] }))).toEqual([])
  })
})
