import { describe, expect, test } from 'vitest'
import { compileText } from '../../../src/core/templates/compile.ts'
import { nowMs, render, rootsOf, textOf } from './roots.ts'

const variables = {
  device: 'g1',
  payload: {
    t: 21.5,
    text: '21.5',
    word: 'hello',
    none: null,
    zero: 0,
    no: false,
    list: [3, 1, 2],
    things: [{ n: 'b', v: { x: 2 } }, { n: 'a', v: { x: 1 } }, { n: 'c' }],
    object: { k: [1, 'two'] },
    bytes: new Uint8Array(3),
    big: 12n,
    'odd key': 1,
    size: 'own',
    template: '{{ payload.t }}{% if true %}x{% endif %}',
  },
  doors: [
    { door: 'front', payload: { contact: false } },
    { door: 'back', payload: { contact: true } },
    { door: 'cellar', payload: {} },
  ],
  prev: { age: 150_000 },
}

describe('what a text prints', () => {
  test.each([
    ['plain text', 'plain text'],
    ['{{ device }} is at {{ payload.t }} °C', 'g1 is at 21.5 °C'],
    ['{{ payload.zero }}/{{ payload.no }}/{{ payload.big }}', '0/false/12'],
    ['{{ payload.object }} {{ payload.list }}', '{"k":[1,"two"]} [3,1,2]'],
    ['{{ payload.bytes }}', '<3 bytes>'],
    ['{{ payload.bytes | json }}', '"<3 bytes>"'],
    [
      '{{ payload["odd key"] }} {{ payload.list[-1] }} {{ payload.list.first }} {{ payload.list.size }}',
      '1 2 3 3',
    ],
    ['{{ payload.size }}', 'own'],
    ['a {{- payload.zero -}} b', 'a0b'],
    ['{% raw %}{{ payload.t }}{% endraw %}{% comment %}{{ nobody }}{% endcomment %}', '{{ payload.t }}'],
    ['{% assign x = payload.t | plus: 1 %}{{ x }}{% echo x %}', '22.522.5'],
    ['{% capture c %}[{{ payload.word }}]{% endcapture %}{{ c | upcase }}', '[HELLO]'],
    ['{% for x in payload.list %}{{ forloop.index }}:{{ x }} {% endfor %}', '1:3 2:1 3:2 '],
    ['{% for x in payload.list limit: 1 %}{{ x }}{% else %}none{% endfor %}', '3'],
    [
      '{% for x in payload.list %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% break %}{% endfor %}',
      '3',
    ],
    ['{% case payload.word %}{% when "hi", "hello" %}hi{% else %}no{% endcase %}', 'hi'],
    ['{% unless payload.no %}yes{% endunless %}', 'yes'],
    ['{% if payload.t > 20 and payload.word == "hello" %}hot{% endif %}', 'hot'],
    ['{% if payload.text > 3 %}a decimal string is a number{% endif %}', 'a decimal string is a number'],
    ['{% if payload.list contains 2 %}y{% endif %}{% if payload.word contains "ell" %}y{% endif %}', 'yy'],
  ])('%s', (source, printed) => {
    expect(textOf(source, variables)).toBe(printed)
  })

  test('a value is never read as a template', () => {
    const written = variables.payload.template
    expect(textOf('{{ payload.template }}', variables)).toBe(written)
    expect(textOf('{% assign x = payload.template %}{{ x | append: "!" }}', variables)).toBe(`${written}!`)
    expect(textOf('{{ doors | where: payload.template | json }}', variables)).toBe('[]')
  })
})

describe('what is missing', () => {
  test.each([
    ['{{ payload.nope }}', '?'],
    ['{{ payload.nope.deeper[0] }}', '?'],
    ['{{ payload.none }}', '?'],
    ['{{ payload.nope | upcase | append: "!" }}', '?'],
    ['{{ payload.nope | plus: 1 }}', '?'],
    ['{{ payload.t | plus: payload.nope }}', '?'],
    ['{{ payload.word | plus: 1 }}', '?'],
    ['{{ payload.t | divided_by: 0 }}', '?'],
    ['{{ payload.nope | default: "x" }}', 'x'],
    ['{{ payload.none | default: "x" }}', 'x'],
    ['{{ payload.zero | default: "x" }}', '0'],
    ['{{ payload.no | default: "x", allow_false: true }}', 'false'],
    ['{{ payload.nope | json }}', 'null'],
    ['{% if payload.nope %}y{% else %}n{% endif %}', 'n'],
    ['{% if payload.none < 15 %}y{% else %}n{% endif %}', 'n'],
    ['{% if payload.nope == payload.nada %}y{% else %}n{% endif %}', 'n'],
    ['{% if payload.nope != "OK" %}y{% else %}n{% endif %}', 'n'],
    ['{% if payload.nope == nil %}y{% else %}n{% endif %}', 'y'],
    ['{% if payload.t != nil %}y{% else %}n{% endif %}', 'y'],
    ['{% for x in payload.nope %}{{ x }}{% else %}none{% endfor %}', 'none'],
    ['{% assign x = payload.nope %}{{ x }}', '?'],
    ['{{ payload.constructor }}{{ payload.__proto__ }}{{ payload.list.map }}{{ device.length }}', '????'],
    ['{{ payload["constructor"] }}{{ payload.toString }}{{ constructor_of.name }}', '???'],
  ])('%s', (source, printed) => {
    expect(textOf(source, { ...variables, constructor_of: undefined })).toBe(printed)
  })
})

