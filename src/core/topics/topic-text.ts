/** What topic names and topic filters have in common: length, and the characters that MQTT or brokers refuse. */
import { unprintable } from '../printable.ts'
import { type Problem, problem } from '../problem.ts'

/** The length of an MQTT string is sent in two bytes [MQTT-4.7.3-3]. */
const topicLimitBytes = 65_535

/** More slashes in the topic of a message are a protocol error to Mosquitto: it closes the connection, each time. */
export const topicSlashLimit = 200

const excerptLength = 60

/** The text in quotes, for a message: cut when long, and with nothing in it that would upset a terminal. */
export function quoted(text: string): string {
  const characters = text.length > excerptLength ? [...text.slice(0, 2 * excerptLength)] : []
  const cut = characters.length > excerptLength ? `${characters.slice(0, excerptLength).join('')}…` : text
  return `"${cut.replace(unprintable, escapeUnit)}"`
}

/** The first problem of a text as an MQTT string that names or filters topics; null when there is none. */
export function checkTopicText(text: string, what: 'topic' | 'filter'): Problem | null {
  if (text === '') {
    return problem('topic-empty', [], `The ${what} is empty`, {
      help: what === 'filter' ? 'Write which topics are meant; # means all of them.' : 'Write a topic.',
      offset: 0,
    })
  }
  let bytes = 0
  let slashes = 0
  for (let offset = 0; offset < text.length; offset++) {
    const code = text.codePointAt(offset)!
    if (isRefused(code)) return refusedCharacter(text, what, code, offset)
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
    if (bytes > topicLimitBytes) {
      return problem('topic-too-long', [], `The ${what} ${quoted(text)} is longer than 65,535 bytes`, {
        help: 'Shorten it: MQTT cannot carry more.',
        offset,
      })
    }
    if (what === 'topic' && code === 0x2f && ++slashes > topicSlashLimit) {
      return problem('topic-too-deep', [], `The topic ${quoted(text)} has more than ${topicSlashLimit} /`, {
        help: 'Use fewer levels: brokers close the connection on such a topic.',
        offset,
      })
    }
    if (code > 0xffff) offset++
  }
  return null
}

/**
 * NUL and surrogates must not occur [MQTT-1.5.4-1] [MQTT-1.5.4-2]. For control characters and non-characters a
 * receiver may close the connection (section 1.5.4), and Mosquitto does: one bad topic would cut off every rule.
 */
function isRefused(code: number): boolean {
  return (
    code < 0x20 ||
    (code >= 0x7f && code < 0xa0) ||
    (code >= 0xd800 && code < 0xe000) ||
    (code >= 0xfdd0 && code < 0xfdf0) ||
    (code & 0xfffe) === 0xfffe
  )
}

function refusedCharacter(text: string, what: string, code: number, offset: number): Problem {
  const name =
    code === 0
      ? 'the character NUL'
      : code === 0x0a || code === 0x0d
        ? 'a line break'
        : code === 0x09
          ? 'a tab'
          : code >= 0xd800 && code < 0xe000
            ? 'half of a character (a lone surrogate)'
            : `the control character ${codePointName(code)}`
  return problem('topic-invalid-character', [], `The ${what} ${quoted(text)} contains ${name}`, {
    help: 'Remove it: brokers close the connection on such a topic.',
    offset,
  })
}

function codePointName(code: number): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
