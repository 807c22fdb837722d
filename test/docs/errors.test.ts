import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { problemCatalogue } from '../../src/core/problem-catalogue.ts'

const page = readFileSync(new URL('../../docs/ERRORS.md', import.meta.url), 'utf8')
const sections = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map((section) => [section.split('\n')[0]?.trim() ?? '', section]),
)

it('every code has its section, and every section its code', () => {
  expect([...sections.keys()].sort()).toEqual(Object.keys(problemCatalogue).sort())
})

it('every section begins with the title of its code, and says what to do', () => {
  for (const [code, title] of Object.entries(problemCatalogue)) {
    const section = sections.get(code) ?? ''
    expect(section, code).toContain(`**${title}.**`)
    expect(section, code).toMatch(/What to do: \S/)
  }
})
