/** The keys of `settings:`, each checked on its own: several files may set different ones. */
import { z } from 'zod'
import { parsePlainFilter } from '../../core/topics/filter.ts'
import type { Channel } from '../../ports/channel.ts'
import { defaultDecodeLimits } from '../../ports/decoder.ts'
import { addProblem, size } from '../fields.ts'
import { zoneField } from './calendar.ts'
import { httpSchema } from './http.ts'
import { watchSchema } from './watch.ts'

const mebibyte = 1_048_576

export const settingsShape = {
  zone: zoneField.describe('Time zone of times and days in rules and texts; the system’s unless given.'),
  log_directory: z.string().min(1).describe('Where the `log` action writes; `logs` unless given.'),
  log_fsync: z
    .enum(['always', 'never'])
    .describe(
      'always: a message counts as done when its log line is on the disk itself. never: when the system has it; a power cut may cost the last lines. always unless given.',
    ),
  storage: z
    .string()
    .min(1)
    .describe(
      'File that keeps state, alerts and messages; `memory` keeps nothing. data/tocsin.db unless given.',
    ),
  respond_to: z
    .array(
      z.string().superRefine((text, context) => {
        const parsed = parsePlainFilter(text)
        for (const { code, message, help, offset } of parsed.ok ? [] : parsed.problems) {
          addProblem(context, message, {
            code,
            ...(help && { help }),
            ...(offset !== undefined && { offset }),
          })
        }
      }),
    )
    .max(100)
    .describe('Topics where answers to requests may go, as filters; response/# unless given.'),
  limits: z
    .strictObject({
      payload: size('Longer payloads are not decoded; 256KiB unless given.', {
        max: 16 * mebibyte,
      }).optional(),
      depth: z.int().min(1).max(128).optional().describe('How deep a payload may be nested.'),
      keys: z.int().min(1).max(1_000_000).optional().describe('How many keys and items a payload may have.'),
    })
    .transform(({ payload, depth, keys }) => ({
      payloadBytes: payload ?? defaultDecodeLimits.sizeBytes,
      depth: depth ?? defaultDecodeLimits.depth,
      keys: keys ?? defaultDecodeLimits.keys,
    }))
    .describe('Bounds for payloads.'),
  http: httpSchema,
  watch: watchSchema,
}

const settingsSchema = z.strictObject(settingsShape).partial()

export type WrittenSettings = z.output<typeof settingsSchema>

/** Instead of an account: what would be sent is kept and shown. */
export const inbox = 'inbox'

/** The schema of each channel's account, by its key below `settings`. */
export function accountSchemas(channels: readonly Channel[]): ReadonlyMap<string, z.ZodType<unknown>> {
  return new Map(
    channels.flatMap(({ accountName, accountSchema }) =>
      accountName === null || accountSchema === null ? [] : [[accountName, accountSchema]],
    ),
  )
}

/** All of `settings:`, for editors. */
export function settingsObject(channels: readonly Channel[]): z.ZodType {
  const accounts = [...accountSchemas(channels)].map(([name, schema]) => {
    const users = channels.filter(({ accountName }) => accountName === name).map((channel) => channel.name)
    const description = `The account for ${users.join(' and ')}; or inbox: nothing is sent, what would be is kept and shown.`
    return [
      name,
      z
        .union([z.literal(inbox), schema])
        .optional()
        .describe(description),
    ] as const
  })
  return settingsSchema.extend(Object.fromEntries(accounts))
}
