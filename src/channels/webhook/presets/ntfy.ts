/** ntfy, at ntfy.sh or one's own: https://docs.ntfy.sh/publish/#publish-as-json */
import { webLink } from '../../shared/alert-text.ts'
import { shorten } from '../../shared/clean-text.ts'
import { chatText } from './chat-text.ts'
import { field, type Preset } from './preset.ts'

/** Longer messages become an attachment. */
const maxMessageBytes = 4096
const maxTitleChars = 250

const priorities = { critical: 5, warning: 4, info: 3 } as const
const tags = { critical: 'rotating_light', warning: 'warning', info: 'information_source' } as const

/** The last level of the URL is the topic; JSON goes to what is before it. */
function splitTopic(text: string): { url: string; topic: string } {
  const url = new URL(text)
  const levels = url.pathname.replace(/\/+$/, '').split('/')
  const topic = decodeURIComponent(levels.pop() ?? '')
  url.pathname = `${levels.join('/')}/`
  return { url: url.href, topic }
}

function fitBytes(text: string): string {
  let fitting = text
  while (Buffer.byteLength(fitting) > maxMessageBytes) {
    const share = maxMessageBytes / Buffer.byteLength(fitting)
    fitting = shorten(fitting, Math.min(fitting.length - 1, Math.floor(fitting.length * share)))
  }
  return fitting
}

export const ntfy: Preset = {
  requests(notification, target) {
    const { title, parts, footer } = chatText(notification)
    const { url, topic } = splitTopic(target.url)
    const link = webLink(notification.ackUrl)
    const isOver = notification.kind === 'resolved' || notification.kind === 'acknowledged'
    return [
      {
        url,
        body: {
          topic,
          title: shorten(title, maxTitleChars),
          message: fitBytes([...parts, footer].join('\n\n')),
          priority: isOver ? 3 : priorities[notification.severity],
          tags: [isOver ? 'white_check_mark' : tags[notification.severity]],
          ...(link === null
            ? {}
            : { click: link, actions: [{ action: 'view', label: 'Acknowledge', url: link, clear: true }] }),
        },
      },
    ]
  },
  idOf(answer) {
    const id = field(answer, 'id')
    return typeof id === 'string' ? id : null
  },
}
