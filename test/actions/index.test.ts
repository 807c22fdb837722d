import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { actions } from '../../src/actions/index.ts'

test('every action has a name of its own', () => {
  expect(new Set(actions.map(({ name }) => name)).size).toBe(actions.length)
})

describe.each(actions.map((action) => [action.name, action] as const))('%s', (_name, action) => {
  const schema = z.toJSONSchema(action.schema, { io: 'input' })

  test('takes no unknown keys, and describes every key for editors', () => {
    expect(undescribed(schema, '')).toEqual([])
    // What is answered is the payload itself, with whatever keys that has.
    if (action.name === 'respond') expect(schema.description).toMatch(/answered/)
    else expect(schema.additionalProperties).toBe(false)
  })
})

/** Paths of the properties without a description, at any depth. */
function undescribed(schema: z.core.JSONSchema.BaseSchema, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    if (typeof property === 'boolean') return [`${path}/${name}`]
    const inner = undescribed(property, `${path}/${name}`)
    return property.description === undefined ? [`${path}/${name}`, ...inner] : inner
  })
}