describe('filters', () => {
  test.each([
    ['{{ payload.t | round }} {{ 1.005 | round: 2 }} {{ -2.5 | round }}', '22 1.01 -3'],
    [
      '{{ payload.text | times: 2 }} {{ 7 | modulo: 3 }} {{ -1 | abs }} {{ 10 | divided_by: 4 }}',
      '43 1 1 2.5',
    ],
    [
      '{{ payload.t | at_most: 20 }} {{ payload.t | ceil }} {{ payload.t | floor }} {{ 3 | minus: 1 }}',
      '20 22 21 2',
    ],
    ['{{ payload.word | upcase | append: "!" | prepend: ">" }}', '>HELLO!'],
    ['{{ payload.word | replace: "l", "L" | slice: 0, 3 }} {{ payload.word | slice: -2, 2 }}', 'heL lo'],
    ['{{ "a,b" | split: "," | last }} {{ payload.word | truncate: 4 }}', 'b h...'],
    ['{{ "a b c" | truncatewords: 3 }} {{ "a b c" | truncatewords: 2 }}', 'a b c a b...'],
    ['{{ "a b" | url_encode }} {{ "<b>" | escape }} {{ "x" | base64_encode }}', 'a+b &lt;b&gt; eA=='],
    ['{{ payload.list | sort | join: "-" }} {{ payload.list | reverse | first }}', '1-2-3 2'],
    ['{{ payload.things | sort: "n" | map: "v.x" }}', '[1,2,null]'],
    ['{{ payload.things | sort: "v.x" | map: "n" | join }}', 'a b c'],
    ['{{ payload.things | sum: "v.x" }} {{ payload.list | sum }} {{ payload.list | size }}', '3 6 3'],
    ["{{ doors | where: 'payload.contact', false | map: 'door' | join: ', ' }}", 'front'],
    ["{{ doors | where: 'payload.contact' | map: 'door' }}", '["back"]'],
    ["{{ doors | reject: 'payload.contact', false | map: 'door' }}", '["back","cellar"]'],
    ["{{ doors | where: 'payload.contact', nil | map: 'door' }}", '["cellar"]'],
    ["{{ doors | find: 'door', 'back' | json }}", '{"door":"back","payload":{"contact":true}}'],
    ["{{ doors | has: 'door', 'attic' }} {{ doors | map: 'payload.contact' | compact | size }}", 'false 2'],
    ['{{ payload.list | push: 3 | uniq | concat: payload.list }}', '[3,1,2,3,1,2]'],
    ["{% assign g = doors | group_by: 'payload.contact' %}{{ g | map: 'name' }}", '[false,true,null]'],
    ['{{ prev.age | duration }}', '2m 30s'],
    [
      '{{ 3900000 | duration }} {{ 259200000 | duration }} {{ 250 | duration }} {{ 59999 | duration }}',
      '1h 5m 3d 250ms 59s',
    ],
    ['{{ payload.object | json }}', '{"k":[1,"two"]}'],
  ])('%s', (source, printed) => {
    expect(textOf(source, variables)).toBe(printed)
  })

  test('a filter that cannot use a value fails the rendering', () => {
    expect(render('{{ payload | base64_decode }}', { payload: '?' })).toMatchObject({
      ok: false,
      reason: 'invalid',
    })
    expect(render('{{ payload | url_decode }}', { payload: '%' })).toMatchObject({
      ok: false,
      reason: 'invalid',
    })
  })
})

