/** Discord's webhooks: https://discord.com/developers/docs/resources/webhook#execute-webhook */
import { webLink } from '../../shared/alert-text.ts'
import { shorten } from '../../shared/clean-text.ts'
import { chatText } from './chat-text.ts'
import { colorOf, field, type Preset } from './preset.ts'

/** Characters of an embed's parts; together they may have 6000. */
const limits = { title: 256, description: 4096, footer: 2048 }
const maxLinkChars = 1000

/** Markdown of a text would format it, and brackets would make links of it. */
function escapeMarkdown(text: string): string {
  return text.replace(/[\\*_~`|>#[\]()<@:-]/g, '\\$&')
}

/** Escaped, and at most so long with it. */
function fit(text: string, maxChars: number): string {
  let kept = shorten(text, maxChars)
  let escaped = escapeMarkdown(kept)
  while (escaped.length > maxChars) {
    kept = shorten(kept, Math.min(kept.length - 1, Math.floor((kept.length * maxChars) / escaped.length)))
    escaped = escapeMarkdown(kept)
  }
  return escaped
}

export const discord: Preset = {
  requests(notification, target) {
    const { title, parts, footer } = chatText(notification)
    const link = webLink(notification.ackUrl)
    const linkLine =
      link === null || link.length > maxLinkChars
        ? ''
        : `[Acknowledge](${link.replaceAll('(', '%28').replaceAll(')', '%29')})`
    const said = fit(parts.join('\n\n'), limits.description - linkLine.length - 2)
    const embed = {
      title: fit(title, limits.title),
      description: [said, linkLine].filter((part) => part !== '').join('\n\n'),
      color: Number.parseInt(colorOf(notification).slice(1), 16),
      footer: { text: shorten(footer, limits.footer) },
    }
    const url = new URL(target.url)
    // Only so the answer comes when the message stands there, with its id.
    url.searchParams.set('wait', 'true')
    return [{ url: url.href, body: { embeds: [embed], allowed_mentions: { parse: [] } } }]
  },
  idOf(answer) {
    const id = field(answer, 'id')
    return typeof id === 'string' ? id : null
  },
}
