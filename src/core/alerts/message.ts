/** A rule's `notify` action, as an event of the same step: a notification of its own, outside of any group. */
import type { NotifyEffect } from '../effect.ts'
import type { Severity } from '../rules/definition.ts'
import { sliceId } from '../state.ts'
import type { NotifyEvent } from './events.ts'
import { hash64 } from './fingerprint.ts'

const limits = { title: 200, text: 5_000 }

/** `of`: what makes it unlike any other, such as its rule, key and place in the step. `severity`: unless it says its own. */
export function messageEvent(
  { receivers, summary, body, severity, zone }: Omit<NotifyEffect, 'kind'>,
  of: readonly string[],
  fallback: Severity,
  { nowMs, wallMs }: { readonly nowMs: number; readonly wallMs: number },
): NotifyEvent {
  const title = cut(summary.replace(/\s+/g, ' ').trim(), limits.title)
  return {
    type: 'notify',
    receivers,
    notification: {
      kind: 'message',
      title,
      threadTitle: title,
      text: cut(body, limits.text),
      severity: severity ?? fallback,
      alerts: [],
      more: 0,
      by: null,
      ackCode: null,
      ackUrl: null,
      threadId: hash64(sliceId('message', ...of, String(nowMs))),
      threadIndex: 0,
      atMs: wallMs,
      zone,
    },
    of: null,
    last: false,
  }
}

function cut(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text
}
