import { describe, expect, it } from 'vitest'
import { actions } from '../../src/actions/index.ts'
import { channels } from '../../src/channels/index.ts'
import { jsonSchema } from '../../src/config/json-schema.ts'
import { isNotYet } from '../../src/config/not-yet.ts'
import { decoders } from '../../src/decoders/index.ts'

const schema = jsonSchema({ actions, decoders, channels })
/** With all that is not available yet. */
const whole = jsonSchema({ actions, decoders, channels, notYet: {} })

function at(...path: string[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    schema,
  )
}

function keys(...path: string[]): string[] {
  const value = at(...path)
  return typeof value === 'object' && value !== null ? Object.keys(value) : []
}

describe('the JSON Schema', () => {
  it('has the sections and keys of this version only', () => {
    expect(schema.$schema).toContain('draft-07')
    const sections = [
      'brokers',
      'receivers',
      'policies',
      'inhibit',
      'tables',
      'calendars',
      'settings',
      'rules',
    ]
    expect(Object.keys(Object(whole.properties))).toEqual(sections)
    expect(keys('properties')).toEqual(sections.filter((section) => !isNotYet('file', section)))
    expect(at('additionalProperties')).toBe(false)
    const rule = keys('properties', 'rules', 'items', 'properties')
    expect(rule).toEqual(expect.arrayContaining(['id', 'topic', 'when', 'with', 'then']))
    expect(rule.filter((key) => isNotYet('rule', key))).toEqual([])
    expect(at('properties', 'rules', 'items', 'required')).toEqual(['id', 'topic'])
    expect(at('properties', 'rules', 'items', 'additionalProperties')).toBe(false)
  })

  it('describes every key, those of the actions too', () => {
    const bare: string[] = []
    const visit = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return
      const {
        properties = {},
        items,
        additionalProperties,
        anyOf = [],
      } = value as Record<string, object | undefined>
      for (const [key, property] of Object.entries(properties)) {
        if (typeof property.description !== 'string') bare.push(`${path}.${key}`)
        visit(property, `${path}.${key}`)
      }
      for (const inner of [items, additionalProperties, ...Object.values(anyOf)]) visit(inner, path)
    }
    visit(whole, '')
    expect(bare).toEqual([])
    expect(keys('properties', 'rules', 'items', 'properties', 'then', 'items', 'properties')).toEqual(
      actions.map(({ name }) => name).filter((name) => !isNotYet('action', name)),
    )
    expect(JSON.stringify(schema)).toContain('sensors') // from the description of the log action
  })

  it('is plain JSON', () => {
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema)
  })
})
