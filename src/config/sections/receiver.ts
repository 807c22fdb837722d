/** One entry of `receivers:`: where somebody is reached. The channels that exist come in as values. */
import { z } from 'zod'
import type { ReceiverDefinition } from '../../core/alerts/definition.ts'
import type { Path } from '../../core/problem.ts'
import type { Channel } from '../../ports/channel.ts'
import { addProblem } from '../fields.ts'
import type { Language } from '../insert-values.ts'

export type WrittenReceiver = Omit<ReceiverDefinition, 'name'>

export function receiverSchema(channels: readonly Channel[]): z.ZodType<WrittenReceiver> {
  const shape = Object.fromEntries(
    channels.map(({ name, targetSchema, description }) => [
      name,
      targetSchema.optional().describe(description),
    ]),
  )
  return z
    .strictObject(shape)
    .meta({ minProperties: 1 })
    .transform((written, context): WrittenReceiver => {
      const given = Object.entries(written).filter(([, target]) => target !== undefined)
      if (given.length > 0) return { channels: given.map(([channel, target]) => ({ channel, target })) }
      addProblem(context, 'a receiver needs an address', {
        code: 'config-missing-key',
        help: `write one of ${channels.map(({ name }) => `\`${name}:\``).join(', ')}`,
      })
      return z.NEVER
    })
}

/** Which texts of `receivers:` are templates. */
export function receiverLanguage([, channel, key]: Path): Language | null {
  return channel !== undefined && key === 'body' ? 'template' : null
}
