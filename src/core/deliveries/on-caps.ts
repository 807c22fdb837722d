/** When a cap lets something through again, those it held back from are told how much that was. */
import type { Alerting } from '../alerts/alerting.ts'
import { sliceIdParts } from '../state.ts'
import type { StepContext } from '../step-context.ts'
import { durationText } from '../templates/duration-text.ts'
import { admit, takeSuppressed } from './caps.ts'
import type { CapsSliceState } from './delivery-state.ts'
import { tellDigest } from './send.ts'

/** Caps that no longer are, or a message that never fits, are looked at again so much later. */
const lookAgainMs = 3_600_000

export function onCapsTimer(id: string, alerting: Alerting, context: StepContext): void {
  const state = context.draft.read(id)?.data as CapsSliceState | undefined
  if (state === undefined) return
  const { nowMs } = context
  const channel = sliceIdParts(id)[1] ?? ''
  let { caps } = state
  let nextMs: number | null = null
  // One at a time: a digest uses up what the next one would need.
  for (const [number, held] of Object.entries(caps.suppressed.numbers)) {
    const place = alerting.place(channel, number)
    const limits = place?.address.caps ?? null
    if (place === null) {
      caps = takeSuppressed(caps, number).state
      continue
    }
    const request = { number, units: 1, price: place.address.price, severity: 'info' as const, nowMs }
    const admission = limits === null ? null : admit(limits, caps, request)
    if (admission === null || admission.ok) {
      caps = takeSuppressed(caps, number).state
      const since = durationText(Math.max(1_000, nowMs - held.firstMs))
      const { critical, warning, info } = held.bySeverity
      const text = `${held.count} notifications were not sent in the last ${since}: the limit was reached (${critical} critical, ${warning} warning, ${info} info).`
      const isMore = caps.suppressed.total > 0
      context.draft.write(id, { caps }, isMore ? nowMs + 1 : null)
      tellDigest(channel, number, text, alerting, context)
      return
    }
    const untilMs = admission.untilMs ?? nowMs + lookAgainMs
    nextMs = nextMs === null ? untilMs : Math.min(nextMs, untilMs)
  }
  context.draft.write(id, { caps }, nextMs)
}
