/** A size in the configuration of an action: a number of bytes, or text such as `500KiB` or `10MiB`. */
import { z } from 'zod'
import { parseSize } from '../../core/byte-size.ts'

/** Reads the size into bytes, between `minBytes` and `maxBytes`. */
export function sizeSchema(minBytes: number, maxBytes: number, description: string) {
  return z
    .union([z.string(), z.number()])
    .transform((written, context) => {
      const parsed = typeof written === 'number' ? { ok: true as const, bytes: written } : parseSize(written)
      if (!parsed.ok || !Number.isSafeInteger(parsed.bytes)) {
        context.addIssue({
          code: 'custom',
          message: `${JSON.stringify(written)} is not a size; write a number of bytes, or one such as 500KiB, 10MiB or 1GiB`,
        })
        return z.NEVER
      }
      const sizeBytes = parsed.bytes
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
