/** Texts that go on the wire as MQTT strings, where some characters cost the connection. */

/**
 * A receiver may close the connection on control characters and non-characters (section 1.5.4), and Mosquitto
 * does; the message would then come again on every reconnect. Lone surrogates are no text at all [MQTT-1.5.4-1].
 */
const refused = /[\p{Cc}\p{Noncharacter_Code_Point}\p{Cs}]/u
const allRefused = new RegExp(refused, 'gu')

export function hasRefusedCharacter(text: string): boolean {
  return refused.test(text)
}

/** The text with every such character replaced by U+FFFD. */
export function mqttText(text: string): string {
  return text.replace(allRefused, '\ufffd')
}
