/** The page behind the link in a mail: what it is about, and a button. Everything in it is escaped. */
import type { AckView } from '../ports/web.ts'

const colours = { critical: '#b3261e', warning: '#9a5b00', info: '#1f5fa8' } as const

export function ackPage(view: AckView, options: { readonly zone: string; readonly done: boolean }): string {
  const { severity, title, alerts, more, ackedBy } = view
  const time = new Intl.DateTimeFormat('en-GB', {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: options.zone,
  })
  const rows = alerts.map(
    ({ rule, summary, state, sinceMs }) =>
      `<li><strong>${escapeHtml(summary)}</strong><br><small>${escapeHtml(rule)}, ${state} since ${escapeHtml(time.format(sinceMs))}</small></li>`,
  )
  if (more > 0) rows.push(`<li>and ${more} more</li>`)
  const open = alerts.some(({ state }) => state !== 'resolved')
  const answer =
    ackedBy !== null
      ? `<p class="done">${options.done ? 'Acknowledged. Thank you: nobody else is called.' : `Acknowledged by ${escapeHtml(ackedBy)}.`}</p>`
      : open
        ? '<form method="post"><button>Acknowledge</button></form><p><small>Stops the escalation. The alert ends by itself when its condition does.</small></p>'
        : '<p class="done">It is over: there is nothing left to acknowledge.</p>'
  return page(
    title,
    colours[severity],
    `<p class="severity">${severity}</p><h1>${escapeHtml(title)}</h1><ul>${rows.join('')}</ul>${answer}`,
  )
}

/** For links that are unknown or too old. Says nothing about what there is. */
export function expiredPage(): string {
  return page(
    'This link has expired',
    colours.info,
    '<h1>This link has expired</h1><p>Links in notifications work for some days. The latest notification has one that works.</p>',
  )
}

function page(title: string, colour: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex"><title>${escapeHtml(title)}</title><style>${styles(colour)}</style></head><body><main>${body}</main></body></html>`
}

function styles(colour: string): string {
  return `:root{color-scheme:light dark;--accent:${colour}}body{margin:0;font:17px/1.5 system-ui,sans-serif;background:Canvas;color:CanvasText}main{max-width:34rem;margin:0 auto;padding:1.5rem;border-top:.5rem solid var(--accent)}h1{font-size:1.4rem;overflow-wrap:anywhere}.severity{margin:0;font-weight:700;letter-spacing:.06em;text-transform:uppercase;color:var(--accent)}ul{padding:0;list-style:none}li{padding:.6rem 0;border-bottom:1px solid color-mix(in srgb,CanvasText 20%,transparent);overflow-wrap:anywhere}button{width:100%;padding:1rem;border:0;border-radius:.6rem;background:var(--accent);color:#fff;font:inherit;font-weight:700;cursor:pointer}.done{padding:1rem;border-radius:.6rem;background:color-mix(in srgb,#1a7f37 18%,transparent);font-weight:600}`
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}
