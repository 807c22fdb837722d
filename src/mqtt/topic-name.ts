/** Whether a topic may be published to, and a filter subscribed to, as far as the wire is concerned. */

/** The longest string MQTT can carry, in bytes of UTF-8 (1.5.4 UTF-8 Encoded String). */
export const maximumStringBytes = 65_535

/** What is wrong with a string as an MQTT string, in words that follow its name; null when nothing is. */
export function stringFault(text: string): string | null {
  // [MQTT-1.5.4-1] forbids surrogates that stand alone, [MQTT-1.5.4-2] the null character.
  if (!text.isWellFormed()) return 'holds half of a character (a lone surrogate)'
  if (text.includes('\u0000')) return 'holds a NUL character'
  if (text.length > maximumStringBytes / 3 && Buffer.byteLength(text) > maximumStringBytes) {
    return `is longer than ${maximumStringBytes} bytes`
  }
  return null
}

/** What keeps a topic name from being published to; null when nothing does. */
export function topicNameFault(topic: string): string | null {
  if (topic.length === 0) return 'is empty' // [MQTT-4.7.3-1]
  if (topic.includes('+') || topic.includes('#')) return 'holds a wildcard (+ or #)' // [MQTT-3.3.2-2]
  return stringFault(topic)
}

/** What keeps a topic filter from being subscribed to; null when nothing does. */
export function topicFilterFault(filter: string): string | null {
  if (filter.length === 0) return 'is empty'
  const levels = filter.split('/')
  for (let index = 0; index < levels.length; index++) {
    const level = levels[index]!
    if (level.includes('#') && (level !== '#' || index !== levels.length - 1)) {
      return 'has a # that is not the whole last level' // [MQTT-4.7.1-1]
    }
    if (level.includes('+') && level !== '+') return 'has a + that is not a whole level' // [MQTT-4.7.1-2]
  }
  return stringFault(filter)
}
