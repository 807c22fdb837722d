/** What comes from outside into rules is a value: text in texts, a literal in expressions, never code. */
import { describe, expect, it, test } from 'vitest'
import { UNKNOWN } from '../../src/core/conditions/unknown.ts'
import type { Scope } from '../../src/core/rules/scope.ts'
import { places, ruleWith, Workspace } from './workspace.ts'

/** `$` and a brace, without a template's meaning. */
const v = (name: string) => `$\{env:${name}}`

const scope: Scope = {
  payload: { t: 40, site: 'Berlin', quote: `a"b'c\\d`, '007': 'agent', 'a b': 3 },
  bytes: undefined,
  captures: ['g1'],
  value: undefined,
  topic: 'sensors/g1/data',
  qos: 1,
  retain: false,
  properties: null,
  receivedAt: 0,
  nowMs: 0,
  prev: undefined,
  window: undefined,
  with: undefined,
}

function load(lines: string, env: Record<string, string>) {
  const workspace = new Workspace({ 'a.yaml': ruleWith(lines) })
  const { configuration, problems } = workspace.load(env)
  return {
    rule: configuration?.rules[0],
    problems,
    places: places({ ...workspace.load(env) }, workspace.directory),
  }
}

describe('in an expression', () => {
  test.each<[string, Record<string, string>, unknown]>([
    [`payload.t > ${v('X')}`, { X: '35' }, true],
    [`payload.t > ${v('X')}`, { X: '-3.5' }, true],
    [`payload.t - ${v('X')}`, { X: '-2' }, 42],
    [`payload.t -${v('X')}`, { X: '-2' }, 42],
    [`payload.site == ${v('X')}`, { X: 'Berlin' }, true],
    [`payload.site == "${v('X')}"`, { X: 'Berlin' }, true],
    [`payload.quote == ${v('X')}`, { X: `a"b'c\\d` }, true],
    [`payload.quote == '${v('X')}'`, { X: `a"b'c\\d` }, true],
    [`payload.site == "${v('X')}"`, { X: '" or true or "' }, false],
    [`payload.site == ${v('X')}`, { X: 'payload.site' }, false],
    [`cat(${v('X')}, "!")`, { X: '007' }, '007!'],
    [`cat(${v('X')}, "!")`, { X: '12345678901234567890' }, '12345678901234567890!'],
    [`cat(${v('X')}, ${v('Y')})`, { X: 'a\nb', Y: '' }, 'a\nb'],
    [`payload[${v('X')}]`, { X: 't' }, 40],
    [`payload.site in [${v('X')}, ${v('Y')}]`, { X: 'Rome', Y: 'Berlin' }, true],
    [`true and ${v('X')}`, { X: 'false' }, false],
    [v('X'), { X: '7' }, 7],
  ])('%s with %o is %o', (when, env, result) => {
    const { rule, problems } = load(`when: ${JSON.stringify(when)}`, env)
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
    const value = rule?.when?.(scope)
    expect(value === UNKNOWN ? 'unknown' : value).toEqual(result)
  })

  test.each([
    [v('X'), { X: 'payload.t > 3' }, /cannot bring a whole expression.*payload > \$\{env:X\}/s],
    [`payload.${v('X')} > 3`, { X: 't' }, /cannot be a part of a name.*payload\[\$\{env:X\}\]/s],
    [`${v('X')}.t > 3`, { X: 'payload' }, /cannot be a part of a name/],
    [`${v('X')}(payload)`, { X: 'number' }, /cannot be a part of a name/],
    [`${v('X')}${v('X')} > 3`, { X: '1' }, /cannot be a part of a name/],
  ])('%s cannot be written', (when, env, expected) => {
    const { problems, places: where } = load(`when: ${JSON.stringify(when)}`, env)
    expect(where).toEqual(['a.yaml:4:11 config-variable-place'])
    expect(`${problems[0]?.message} ${problems[0]?.help}`).toMatch(expected)
  })

  it('a duration may come whole, a name for one may not', () => {
    expect(load(`when: payload.t > 3\n    for: ${v('X')}`, { X: '5m' }).rule?.definition.for).toBe(300_000)
    expect(load(`when: payload.t > 3\n    for: ${v('X')}`, { X: 'payload.t' }).places).toEqual([
      'a.yaml:5:10 config-variable-place',
    ])
  })

  it('values of JsonLogic are values anyway', () => {
    const { rule } = load(`when: { "==": [{ var: payload.site }, "${v('X')}"] }`, {
      X: '{"var":"payload.site"}',
    })
    expect(rule?.when?.(scope)).toBe(false)
  })
})