describe('dates', () => {
  test('now is the time given', () => {
    expect(textOf('{{ now }}')).toBe('2026-03-29T01:30:05.000Z')
    expect(textOf('{{ now | date: "%H:%M" }}')).toBe('01:30')
    expect(textOf('{{ now | date }}')).toBe('2026-03-29 01:30')
  })

  test('the zone is the one named, never that of the process', () => {
    const before = process.env.TZ
    try {
      // 01:30 UTC is inside the hour that this zone skips, and 02:30 would not exist there.
      for (const zone of ['Europe/Berlin', 'Asia/Kolkata', 'UTC']) {
        process.env.TZ = zone
        expect(textOf('{{ now | date: "%H:%M %z" }}')).toBe('01:30 +0000')
        expect(textOf('{{ now | date: "%H:%M %z" }}', {}, { zone: 'Asia/Kolkata' })).toBe('07:00 +0530')
        expect(textOf('{{ now | date: "%H:%M %:z %Z", "America/New_York" }}')).toBe(
          '21:30 -04:00 America/New_York',
        )
        expect(textOf('{{ "2026-01-01T12:00" | date: "%s" }}', {}, { zone: 'Europe/Berlin' })).toBe(
          '1767265200',
        )
      }
    } finally {
      if (before === undefined) delete process.env.TZ
      else process.env.TZ = before
    }
  })

  test.each([
    [1_774_747_805, '2026-03-29 01:30'],
    [1_774_747_805_000, '2026-03-29 01:30'],
    ['1774747805', '2026-03-29 01:30'],
    ['2026-03-29', '2026-03-29 00:00'],
    ['2026-03-29T03:30:05+02:00', '2026-03-29 01:30'],
    ['2026-03-29 01:30:05.123Z', '2026-03-29 01:30'],
    ['2026-02-30', '?'],
    ['now', '?'],
    ['today', '?'],
    ['March 29, 2026', '?'],
    [1e300, '?'],
  ])('reads %s', (value, printed) => {
    expect(textOf('{{ value | date }}', { value })).toBe(printed)
  })

  test('directives', () => {
    const format = '%A %a %-d %B %b %y %j %e|%I:%M:%S.%L %p %P %u %V %G %F %T %s %% %^a'
    expect(textOf(`{{ now | date: "${format}" }}`)).toBe(
      'Sunday Sun 29 March Mar 26 088 29|01:30:05.000 AM am 7 13 2026 2026-03-29 01:30:05 1774747805 % SUN',
    )
  })
})

