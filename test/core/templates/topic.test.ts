import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileText } from '../../../src/core/templates/compile.ts'
import { nowMs, render, rootsOf } from './roots.ts'

const topic = (source: string, variables: Record<string, unknown>) =>
  render(source, variables, 'topic', { keepLevels: new Set(['rest']) })

describe('values in a topic', () => {
  test.each([
    ['sensors/{{ v }}/alert', 'g1', 'sensors/g1/alert'],
    ['sensors/{{ v }}/alert', '', 'sensors//alert'],
    ['x/{{ v }}', 'a/b/#', 'x/a%2Fb%2F%23'],
    ['x/{{ v }}', '+', 'x/%2B'],
    ['x/{{ v }}', '50%', 'x/50%25'],
    ['x/{{ v }}', 'a\u0000b\n\u0085\uffff', 'x/a%00b%0A%C2%85%EF%BF%BF'],
    ['x/{{ v }}', '\ud800', 'x/\ufffd'],
    ['x/{{ v }}', '../../etc/passwd', 'x/..%2F..%2Fetc%2Fpasswd'],
    ['x/{{ v }}', 'grün ☂', 'x/grün ☂'],
    ['x/{{ v }}', '{{ v }}', 'x/{{ v }}'],
    ['x/{{ v }}', 21.5, 'x/21.5'],
    ['x/{{ v }}', true, 'x/true'],
    ['{{ v }}', '$SYS/broker', '%24SYS%2Fbroker'],
    ['{{ v }}/x', '$SYS', '%24SYS/x'],
    ['x/{{ v }}', '$SYS', 'x/$SYS'],
    ['{% if v %}{{ v }}{% endif %}/x', '$SYS', '%24SYS/x'],
    ['{{ v | append: "/" }}', '$a', '%24a%2F'],
    ['{% capture c %}{{ v }}/{% endcapture %}x/{{ c }}', 'a/b', 'x/a%2Fb%2F'],
    ['$SYS/{{ v }}', 'x', '$SYS/x'],
  ])('%s with %j', (source, v, text) => {
    expect(topic(source, { v })).toEqual({ ok: true, text })
  })

  test('an empty value before another does not hide its dollar', () => {
    expect(topic('{{ a }}{{ b }}', { a: '', b: '$SYS' })).toEqual({ ok: true, text: '%24SYS' })
    expect(topic('{{ a }}{{ b | strip }}', { a: '', b: '$SYS' })).toEqual({ ok: true, text: '%24SYS' })
  })

  test('a capture of the rest may not make the topic deeper than brokers take', () => {
    expect(topic('out{{ rest }}', { rest: '/'.repeat(200) })).toMatchObject({ ok: true })
    expect(topic('out/{{ rest }}', { rest: '/'.repeat(200) })).toMatchObject({
      ok: false,
      message: 'the topic has more than 200 slashes',
    })
  })

  test('a capture of the rest keeps its levels, as a bare variable only', () => {
    expect(topic('out/{{ rest }}', { rest: 'a/b%/c' })).toEqual({ ok: true, text: 'out/a/b%/c' })
    expect(topic('out/{{ rest }}', { rest: 'a/#\u0000' })).toEqual({ ok: true, text: 'out/a/%23%00' })
    expect(topic('{{ rest }}', { rest: '$SYS/a' })).toEqual({ ok: true, text: '%24SYS/a' })
    expect(topic('out/{{ rest | downcase }}', { rest: 'A/b' })).toEqual({ ok: true, text: 'out/a%2Fb' })
    expect(topic('out/{% if rest %}{{ rest }}{% endif %}', { rest: 'a/b' })).toEqual({
      ok: true,
      text: 'out/a/b',
    })
    const later = 'x{% for i in (1..2) %}/{{ rest }}{% assign rest = v %}{% endfor %}'
    expect(topic(later, { rest: 'a', v: 'c/d' })).toEqual({ ok: true, text: 'x/a/c%2Fd' })
    const shadowed = 'out/{% assign rest = v %}{{ rest }}'
    expect(topic(shadowed, { rest: 'a/b', v: 'c/d' })).toEqual({ ok: true, text: 'out/c%2Fd' })
  })

  test.each([
    '{{ v }}',
    '{{ v | upcase }}',
    '{{ payload.a.b }}',
    '{{ payload.list | join: "-" }}',
    '{{ payload.n }}',
  ])('a missing value cancels: %s', (source) => {
    const rendered = topic(`x/${source}`, { v: undefined, payload: { list: [1, null], n: null } })
    expect(rendered).toMatchObject({ ok: false, reason: 'missing' })
    expect(rendered.ok ? '' : rendered.message).toContain(source)
  })

  test('a default is a value', () => {
    expect(topic('x/{{ v | default: "none" }}', { v: undefined })).toEqual({ ok: true, text: 'x/none' })
  })

  test('a finished topic must be one', () => {
    expect(topic('{{ v }}', { v: '' })).toMatchObject({ ok: false, reason: 'invalid' })
    expect(topic('{{ v }}', { v: 'x'.repeat(65_535) })).toMatchObject({ ok: true })
    expect(topic('{{ v }}', { v: 'x'.repeat(65_536) })).toMatchObject({ ok: false, reason: 'invalid' })
    expect(topic('{{ v }}', { v: 'ü'.repeat(32_768) })).toMatchObject({ ok: false, reason: 'invalid' })
  })

  test.each([
    ['a/+/b', 'topic-wildcard-in-name', 2],
    ['{{ v }}/#', 'topic-wildcard-in-name', 8],
    ['{% if v %}a/+{% endif %}', 'topic-wildcard-in-name', 12],
    ['{{ v }}/a\u0000', 'topic-invalid-character', 9],
    ['{{ v }}/a\n', 'topic-invalid-character', 9],
    ['', 'topic-empty', undefined],
    ['{{ nil }}', 'template-syntax', undefined],
  ])('what the template itself says is checked at load: %j', (source, code, offset) => {
    const compiled = compileText(source, rootsOf({ v: 'x' }), 'topic')
    if (compiled.ok) throw new Error('compiled')
    expect(compiled.problems[0]).toMatchObject({ code })
    expect(compiled.problems[0]?.offset).toBe(offset)
  })

  test('any value leaves the levels as the template has them, and can be read back', () => {
    const sources = [
      'a/{{ v }}/b/{{ w }}',
      '{{ v }}{{ w }}/c',
      'a/{{ v | append: "" }}/{% if true %}{{ w }}{% endif %}',
    ]
    const compiled = sources.map((source) => {
      const made = compileText(source, rootsOf({ v: '', w: '' }), 'topic')
      if (!made.ok) throw new Error(source)
      return { template: made.value, levels: source.replaceAll(/\{.*?[}%]\}/g, '').split('/').length }
    })
    const nasty = fc.string({
      unit: fc.constantFrom('/', '+', '#', '%', '\u0000', '$', '.', 'a', 'ü', '\ud800', '{'),
    })
    const value = fc.oneof(nasty, fc.string({ unit: 'binary' }))
    fc.assert(
      fc.property(value, value, (v, w) => {
        for (const { template, levels } of compiled) {
          const rendered = template.render({ v, w }, nowMs)
          if (!rendered.ok) throw new Error(rendered.message)
          expect(rendered.text.split('/')).toHaveLength(levels)
          expect(rendered.text).not.toMatch(/[+#\u0000]|^\$/)
        }
        const [first] = compiled
        const rendered = first!.template.render({ v, w }, nowMs)
        const parts = rendered.ok ? rendered.text.split('/').map(decodeURIComponent) : []
        expect(parts).toEqual(['a', v.toWellFormed(), 'b', w.toWellFormed()])
      }),
      { numRuns: 500 },
    )
  })
})
