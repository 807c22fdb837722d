/** `npm ci` refuses a lock file that lacks an optional package of another platform. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

test('the lock file names every optional package; `npm run lock` completes it', () => {
  const { packages } = JSON.parse(
    readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'),
  ) as { packages: Record<string, { optionalDependencies?: Record<string, string>; resolved?: string }> }
  const names = new Set(Object.keys(packages).map((at) => at.split('node_modules/').at(-1)))
  const missing = Object.entries(packages).flatMap(([at, { optionalDependencies }]) =>
    Object.keys(optionalDependencies ?? {})
      .filter((name) => !names.has(name))
      .map((name) => `${name}, wanted by ${at}`),
  )
  expect(missing).toEqual([])
})

test('the lock file names no registry', () => {
  const text = readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')
  expect(text).not.toMatch(/"resolved"/)
})
