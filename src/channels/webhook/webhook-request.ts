/** The requests that a notification becomes for a target. */
import type { Notification } from '../../core/alerts/notification.ts'
import { jsonText } from '../../core/json-text.ts'
import { compileValue } from '../../core/templates/compile.ts'
import { isZone } from '../../core/templates/date-text.ts'
import { fieldRoots, fieldsOf } from './notification-fields.ts'
import { presets } from './presets/index.ts'
import type { WebhookTarget } from './schema.ts'

/** What is larger is refused by most services. */
const maxBodyBytes = 262_144

export interface WebhookRequest {
  readonly url: URL
  readonly contentType: string
  readonly body: Buffer
}

export type Made =
  | { readonly ok: true; readonly requests: readonly WebhookRequest[] }
  | { readonly ok: false; readonly reason: 'too-large' | 'refused'; readonly message: string }

const json = 'application/json'

export function webhookRequests(target: WebhookTarget, notification: Notification, deliveryId: string): Made {
  const made =
    target.preset === 'generic'
      ? generic(target, notification, deliveryId)
      : known(target, notification, target.preset)
  if (!made.ok || made.requests.every(({ body }) => body.byteLength <= maxBodyBytes)) return made
  return {
    ok: false,
    reason: 'too-large',
    message: `The body of the webhook is larger than ${maxBodyBytes} bytes.`,
  }
}

function known(target: WebhookTarget, notification: Notification, preset: keyof typeof presets): Made {
  const requests = presets[preset].requests(notification, target).map(({ url, body }) => ({
    url: new URL(url),
    contentType: json,
    body: Buffer.from(jsonText(body)),
  }))
  return { ok: true, requests }
}

function generic(target: WebhookTarget, notification: Notification, deliveryId: string): Made {
  const fields = fieldsOf(notification, deliveryId)
  const url = new URL(target.url)
  if (target.body === null)
    return { ok: true, requests: [{ url, contentType: json, body: Buffer.from(jsonText(fields)) }] }
  const zone = isZone(notification.zone) ? notification.zone : 'UTC'
  const compiled = compileValue(target.body, fieldRoots, { zone })
  // The schema has compiled it before.
  if (!compiled.ok)
    return { ok: false, reason: 'refused', message: 'The body of the webhook cannot be read.' }
  const rendered = compiled.value.render(fields, notification.atMs)
  if (!rendered.ok)
    return {
      ok: false,
      reason: 'refused',
      message: `The body of the webhook cannot be made: ${rendered.message}.`,
    }
  const isText = typeof target.body === 'string'
  const text = typeof rendered.value === 'string' ? rendered.value : jsonText(rendered.value)
  return {
    ok: true,
    requests: [
      {
        url,
        contentType: isText ? 'text/plain; charset=utf-8' : json,
        body: Buffer.from(isText ? text : jsonText(rendered.value)),
      },
    ],
  }
}
