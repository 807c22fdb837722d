import { posix, win32 } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileText } from '../../../src/core/templates/compile.ts'
import { nowMs, render, rootsOf } from './roots.ts'

describe('values in a file name', () => {
  test.each([
    ['logs/{{ v }}.csv', 'g1', 'logs/g1.csv'],
    ['{{ v }}.csv', '1.5', '1.5.csv'],
    ['{{ v }}.csv', '..', '%2E%2E.csv'],
    ['{{ v }}', '../../etc/passwd', '%2E%2E%2F.%2E%2Fetc%2Fpasswd'],
    ['{{ v }}', '.ssh', '%2Essh'],
    ['a/{{ v }}', 'C:\\x', 'a/C%3A%5Cx'],
    ['a/{{ v }}', 'a\u0000b<>|?*"', 'a/a%00b%3C%3E%7C%3F%2A%22'],
    ['a/{{ now | date: "%F" }}.csv', null, 'a/2026-03-29.csv'],
  ])('%s with %j', (source, v, text) => {
    expect(render(source, { v }, 'file')).toEqual({ ok: true, text })
  })

  test.each([undefined, null, ''])('a missing or empty value cancels: %j', (v) => {
    expect(render('logs/{{ v }}.csv', { v }, 'file')).toMatchObject({ ok: false, reason: 'missing' })
  })

  test('a name too long for a file system', () => {
    expect(render('{{ v }}', { v: 'ü'.repeat(128) }, 'file')).toMatchObject({ ok: false, reason: 'invalid' })
    expect(render('{{ v }}', { v: 'ü'.repeat(127) }, 'file')).toMatchObject({ ok: true })
  })

  test.each([
    ['/var/log/x.csv', 0],
    ['../x.csv', 0],
    ['a/../{{ v }}', 2],
    ['a/./{{ v }}', 2],
    ['{{ v }}/..', 8],
    ['a\\{{ v }}', 1],
    ['{{ v }}:x', 7],
    ['', undefined],
    ['a//b', undefined],
  ])('what the template itself says is checked at load: %j', (source, offset) => {
    const compiled = compileText(source, rootsOf({ v: 'x' }), 'file')
    if (compiled.ok) throw new Error('compiled')
    expect(compiled.problems[0]).toMatchObject({ code: 'template-file-path' })
    expect(compiled.problems[0]?.offset).toBe(offset)
  })

  test('no value leads out of the folder', () => {
    const sources = [
      'logs/{{ v }}{{ w }}',
      '{{ v }}/{{ w }}.csv',
      '.{{ v }}/x',
      '{{ v | append: w }}',
      '{{ v }}.{{ w }}',
    ]
    const templates = sources.map((source) => {
      const made = compileText(source, rootsOf({ v: '', w: '' }), 'file')
      if (!made.ok) throw new Error(source)
      return made.value
    })
    const nasty = fc.string({
      unit: fc.constantFrom('/', '\\', '.', ':', '\u0000', '%', '~', 'C', 'a', ' ', '\n'),
    })
    let rendered = 0
    fc.assert(
      fc.property(fc.oneof(nasty, fc.string({ unit: 'binary' })), nasty, (v, w) => {
        for (const [index, template] of templates.entries()) {
          const made = template.render({ v, w }, nowMs)
          if (!made.ok) continue
          rendered += 1
          const slashes = sources[index]!.split('/').length
          expect(made.text.split('/')).toHaveLength(slashes)
          expect(made.text).not.toMatch(/[\\:\u0000-\u001f]/)
          for (const path of [posix, win32]) {
            expect(path.isAbsolute(made.text)).toBe(false)
            expect(path.normalize(made.text).split(/[/\\]/)).not.toContain('..')
            expect(path.normalize(made.text).split(/[/\\]/)).toHaveLength(slashes)
          }
        }
      }),
      { numRuns: 500 },
    )
    expect(rendered).toBeGreaterThan(500)
  })
})
