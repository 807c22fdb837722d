/** What the page about the rule language says of its examples, as rule tests that run on all of them together. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makeDirectory, tocsin } from '../support/tocsin.ts'
import { examplesOf } from './pages.ts'

test('the examples of docs/language.md do what the page says, in time', async () => {
  const blocks = examplesOf('docs/language.md').filter(({ kind }) => kind === 'check')
  const tests = readFileSync(new URL('language.test.yaml', import.meta.url), 'utf8')
  const rules = blocks.map(({ text, line }) => [`line-${line}.yaml`, text] as const)
  const directory = makeDirectory({ ...Object.fromEntries(rules), 'language.test.yaml': tests })
  try {
    const { code, stdout, stderr } = await tocsin(['test', directory.path])
    expect(code, `${stdout}${stderr}`).toBe(0)
  } finally {
    directory.remove()
  }
})
