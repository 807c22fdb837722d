/** What can be written below `log:`. */
import { z } from 'zod'
import { maxKeptFiles } from '../../core/log-file-name.ts'
import { sizeSchema } from '../shared/size-schema.ts'

const mebibyte = 1_048_576

const values = z.record(z.string(), z.unknown())

export const logSchema = z.strictObject({
  file: z
    .string()
    .describe(
      'The file below the log directory, such as sensors/{{ device }}.csv. A template: when a value is missing nothing is written.',
    ),
  format: z
    .enum(['csv', 'ndjson'])
    .optional()
    .describe(
      'csv: a table with a header line. ndjson: one JSON object per line. Without it, as the file name ends: .csv, .ndjson or .jsonl.',
    ),
  columns: z
    .union([z.array(z.union([z.string(), values])), values])
    .optional()
    .describe(
      'What to write, in this order. A plain name is the capture or variable of that name, else the part of the payload: [timestamp, device, temperature]. For anything else give name and template: { celsius: "{{ payload.t }}" }. `timestamp` is the payload\'s own, else when the message came. Without columns: received_at, topic, payload.',
    ),
  rotate: z
    .strictObject({
      size: sizeSchema(
        1024,
        1_048_576 * mebibyte,
        'How large the file may become, such as 10MiB; then it is moved aside.',
      ).default(10 * mebibyte),
      keep: z
        .int()
        .min(1)
        .max(maxKeptFiles)
        .default(5)
        .describe('How many of the files moved aside are kept: name.1 is the latest.'),
    })
    .default({ size: 10 * mebibyte, keep: 5 })
    .describe('When the file is moved aside to name.1, name.1 to name.2, and so on.'),
})

export type LogSpec = z.output<typeof logSchema>
