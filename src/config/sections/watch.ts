/** `settings.watch`: how Tocsin tells of its own troubles. */
import { z } from 'zod'
import { addProblem, duration } from '../fields.ts'

export interface WatchSettings {
  /** Who is told; null: nobody. */
  readonly policy: string | null
  /** A broker that is away for so long is told. */
  readonly brokerDownMs: number
  /** Asked for again and again: who is no longer asked raises the alarm. */
  readonly heartbeat: { readonly url: string; readonly everyMs: number } | null
}

const defaultBrokerDownMs = 300_000
const defaultHeartbeatMs = 60_000

/** `policy` as it is written; undefined: `default`, if there is one. */
export type WrittenWatch = Omit<WatchSettings, 'policy'> & { readonly policy: string | undefined }

export const defaultWatch: WrittenWatch = {
  policy: undefined,
  brokerDownMs: defaultBrokerDownMs,
  heartbeat: null,
}

export const watchSchema = z
  .strictObject({
    policy: z.string().min(1).optional().describe('Who is told; `default` unless given, `none` for nobody.'),
    broker_down: duration('A broker that is away for so long is told; 5m unless given.', {
      minMs: 1_000,
    }).optional(),
    heartbeat: z
      .strictObject({
        url: z
          .string()
          .superRefine((text, context) => {
            const url = URL.parse(text)
            if (url !== null && /^https?:$/.test(url.protocol) && url.hostname !== '') return
            addProblem(context, '`url` is not a web address', {
              help: 'write the address that your monitor gave you, such as https://hc-ping.com/…',
            })
          })
          .describe('Address of an outside monitor, which raises the alarm when it is no longer asked for.'),
        every: duration('How often; 1m unless given.', { minMs: 10_000 }).optional(),
      })
      .optional()
      .describe('A sign of life to somebody outside, in case Tocsin or its machine stops.'),
  })
  .transform(
    ({ policy, broker_down, heartbeat }): WrittenWatch => ({
      policy,
      brokerDownMs: broker_down ?? defaultBrokerDownMs,
      heartbeat:
        heartbeat === undefined
          ? null
          : { url: heartbeat.url, everyMs: heartbeat.every ?? defaultHeartbeatMs },
    }),
  )
  .describe('How Tocsin tells of its own troubles.')
