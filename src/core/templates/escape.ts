/**
 * Values on their way into a topic or a file name: percent-encoded where a character would mean something,
 * so that a value never adds a level, a wildcard or a way out of the folder. decodeURIComponent reads it back.
 */
import { topicSlashLimit } from '../topics/topic-text.ts'
import { maxNameBytes, maxPathBytes, maxTopicBytes } from './limits.ts'

// In a topic: separator, wildcards [MQTT-4.7.3-1], NUL [MQTT-4.7.3-2], the escape sign itself, and the control and
// non-characters for which a receiver may close the connection (section 1.5.4).
const topicSpecial = /[/+#%\p{Cc}\p{NChar}]/u
const topicSpecials = /[/+#%\p{Cc}\p{NChar}]/gu
const levelsSpecials = /[+#\p{Cc}\p{NChar}]/gu
// In a file name: separators, what Windows reserves, controls, and the line separators that break listings.
const fileSpecials = /[/\\<>:"|?*%\u0000-\u001f\u007f-\u009f\u2028\u2029]/g

function percent(character: string): string {
  // encodeURIComponent leaves `*` as it is.
  return character === '*' ? '%2A' : encodeURIComponent(character)
}

/** `atStart` says that nothing stands before it in the topic: a `$` there would name a topic of the server [MQTT-4.7.2-1]. */
export function escapeTopicValue(text: string, atStart: boolean): string {
  const formed = text.isWellFormed() ? text : text.toWellFormed()
  const escaped = topicSpecial.test(formed) ? formed.replace(topicSpecials, percent) : formed
  return atStart ? escapeDollar(escaped) : escaped
}

/** A `#name` capture keeps its levels as they are; only what a topic name cannot hold is encoded. */
export function escapeTopicLevels(text: string, atStart: boolean): string {
  const escaped = text.toWellFormed().replace(levelsSpecials, percent)
  return atStart ? escapeDollar(escaped) : escaped
}

function escapeDollar(text: string): string {
  return text.startsWith('$') ? `%24${text.slice(1)}` : text
}

/** A dot is encoded at either end of the value and beside another dot: `1.5` stays, `..` and `.ssh` do not. */
export function escapeFileValue(text: string): string {
  const escaped = text.toWellFormed().replace(fileSpecials, percent)
  return escaped.includes('.') ? escaped.replace(/^\.|\.$|(?<=\.)\./g, '%2E') : escaped
}

/** Why a finished text is no topic name, or null. */
export function topicFault(topic: string): string | null {
  if (topic === '') return 'the topic is empty'
  if (/[+#\u0000]/.test(topic)) return 'the topic has a wildcard or a NUL character'
  // A UTF-16 unit is at most three bytes of UTF-8, so most topics need no counting.
  if (topic.length * 3 > maxTopicBytes && Buffer.byteLength(topic) > maxTopicBytes) {
    return `the topic is longer than ${maxTopicBytes} bytes`
  }
  if (topic.length > topicSlashLimit && topic.split('/').length > topicSlashLimit + 1) {
    return `the topic has more than ${topicSlashLimit} slashes`
  }
  return null
}

/** Why a finished text is no path of a file below the folder for files, or null. */
export function filePathFault(path: string): string | null {
  if (path === '') return 'the file name is empty'
  if (path.startsWith('/')) return 'the file name begins with /'
  if (/[\\<>:"|?*\u0000-\u001f\u007f]/.test(path))
    return 'the file name has a character that file names cannot have'
  if (Buffer.byteLength(path) > maxPathBytes) return `the file name is longer than ${maxPathBytes} bytes`
  for (const name of path.split('/')) {
    if (name === '') return 'the file name has an empty part'
    if (name === '.' || name === '..') return `the file name has the part ${name}`
    if (Buffer.byteLength(name) > maxNameBytes)
      return `a part of the file name is longer than ${maxNameBytes} bytes`
  }
  return null
}
