/** Looks into a zod schema: which keys a place has, and what they are for. */

import type { z } from 'zod'
import type { Path } from '../core/problem.ts'

type Schema = z.core.$ZodType

/** What a schema says underneath optional, default, transform and the like. */
function unwrap(schema: Schema): { schema: Schema; description: string | undefined } {
  let current = schema
  let description: string | undefined
  for (let layers = 0; layers < 32; layers++) {
    description ??= describe(current)
    const { def } = current._zod
    if ('innerType' in def && isSchema(def.innerType)) current = def.innerType
    else if (def.type === 'pipe' && 'in' in def && isSchema(def.in)) current = def.in
    else break
  }
  return { schema: current, description }
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && '_zod' in value
}

function describe(schema: Schema): string | undefined {
  return 'description' in schema && typeof schema.description === 'string' ? schema.description : undefined
}

function below(schema: Schema, part: string | number): Schema[] {
  const { def } = unwrap(schema).schema._zod
  if ('options' in def && Array.isArray(def.options))
    return def.options.filter(isSchema).flatMap((option) => below(option, part))
  if ('shape' in def && typeof def.shape === 'object' && def.shape !== null) {
    const found: unknown = Object.hasOwn(def.shape, part) ? Reflect.get(def.shape, part) : undefined
    return isSchema(found) ? [found] : []
  }
  if ('element' in def && isSchema(def.element)) return [def.element]
  return 'valueType' in def && isSchema(def.valueType) ? [def.valueType] : []
}

function at(schema: Schema, path: Path): Schema[] {
  return path.reduce<Schema[]>((schemas, part) => schemas.flatMap((one) => below(one, part)), [schema])
}

export function keysAt(schema: Schema, path: Path): readonly string[] {
  const keys = (one: Schema): string[] => {
    const { def } = unwrap(one).schema._zod
    if ('options' in def && Array.isArray(def.options)) return def.options.filter(isSchema).flatMap(keys)
    return 'shape' in def && typeof def.shape === 'object' && def.shape !== null ? Object.keys(def.shape) : []
  }
  return [...new Set(at(schema, path).flatMap(keys))]
}

export function descriptionAt(schema: Schema, path: Path): string | null {
  for (const found of at(schema, path)) {
    const { description } = unwrap(found)
    if (description !== undefined) return description
  }
  return null
}
