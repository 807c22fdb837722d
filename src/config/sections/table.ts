/** One entry of `tables:`: rows of values that rules look up with `with: { limit: { table: … } }`. */
import { z } from 'zod'
import type { Table } from '../../core/rules/definition.ts'

const cell = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.null(),
  z.array(z.union([z.string(), z.number(), z.boolean()])),
])

const row = z.record(z.string(), cell).describe('Column and value, such as { max: -15, silent: 1h }.')

export const tableSchema: z.ZodType<Table> = z
  .record(z.string(), row)
  .describe('Rows by name; the row `default` fills what another row lacks.')
