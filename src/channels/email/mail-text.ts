/** The plain text of a mail: for terminals, watches and those who read no HTML. */
import type { MailAlert, MailContent } from './mail-content.ts'

export function mailText(content: MailContent): string {
  const { badge, title, by, text, alerts, more, ackUrl, ackCode, zone, at } = content
  const [only] = alerts
  const single = alerts.length === 1 && more === 0 && only !== undefined
  const blocks: string[] = [`${badge.toUpperCase()}\n${title}${by === null ? '' : `\n${by}`}`]
  if (text !== '') blocks.push(text)
  if (single) blocks.push(...oneAlert(only, title, zone))
  else if (alerts.length > 0) blocks.push(...alerts.map(listedAlert))
  if (more > 0) blocks.push(`… and ${more} more`)
  if (ackUrl !== null) blocks.push(`Acknowledge: ${ackUrl}${ackCode === null ? '' : `\nCode: ${ackCode}`}`)
  blocks.push(`-- \n${single ? `${only.name}\n` : ''}Sent by Tocsin on ${at} (${zone})`)
  return `${blocks.join('\n\n')}\n`
}

function oneAlert(alert: MailAlert, title: string, zone: string): string[] {
  const head = alert.summary === '' || alert.summary === title ? [] : [alert.summary]
  const rows = [
    [alert.isResolved ? 'Began' : 'Since', `${alert.since} (${zone}), ${alert.state}`] as const,
    ...alert.values,
    ...alert.labels,
  ]
  const width = Math.min(20, Math.max(...rows.map(([name]) => name.length)))
  const table = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n')
  return [...head, ...(alert.description === '' ? [] : [alert.description]), table]
}

function listedAlert(alert: MailAlert): string {
  const mark = alert.isResolved ? 'resolved' : alert.severity
  const facts = [...alert.values, ...alert.labels].map(([name, value]) => `${name} ${value}`).join(', ')
  return [
    `* [${mark}] ${alert.summary === '' ? alert.name : alert.summary}`,
    `  ${alert.state}, ${alert.isResolved ? 'began' : 'since'} ${alert.since}`,
    ...(facts === '' ? [] : [`  ${facts}`]),
    ...(alert.description === '' ? [] : [`  ${alert.description.replaceAll('\n', '\n  ')}`]),
  ].join('\n')
}
