/** One item of `inhibit:`: alerts that tell nobody while another one fires. */
import { z } from 'zod'
import type { InhibitDefinition } from '../../core/alerts/definition.ts'
import { labelNames, matcher } from './matcher.ts'

export const inhibitSchema: z.ZodType<InhibitDefinition> = z.strictObject({
  when: matcher('While an alert with these labels fires: label and value, a list, or /pattern/.'),
  mute: matcher('Alerts with these labels tell nobody.'),
  same: labelNames('Labels in which the two must be alike.').default([]),
})