describe('in a template', () => {
  const render = (summary: string, env: Record<string, string>) => {
    const { rule, problems } = load(
      `when: payload.t > 3\n    alert: { summary: ${JSON.stringify(summary)} }`,
      env,
    )
    if (rule?.alert === undefined)
      throw new Error(problems.find(({ severity }) => severity === 'error')?.message)
    const rendered = rule.alert?.summary.render(scope, 0)
    return rendered?.ok === true ? rendered.text : rendered
  }

  test.each<[string, Record<string, string>, string]>([
    [`${v('X')}: {{ payload.t }}`, { X: 'hot {{ payload.site }}' }, 'hot {{ payload.site }}: 40'],
    [v('X'), { X: '{{ payload.t }}' }, '{{ payload.t }}'],
    [v('X'), { X: '{% if' }, '{% if'],
    [`{${v('X')}`, { X: '{ payload.t }}' }, '{{ payload.t }}'],
    [`{${v('X')}`, { X: '% raw %}' }, '{% raw %}'],
    [`${v('X')}{ payload.t }}`, { X: '{' }, '{{ payload.t }}'],
    [
      `{{ payload.nope | default: "${v('X')}" }}`,
      { X: `"}} {{ payload.t }} '\\` },
      `"}} {{ payload.t }} '\\`,
    ],
    [`{{ payload.nope | default: ${v('X')} }}`, { X: 'payload.t' }, 'payload.t'],
    [`{{ payload.t | plus: ${v('X')} }}`, { X: '-2' }, '38'],
    [`{% if payload.t > ${v('X')} %}hot{% endif %}`, { X: '35' }, 'hot'],
    [`{% if payload.site == ${v('X')} %}here{% endif %} ${v('X')}`, { X: 'Berlin' }, 'here Berlin'],
    [`{{ payload[${v('X')}] }}`, { X: 'a b' }, '3'],
  ])('%s with %o', (summary, env, result) => {
    expect(render(summary, env)).toBe(result)
  })

  it('cannot be a part of a name', () => {
    expect(() => render(`{{ payload.${v('X')} }}`, { X: 't' })).toThrow('cannot be a part of a name')
  })

  it('also in what is published, and levels of a topic stay', () => {
    const text = `rules:
  - id: a
    topic: in
    then:
      - publish: { topic: "${v('P')}/out", payload: { key: "${v('S')}", "when": "${v('S')}" } }
`
    const { configuration } = new Workspace({ 'a.yaml': text }).load({ P: 'plant/7', S: '{{ payload }}' })
    const planned = configuration?.rules[0]?.then[0]?.plan(scope, 0)
    expect(planned).toMatchObject({ ok: true, effects: [{ message: { topic: 'plant/7/out' } }] })
    const [effect] = planned?.ok === true ? planned.effects : []
    const payload = effect?.kind === 'publish' ? Buffer.from(effect.message.payload).toString() : ''
    expect(JSON.parse(payload)).toEqual({ key: '{{ payload }}', when: '{{ payload }}' })
  })
})

it('elsewhere what comes is text as it is', () => {
  const workspace = new Workspace({
    'a.yaml': `brokers: { default: { url: "mqtt://x", username: a, password: "${v('P')}" } }\n${ruleWith('when: payload.t > 3')}`,
  })
  const { configuration } = workspace.load({ P: '{{ secret }} {% x' })
  expect(configuration?.brokers.get('default')?.password).toBe('{{ secret }} {% x')
})