describe('found at load', () => {
  const roots = rootsOf(variables)
  test.each([
    ['{{ pyload.t }}', 'template-unknown-variable', 3, 'Did you mean payload?'],
    [
      '{{ temperature.c }}',
      'template-unknown-variable',
      3,
      /^Did you mean payload.temperature.c\? Known here/,
    ],
    ['{% if device %}{{ x }}{% assign x = 1 %}{% endif %}', 'template-unknown-variable', 18, /Known here/],
    ['{% for d in doors %}{% endfor %}{{ d }}', 'template-unknown-variable', 35, /Known here/],
    ['{{ device | append: nobody }}', 'template-unknown-variable', 20, /Known here/],
    ['{{ payload[nobody] }}', 'template-unknown-variable', 11, /Known here/],
    ['{{ device | upcas }}', 'template-unknown-filter', 12, 'Did you mean upcase?'],
    ['{% assign x = device | toString %}', 'template-unknown-filter', 23, /./],
    ['{{ payload.list | sample }}', 'template-unknown-filter', 18, /./],
    ['{{ doors | where_exp: "d", "d.x" }}', 'template-unknown-filter', 11, /./],
    ['{% include "x" %}', 'template-unknown-tag', 0, /./],
    ['{% render "x" %}', 'template-unknown-tag', 0, /./],
    ['{% layout "x" %}', 'template-unknown-tag', 0, /./],
    ['{% block x %}{% endblock %}', 'template-unknown-tag', 0, /./],
    ['{% fro x in doors %}{% endfor %}', 'template-unknown-tag', 0, 'Did you mean {% for %}?'],
    ['{% increment x %}', 'template-unknown-tag', 0, /./],
    ['a {{ device', 'template-syntax', 2, /close|End/],
    ['a {% if device %}x', 'template-syntax', 2, /endif/],
    ['{% endif %}', 'template-syntax', 0, /Remove it/],
    ['{{ }}', 'template-syntax', 3, /variable/],
    ['{{ device payload }}', 'template-syntax', 0, /\|/],
    ['{{ device == }}', 'template-syntax', 0, /./],
    ['{{ payload.t + 1 }}', 'template-syntax', 13, /plus/],
    ['{% if payload.t > 3 && device %}x{% endif %}', 'template-syntax', 20, /the words and, or/],
    ['{{ payload.t || 3 }}', 'template-syntax', 14, /the words and, or/],
    ['{{ payload.t | }}', 'template-syntax', 0, /Name a filter/],
    ['{{ payload. }}', 'template-syntax', 3, /dot/],
    ['{{ [device] }}', 'template-syntax', 3, /./],
    ['{{ device | append }}', 'template-arguments', 12, undefined],
    ['{{ device | upcase: 1 }}', 'template-arguments', 12, undefined],
    ['{{ device | default: 1, allow_fasle: true }}', 'template-arguments', 12, undefined],
    ['{{ "now" | date: "%H" }}', 'template-arguments', 11, /now \| date/],
    ["{{ 'today' | date }}", 'template-arguments', 13, /now \| date/],
    ['{{ now | date: "%H", "Europe/Berln" }}', 'template-arguments', 9, /Berlin/],
    ['{{ now | date: "%Q" }}', 'template-arguments', 9, /./],
    ['x'.repeat(70_000), 'template-limit', undefined, undefined],
    [`${'{% if device %}'.repeat(40)}${'{% endif %}'.repeat(40)}`, 'template-limit', 480, undefined],
    [`{{ device${'[device'.repeat(50)}${']'.repeat(50)} }}`, 'template-limit', 227, undefined],
    [`{{ device${'[device'.repeat(8000)}${']'.repeat(8000)} }}`, 'template-limit', undefined, undefined],
    ['{% for i in (1..100000000) %}x{% endfor %}', 'template-limit', undefined, /./],
  ])('%.60s', (source, code, offset, help) => {
    const compiled = compileText(source, roots, 'text')
    if (compiled.ok) throw new Error('compiled')
    const [found] = compiled.problems
    expect(found).toMatchObject({ code, severity: 'error', path: [] })
    expect(found?.offset).toBe(offset)
    if (help === undefined) expect(found?.help).toBeUndefined()
    else expect(found?.help).toMatch(help)
  })

  test('every unknown name of a template at once', () => {
    const compiled = compileText('{{ a }}{{ b | c }}', roots, 'text')
    expect(compiled.ok ? [] : compiled.problems.map((found) => found.code)).toEqual([
      'template-unknown-variable',
      'template-unknown-variable',
      'template-unknown-filter',
    ])
  })

  test('what it reads, and whether it is constant', () => {
    const reads = (source: string) => {
      const compiled = compileText(source, roots, 'text')
      return compiled.ok ? [compiled.value.uses, compiled.value.constant] : compiled.problems
    }
    expect(reads('x {{ "a" | upcase }}')).toEqual([[], true])
    expect(reads('{{ device }}{{ payload.list[0] }}{{ payload[device].x }}')).toEqual([
      [['device'], ['payload', 'list', '0'], ['payload']],
      false,
    ])
    expect(reads('{% for d in doors %}{{ d.door }}{{ now }}{% endfor %}')).toEqual([
      [['doors'], ['now']],
      false,
    ])
  })
})

describe('limits while rendering', () => {
  const list = Array.from({ length: 3000 }, (_, index) => index)
  test.each([
    ['{% for i in (1..n) %}x{% endfor %}', { n: 1e9 }],
    ['{% for i in (1..n) %}x{% endfor %}', { n: '1e999' }],
    ['{% for a in list %}{% for b in list %}{% endfor %}{% endfor %}', { list }],
    ['{% for a in list %}{% for b in list limit: 1 %}{% endfor %}{% endfor %}', { list }],
    ['{% assign s = n %}{% for i in (1..60) %}{% assign s = s | append: s %}{% endfor %}', { n: 'x' }],
    ['{{ n | replace: "x", n }}', { n: 'x'.repeat(9000) }],
    ['{{ n }}{{ n }}', { n: 'x'.repeat(200_000) }],
    ['{{ n }}{{ n | upcase }}', { n: 'x'.repeat(200_000) }],
  ])('%s', (source, scope) => {
    expect(render(source, scope)).toMatchObject({ ok: false, reason: 'limit' })
  })

  test('a value nested deeper than the stack', () => {
    let deep: unknown = 1
    for (let level = 0; level < 100_000; level += 1) deep = [deep]
    expect(render('{{ deep }}', { deep })).toMatchObject({ ok: false, reason: 'limit' })
    expect(render('{{ deep | json }}', { deep })).toMatchObject({ ok: false, reason: 'limit' })
  })

  test('one rendering leaves nothing to the next', () => {
    const compiled = compileText('{% for i in (1..9000) %}{% endfor %}{{ v }}', rootsOf({ v: 1 }), 'text')
    if (!compiled.ok) throw new Error('does not compile')
    for (const v of [1, 2, 3])
      expect(compiled.value.render({ v }, nowMs)).toEqual({ ok: true, text: String(v) })
  })
})
