/** A size in the configuration of an action: a number of bytes, or `500KiB`, `10MiB`, `1GiB`. */
import { z } from 'zod'

const unitBytes: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1_048_576, GiB: 1_073_741_824 }

/** Reads the size into bytes, between `minBytes` and `maxBytes`. */
export function sizeSchema(minBytes: number, maxBytes: number, description: string) {
  return z
    .union([z.string(), z.number()])
    .transform((written, context) => {
      const sizeBytes = typeof written === 'number' ? written : parseSize(written)
      if (sizeBytes === null || !Number.isSafeInteger(sizeBytes)) {
        context.addIssue({
          code: 'custom',
          message: `${JSON.stringify(written)} is not a size; write a number of bytes, or one such as 500KiB, 10MiB or 1GiB`,
        })
        return z.NEVER
      }
      if (sizeBytes < minBytes || sizeBytes > maxBytes) {
        context.addIssue({
          code: 'custom',
          message: `A size of ${JSON.stringify(written)} is not possible here; write one from ${minBytes} to ${maxBytes} bytes`,
        })
        return z.NEVER
      }
      return sizeBytes
    })
    .describe(description)
}

function parseSize(text: string): number | null {
  const [, number, unit] = /^(\d+)\s*(KiB|MiB|GiB)?$/.exec(text) ?? []
  if (number === undefined) return null
  return Number(number) * (unit === undefined ? 1 : (unitBytes[unit] ?? 1))
}
