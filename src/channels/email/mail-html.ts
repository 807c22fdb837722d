/** The HTML of a mail: tables and inline styles, as mail programs want it, for the width of a phone, light or dark. */
import type { Severity } from '../../core/rules/definition.ts'
import type { MailAlert, MailContent } from './mail-content.ts'

const bands: Readonly<Record<Severity | 'resolved', string>> = {
  critical: '#b91c1c',
  warning: '#b45309',
  info: '#1d4ed8',
  resolved: '#15803d',
}
const font = "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
const ink = '#111827'
const soft = '#4b5563'
const line = '#e5e7eb'

/** For programs that know them: dark colours, and the hover of nothing else. The inline styles are the light ones. */
const style = `
:root{color-scheme:light dark;supported-color-schemes:light dark}
body{margin:0;padding:0;width:100%}
a{text-decoration:none}
@media (max-width:600px){.page{padding:0!important}.card{border-radius:0!important;border:0!important}.part{padding-left:20px!important;padding-right:20px!important}}
@media (prefers-color-scheme:dark){
.page{background:#0b0d10!important}
.card{background:#16191e!important;border-color:#2a2f37!important}
.ink{color:#f3f4f6!important}
.soft{color:#a8b0bb!important}
.line{border-color:#2a2f37!important}
.button{background:#f3f4f6!important}
.button a{color:#111827!important}
}`.replaceAll('\n', '')

