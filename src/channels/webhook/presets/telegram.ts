/** Telegram's bots: https://core.telegram.org/bots/api#sendmessage */
import { webLink } from '../../shared/alert-text.ts'
import { shorten } from '../../shared/clean-text.ts'
import { chatText } from './chat-text.ts'
import { field, type Preset } from './preset.ts'

/** Characters of a message, counted without its markup. */
const maxTextChars = 4096
const maxTitleChars = 400

function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

export const telegram: Preset = {
  requests(notification, target) {
    const chat = chatText(notification)
    const title = shorten(chat.title, maxTitleChars)
    const link = webLink(notification.ackUrl)
    // Telegram refuses a message whose button leads to a name without a dot, such as localhost.
    const isButton = link !== null && new URL(link).hostname.includes('.')
    const tail = [link !== null && !isButton ? `Acknowledge: ${link}` : '', chat.footer]
      .filter((line) => line !== '')
      .join('\n')
    const middle = chat.parts.join('\n\n')
    const body = shorten(middle, Math.max(0, maxTextChars - title.length - tail.length - 4))
    const text = [`<b>${escapeMarkup(title)}</b>`, escapeMarkup(body), escapeMarkup(shorten(tail, 3000))]
      .filter((part) => part !== '')
      .join('\n\n')
    return [
      {
        url: target.url,
        body: {
          chat_id: target.chatId,
          text,
          parse_mode: 'HTML',
          link_preview_options: { is_disabled: true },
          disable_notification: notification.severity === 'info' || notification.kind === 'resolved',
          ...(isButton ? { reply_markup: { inline_keyboard: [[{ text: 'Acknowledge', url: link }]] } } : {}),
        },
      },
    ]
  },
  idOf(answer) {
    const id = field(field(answer, 'result'), 'message_id')
    return typeof id === 'number' ? String(id) : null
  },
}
