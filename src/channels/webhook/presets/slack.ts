/** Slack's incoming webhooks: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks */
import { webLink } from '../../shared/alert-text.ts'
import { shorten } from '../../shared/clean-text.ts'
import { chatText } from './chat-text.ts'
import { colorOf, type Preset } from './preset.ts'

/** Characters of a header block, a section's text and a button's URL. */
const limits = { header: 150, section: 3000, url: 3000, fallback: 1000 }

/** Texts of devices are plain text throughout, so that `*`, `<!channel>` and links in them stay characters. */
function plain(text: string, maxChars: number) {
  return { type: 'plain_text', text: shorten(text, maxChars), emoji: false }
}

export const slack: Preset = {
  requests(notification, target) {
    const { title, parts, footer } = chatText(notification)
    const link = webLink(notification.ackUrl)
    const blocks = [
      { type: 'header', text: plain(title, limits.header) },
      ...parts.map((text) => ({ type: 'section', text: plain(text, limits.section) })),
      ...(link === null || link.length > limits.url
        ? []
        : [
            {
              type: 'actions',
              elements: [{ type: 'button', text: plain('Acknowledge', 75), url: link, style: 'primary' }],
            },
          ]),
      { type: 'context', elements: [plain(footer, limits.section)] },
    ]
    // The text is what a phone shows before the message is opened; in it &, < and > have a meaning.
    const text = shorten(title, limits.fallback)
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
    return [
      {
        url: target.url,
        body: {
          text,
          mrkdwn: false,
          attachments: [{ color: colorOf(notification), fallback: text, blocks }],
        },
      },
    ]
  },
}