export function mailHtml(content: MailContent): string {
  const { badge, title, by, text, alerts, more, ackUrl, isResolved, severity } = content
  const band = bands[isResolved ? 'resolved' : severity]
  const [only] = alerts
  const single = alerts.length === 1 && more === 0 && only !== undefined
  const parts = [
    part(
      `<h1 class="ink" dir="auto" style="margin:0;font-size:22px;line-height:1.3;font-weight:700;color:${ink};${breakWords}">${escapeHtml(title)}</h1>` +
        (single
          ? soften(
              `${escapeHtml(capital(only.state))} · ${sinceWord(only)} ${escapeHtml(only.since)} (${escapeHtml(content.zone)})`,
            )
          : '') +
        (by === null ? '' : soften(escapeHtml(by))),
      '24px 28px 4px',
    ),
    ...(text === '' ? [] : [part(paragraph(text), '12px 28px 0')]),
    ...(single ? oneAlert(only, title) : alerts.map(listedAlert)),
    ...(more > 0 ? [part(soften(`and ${more} more`), '4px 28px 8px')] : []),
    ...(ackUrl === null ? [] : [button(ackUrl, content.ackCode)]),
  ]
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark"><title>${escapeHtml(title)}</title><style>${style}</style></head>
<body style="margin:0;padding:0">
<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">${escapeHtml(preview(content))}</div>
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" style="background:#f3f4f6;padding:24px 12px"><tr><td align="center">
<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:600px;background:#ffffff;border:1px solid ${line};border-radius:12px;border-collapse:separate;overflow:hidden;table-layout:fixed;text-align:left;text-align:start">
<tr><td class="part" bgcolor="${band}" style="background:${band};padding:14px 28px;${font};font-size:13px;line-height:1.4;font-weight:700;letter-spacing:.06em;text-transform:uppercase;color:#ffffff">${escapeHtml(badge)}</td></tr>
${parts.join('\n')}
<tr><td class="part line" style="padding:16px 28px 20px;border-top:1px solid ${line};${font}">${footer(content, single ? only.name : null)}</td></tr>
</table></td></tr></table></body></html>
`
}

const breakWords = 'overflow-wrap:anywhere;word-break:break-word'

/** What a list of mails shows behind the subject: the state first, as the subject stays the same. */
function preview({ badge, title, alerts, by }: MailContent): string {
  const state = alerts.length === 1 && alerts[0] !== undefined ? `${badge} · ${alerts[0].state}` : badge
  return `${state}${by === null ? '' : ` · ${by}`} · ${title}`.slice(0, 140).toWellFormed()
}

function part(html: string, padding: string): string {
  return `<tr><td class="part" style="padding:${padding};${font}">${html}</td></tr>`
}

function soften(html: string): string {
  return `<p class="soft" dir="auto" style="margin:6px 0 0;font-size:15px;line-height:1.45;color:${soft};${breakWords}">${html}</p>`
}

function paragraph(text: string): string {
  return `<p class="ink" dir="auto" style="margin:0;font-size:16px;line-height:1.5;color:${ink};${breakWords}">${escapeHtml(text).replaceAll('\n', '<br>')}</p>`
}

function oneAlert(alert: MailAlert, title: string): string[] {
  const head = alert.summary === '' || alert.summary === title ? '' : alert.summary
  return [
    ...(head === '' ? [] : [part(paragraph(head), '12px 28px 0')]),
    ...(alert.description === '' ? [] : [part(paragraph(alert.description), '12px 28px 0')]),
    ...(alert.values.length + alert.labels.length === 0
      ? []
      : [
          part(
            `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="table-layout:fixed">${[
              ...alert.values.map(([name, value]) => row(name, value, true)),
              ...alert.labels.map(([name, value]) => row(name, value, false)),
            ].join('')}</table>`,
            '16px 28px 8px',
          ),
        ]),
  ]
}

function row(name: string, value: string, isMeasured: boolean): string {
  const cell = `padding:10px 0;border-top:1px solid ${line};line-height:1.4;vertical-align:top;${breakWords};${font}`
  const weight = isMeasured ? 'font-size:18px;font-weight:700' : 'font-size:15px'
  return (
    `<tr><td class="soft line" width="36%" dir="auto" style="${cell};padding-right:12px;font-size:15px;color:${soft}">${escapeHtml(name)}</td>` +
    `<td class="ink line" dir="auto" style="${cell};${weight};color:${ink}">${escapeHtml(value)}</td></tr>`
  )
}

function listedAlert(alert: MailAlert): string {
  const color = bands[alert.isResolved ? 'resolved' : alert.severity]
  const small = `margin:3px 0 0;font-size:14px;line-height:1.45;color:${soft};${breakWords}`
  const lines = [
    `<p class="ink" dir="auto" style="margin:0;font-size:16px;line-height:1.4;font-weight:600;color:${ink};${breakWords}">${escapeHtml(alert.summary === '' ? alert.name : alert.summary)}</p>`,
    `<p class="soft" dir="auto" style="${small}">${escapeHtml(capital(alert.state))} · ${sinceWord(alert)} ${escapeHtml(alert.since)}</p>`,
    ...(factsHtml(alert) === ''
      ? []
      : [`<p class="soft" dir="auto" style="${small}">${factsHtml(alert)}</p>`]),
    ...(alert.description === ''
      ? []
      : [
          `<p class="soft" dir="auto" style="${small}">${escapeHtml(alert.description).replaceAll('\n', '<br>')}</p>`,
        ]),
  ]
  return part(
    `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="table-layout:fixed"><tr><td style="border-left:4px solid ${color};padding:2px 0 2px 14px;${font}">${lines.join('')}</td></tr></table>`,
    '14px 28px 2px',
  )
}

function factsHtml(alert: MailAlert): string {
  const bold = (value: string) => `<span class="ink" style="color:${ink}">${escapeHtml(value)}</span>`
  return [...alert.values, ...alert.labels]
    .map(([name, value]) => `${escapeHtml(name)} ${bold(value)}`)
    .join(' · ')
}

function button(url: string, code: string | null): string {
  const link = `<a href="${escapeHtml(url)}" style="display:block;padding:16px 20px;${font};font-size:17px;line-height:1.2;font-weight:700;color:#ffffff;text-decoration:none;text-align:center">Acknowledge</a>`
  const hint = `Stops further escalation; the alert itself stays until it clears.${code === null ? '' : ` Code: ${escapeHtml(code)}`}`
  return part(
    `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td class="button" bgcolor="${ink}" style="background:${ink};border-radius:10px">${link}</td></tr></table>` +
      `<p class="soft" style="margin:10px 0 0;font-size:13px;line-height:1.45;color:${soft};text-align:center">${hint}</p>`,
    '20px 28px 20px',
  )
}

function footer({ zone, at }: MailContent, name: string | null): string {
  const about = name === null ? '' : `${escapeHtml(name)}<br>`
  return `<p class="soft" style="margin:0;font-size:12px;line-height:1.5;color:#6b7280;${breakWords}">${about}Sent by Tocsin on ${escapeHtml(at)} (${escapeHtml(zone)})</p>`
}

function sinceWord({ isResolved }: MailAlert): string {
  return isResolved ? 'began' : 'since'
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '')
}
