/** What is known, before anything runs, of the payload that an action will send. */

import { isPlainObject } from '../conditions/logic.ts'
import type { ActionDefinition } from '../rules/definition.ts'

export interface SentPayload {
  /** As the next rule will read it with `decode: auto` or `json`; templates in it are still there as texts. */
  readonly value: unknown
  /** Paths of the parts that are templates, whose values are not known. An empty path: nothing is known. */
  readonly open: readonly (readonly string[])[]
}

const nothingKnown: SentPayload = { value: undefined, open: [[]] }

/** Values deeper than this count as not known. */
const depthLimit = 20

export function sentPayload({ kind, spec }: ActionDefinition): SentPayload {
  if (kind !== 'publish' || !isPlainObject(spec)) return nothingKnown
  const { payload } = spec
  // A text by itself may be read as a number or as JSON again.
  if (typeof payload === 'string' && !/^[A-Za-z]/.test(payload)) return nothingKnown
  if (typeof payload === 'string' && ['true', 'false', 'null'].some((word) => payload.startsWith(word)))
    return nothingKnown
  const open: string[][] = []
  if (!look(payload, [], open)) return nothingKnown
  return { value: payload, open }
}

/** False when there is something in it that JSON changes on the way. */
function look(value: unknown, path: readonly string[], open: string[][]): boolean {
  if (path.length > depthLimit) return false
  if (typeof value === 'string') {
    if (isTemplate(value)) open.push([...path])
    return true
  }
  if (Array.isArray(value)) return value.every((item, index) => look(item, [...path, String(index)], open))
  if (isPlainObject(value)) {
    return Object.entries(value).every(([key, item]) => !isTemplate(key) && look(item, [...path, key], open))
  }
  if (typeof value === 'number') return Number.isFinite(value)
  return value === null || typeof value === 'boolean' || (value === undefined && path.length === 0)
}

const isTemplate = (text: string): boolean => text.includes('{{') || text.includes('{%')
