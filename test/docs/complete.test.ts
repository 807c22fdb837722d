/** The documentation names everything there is: what is added to the language is told. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { actions } from '../../src/actions/index.ts'
import { channels } from '../../src/channels/index.ts'
import { jsonSchema } from '../../src/config/json-schema.ts'
import { functions } from '../../src/core/conditions/expression.ts'
import { aggregateNames } from '../../src/core/rules/plan-window.ts'
import { builtInVariables } from '../../src/core/rules/scope.ts'
import { tagNames } from '../../src/core/templates/engine.ts'
import { filterNames } from '../../src/core/templates/filters.ts'
import { decoders } from '../../src/decoders/index.ts'
import { verbNames } from '../../src/engine/requests/verbs.ts'
import { expectSchema, stepSchema, testSchema } from '../../src/tools/test/test-schema.ts'
import { tocsin } from '../support/tocsin.ts'
import { readPage, root } from './pages.ts'

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
}

const schema = jsonSchema({ actions, decoders, channels })
const { properties = {} } = schema as Schema
const keysOf = (part: Schema | undefined): string[] => [
  ...Object.keys(part?.properties ?? {}),
  ...(part?.anyOf ?? []).flatMap(keysOf),
]
const untold = (page: string, names: Iterable<string>, quote = (name: string) => `\`${name}`) => {
  const text = readPage(page)
  return [...names].filter((name) => !text.includes(quote(name)))
}

test('docs/schema.json is what `tocsin schema` prints: npx tocsin schema > docs/schema.json', () => {
  const committed = readFileSync(path.join(root, 'docs/schema.json'), 'utf8')
  expect(committed).toBe(`${JSON.stringify(schema, null, 2)}\n`)
})

describe('docs/language.md', () => {
  const rule = properties.rules?.items
  test('has every key of a rule', () => {
    expect(keysOf(rule).length).toBeGreaterThan(15)
    expect(untold('docs/language.md', keysOf(rule))).toEqual([])
  })
  test('has every key inside the keys of a rule', () => {
    const inner = (key: string) => keysOf(rule?.properties?.[key])
    const paths = ['clear', 'absent', 'window'].flatMap((key) => inner(key).map((name) => `${key}.${name}`))
    expect(paths.length).toBeGreaterThan(5)
    expect(untold('docs/language.md', [...paths, ...inner('alert')])).toEqual([])
  })
  test('has every action with its keys', () => {
    const action = rule?.properties?.then?.items
    expect(keysOf(action)).toEqual(actions.map(({ name }) => name))
    const keys = keysOf(action).flatMap((name) => keysOf(action?.properties?.[name]))
    expect(keys.length).toBeGreaterThan(8)
    expect(untold('docs/language.md', keys)).toEqual([])
  })
  test('has every decoder, variable and aggregate', () => {
    const names = [...decoders.map(({ name }) => name), ...builtInVariables]
    expect(untold('docs/language.md', names)).toEqual([])
    expect(untold('docs/language.md', aggregateNames, (name) => name)).toEqual([])
  })
})

test('docs/configuration.md has every section and its keys', () => {
  const inner = [
    ...keysOf(properties.settings),
    ...keysOf(properties.brokers?.additionalProperties),
    ...keysOf(properties.calendars?.additionalProperties),
  ]
  expect(inner.length).toBeGreaterThan(12)
  expect(untold('docs/configuration.md', [...Object.keys(properties), ...inner])).toEqual([])
})

test('docs/expressions.md has every function', () => {
  expect(untold('docs/expressions.md', functions.keys(), (name) => `${name}(`)).toEqual([])
})

test('docs/templates.md has every filter and tag', () => {
  const tags = tagNames.filter((name) => name !== '#')
  expect(untold('docs/templates.md', [...filterNames, ...tags])).toEqual([])
})

test('docs/testing.md has every key of a test, of a step and of what is expected', () => {
  const names = [testSchema, stepSchema, expectSchema].flatMap(({ shape }) => Object.keys(shape))
  expect(names.length).toBeGreaterThan(15)
  expect(untold('docs/testing.md', names)).toEqual([])
})

test('docs/requests.md has every request, and none that is not there', () => {
  const told = [...readPage('docs/requests.md').matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name)
  expect(told.sort()).toEqual([...verbNames].sort())
})

test('README.md has every command, and none that is not there', async () => {
  const { stdout } = await tocsin(['--help'])
  const there = [...stdout.matchAll(/^ {2}([a-z-]+) (?:\[options\] )?[<[ ]/gm)].map(([, name]) => name)
  const commands = there.filter((name) => name !== 'help')
  const told = [...readPage('README.md').matchAll(/^\| `tocsin ([a-z-]+)/gm)].map(([, name]) => name)
  expect(commands).toContain('check')
  expect(told.sort()).toEqual(commands.sort())
})
