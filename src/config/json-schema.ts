/** The JSON Schema of a configuration file, for editors: made of the same definitions that check it. */
import { z } from 'zod'
import type { Channel } from '../ports/channel.ts'
import { isNotYet, type NotYet, notYet } from './not-yet.ts'
import type { Place } from './place.ts'
import { brokerSchema } from './sections/broker.ts'
import { calendarSchema } from './sections/calendar.ts'
import { inhibitSchema } from './sections/inhibit.ts'
import { policySchema } from './sections/policy.ts'
import { receiverSchema } from './sections/receiver.ts'
import { type RuleParts, ruleSchema } from './sections/rule.ts'
import { settingsObject } from './sections/settings.ts'
import { tableSchema } from './sections/table.ts'

interface JsonObject {
  [key: string]: unknown
}

export interface SchemaParts extends RuleParts {
  readonly channels?: readonly Channel[] | undefined
  /** Instead of the usual table. */
  readonly notYet?: NotYet | undefined
}

/** Keys that are not available yet are left out. */
export function jsonSchema(parts: SchemaParts): JsonObject {
  const { channels = [], notYet: table = notYet } = parts
  const file = z
    .strictObject({
      brokers: z
        .record(z.string(), brokerSchema)
        .optional()
        .describe('Brokers by name; `default` serves rules that name none.'),
      receivers: z
        .record(z.string(), receiverSchema(channels))
        .optional()
        .describe('Receivers by name: where somebody is reached.'),
      policies: z
        .record(z.string(), policySchema)
        .optional()
        .describe('Policies by name: who is told, and who next; `default` serves alerts that name none.'),
      inhibit: z.array(inhibitSchema).optional().describe('Alerts that tell nobody while another one fires.'),
      tables: z
        .record(z.string(), tableSchema)
        .optional()
        .describe('Tables by name, for `with: { x: { table: … } }`.'),
      calendars: z.record(z.string(), calendarSchema).optional().describe('Calendars by name, for `during`.'),
      settings: settingsObject(channels).optional().describe('Settings of this installation.'),
      rules: z.array(ruleSchema(parts)).optional().describe('The rules, in the order in which they run.'),
    })
    .meta({ title: 'Tocsin configuration', description: 'Rules for MQTT messages, and what they need.' })
  const schema: JsonObject = { ...z.toJSONSchema(file, { io: 'input', target: 'draft-7' }) }
  const omit = (value: unknown, place: Place) => omitKeys(value, place, table)
  omit(schema, 'file')
  const rule = child(child(schema, 'properties', 'rules'), 'items')
  omit(child(schema, 'properties', 'settings'), 'settings')
  omit(rule, 'rule')
  omit(child(rule, 'properties', 'alert'), 'rule.alert')
  omit(child(child(rule, 'properties', 'with'), 'additionalProperties'), 'with')
  allowEmpty(schema)
  return schema
}

function child(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((current, key) => (isObject(current) ? current[key] : undefined), value)
}

function omitKeys(value: unknown, place: Place, table: NotYet): void {
  const properties = child(value, 'properties')
  if (!isObject(properties)) return
  for (const key of Object.keys(properties)) if (isNotYet(place, key, table)) delete properties[key]
}

/** A section may stand there with nothing below it. */
function allowEmpty(schema: JsonObject): void {
  const properties = child(schema, 'properties')
  if (!isObject(properties)) return
  for (const section of Object.values(properties)) {
    if (isObject(section) && typeof section.type === 'string') section.type = [section.type, 'null']
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
