/** The lines that chats show of a notification; each chat escapes and shortens them in its own way. */
import type { Notification, NotifiedAlert } from '../../../core/alerts/notification.ts'
import { byText, kindWord, shownLabels, stateText, timeText } from '../../shared/alert-text.ts'
import { cleanLine, cleanText } from '../../shared/clean-text.ts'

/** Longer lists are for mails: a chat shows the first. */
export const maxChatAlerts = 8

export interface ChatText {
  /** `CRITICAL: ` or `RESOLVED: `, then the title. */
  readonly title: string
  /** Paragraphs: what is said above the alerts, then one for each. */
  readonly parts: readonly string[]
  /** Beneath it all: code, time and zone. */
  readonly footer: string
}

export function chatText(notification: Notification): ChatText {
  const { kind, severity, alerts, ackCode, zone, atMs } = notification
  const title = cleanLine(notification.title, 300) || 'Alert'
  const head = kind === 'firing' ? severity : kindWord(kind)
  const shown = alerts.slice(0, maxChatAlerts)
  const more = notification.more + alerts.length - shown.length
  const by = byText(notification)
  const text = cleanText(notification.text, 2500)
  return {
    title: `${head.toUpperCase()}: ${title}`,
    parts: [
      by === null ? '' : cleanLine(by, 200),
      text,
      ...shown.map((alert) => alertPart(alert, title, zone, atMs)),
      more > 0 ? `and ${more} more` : '',
    ].filter((part) => part !== ''),
    footer: `${ackCode === null ? '' : `Code ${cleanLine(ackCode, 20)} · `}${timeText(atMs, zone)} (${cleanLine(zone, 40)})`,
  }
}

function alertPart(alert: NotifiedAlert, title: string, zone: string, atMs: number): string {
  const summary = cleanLine(alert.summary, 300)
  const facts = [...Object.entries(alert.values), ...shownLabels(alert)].slice(0, 8)
  return [
    // A message about one alert has its summary as its title.
    summary === title ? '' : summary,
    `${stateText(alert, atMs)}, since ${timeText(alert.sinceMs, zone)}`,
    facts.map(([name, value]) => `${cleanLine(name, 40)}: ${cleanLine(value, 100)}`).join(' · '),
    alert.state === 'resolved' ? '' : cleanText(alert.description ?? '', 300),
  ]
    .filter((line) => line !== '')
    .join('\n')
}
