import { describe, expect, test } from 'vitest'
import { compileValue } from '../../../src/core/templates/compile.ts'
import { nowMs, rootsOf, type Variables } from './roots.ts'

const variables = {
  payload: { t: 21.5, ok: false, none: null, list: [1, 2], object: { a: 1 }, inner: '{{ payload.t }}' },
  doors: [
    { door: 'front', payload: { contact: false } },
    { door: 'back', payload: { contact: true } },
  ],
}

function compile(value: unknown, scope: Variables = variables) {
  const compiled = compileValue(value, rootsOf(scope))
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems))
  return compiled.value
}

function rendered(value: unknown): unknown {
  const made = compile(value).render(variables, nowMs)
  return made.ok ? made.value : made
}

describe('a templated value', () => {
  test.each([
    ['{{ payload.t }}', 21.5],
    ['{{ payload.ok }}', false],
    ['{{ payload.none }}', null],
    ['{{ payload.nope }}', null],
    ['{{ payload.list }}', [1, 2]],
    ['{{ payload.object }}', { a: 1 }],
    ['{{ payload.t | plus: 1 }}', 22.5],
    ['{{ payload.t > 20 }}', true],
    ['{{ payload.nope | plus: 1 }}', null],
    ['{{ payload.nope | default: 0 }}', 0],
    ['{{ payload.t | append: "" }}', '21.5'],
    ["{{ doors | where: 'payload.contact', false | map: 'door' }}", ['front']],
    ['{{ now }}', '2026-03-29T01:30:05.000Z'],
    ['{{ payload.inner }}', '{{ payload.t }}'],
    ['{{ payload.t }}{{ payload.t }}', '21.521.5'],
    ['{{ payload.t }} °C', '21.5 °C'],
    ['at {{ payload.nope }}', 'at ?'],
    ['{% if payload.ok %}{{ payload.t }}{% endif %}', ''],
    ['plain', 'plain'],
    [7, 7],
    [null, null],
  ])('%j', (source, value) => {
    expect(rendered({ leaf: [source] })).toEqual({ leaf: [value] })
  })

  test('keys are left alone, __proto__ is a key like any other', () => {
    const source = JSON.parse('{"{{ payload.t }}": 1, "__proto__": {"x": "{{ payload.t }}"}}')
    const made = rendered(source)
    expect(JSON.stringify(made)).toBe('{"{{ payload.t }}":1,"__proto__":{"x":21.5}}')
    expect(Object.getPrototypeOf(made)).toBe(Object.prototype)
  })

  test('what is constant stays the same value', () => {
    const source = { a: [1, { b: 'x' }] }
    const template = compile(source)
    expect(template).toMatchObject({ constant: true, uses: [] })
    expect(template.render(variables, nowMs)).toEqual({ ok: true, value: source })
    expect(rendered({ a: ["{{ '{' }} x"], b: { c: "{{ 'y' }} z" } })).toEqual({ a: ['{ x'], b: { c: 'y z' } })
    expect(compile({ a: source, b: '{{ payload.t }}{{ doors }}' })).toMatchObject({
      constant: false,
      uses: [['payload', 't'], ['doors']],
    })
  })

  test('every problem carries the path of its leaf and the place in it', () => {
    const compiled = compileValue(
      { a: ['x {{ nope }}', 'ok'], b: '{{ payload | upcas }}' },
      rootsOf(variables),
    )
    expect(compiled.ok ? [] : compiled.problems).toMatchObject([
      { code: 'template-unknown-variable', path: ['a', 0], offset: 5 },
      { code: 'template-unknown-filter', path: ['b'], offset: 13 },
    ])
  })

  test('too deep a value is refused, too dear a rendering fails', () => {
    let deep: unknown = '{{ payload.t }}'
    for (let level = 0; level < 70; level += 1) deep = [deep]
    const compiled = compileValue(deep, rootsOf(variables))
    expect(compiled.ok ? [] : compiled.problems).toMatchObject([{ code: 'template-limit' }])
    const dear = compile({ x: 'a{% for i in (1..payload) %}{% endfor %}' }).render({ payload: 1e9 }, nowMs)
    expect(dear).toMatchObject({ ok: false, reason: 'limit' })
  })
})
