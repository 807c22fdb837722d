/** The MQTT 5 properties of a PUBLISH, from and to bytes (3.3.2.3 PUBLISH Properties). */
import { isUtf8 } from 'node:buffer'
import type { MessageProperties, OutboundMessage } from '../core/message.ts'
import { checkTopicName } from '../core/topics/filter.ts'
import { faultCode, malformed, ProtocolFault, protocolError } from './protocol-fault.ts'

const identifier = {
  payloadFormatIndicator: 0x01,
  messageExpiryInterval: 0x02,
  contentType: 0x03,
  responseTopic: 0x08,
  correlationData: 0x09,
  subscriptionIdentifier: 0x0b,
  topicAlias: 0x23,
  userProperty: 0x26,
} as const

export interface ParsedProperties {
  readonly properties: MessageProperties | null
  readonly subscriptionIds: readonly number[] | null
}

const none: ParsedProperties = { properties: null, subscriptionIds: null }

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** A cursor over the bytes of one packet; reading past `end` sets `broken` and yields nothing of use. */
class Cursor {
  readonly bytes: Buffer
  readonly end: number
  at: number
  broken = false

  constructor(bytes: Buffer, at: number, end: number) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  take(count: number): number {
    const from = this.at
    if (count > this.end - from) {
      this.broken = true
      this.at = this.end
      return -1
    }
    this.at = from + count
    return from
  }

  byte(): number {
    const from = this.take(1)
    return from < 0 ? 0 : this.bytes[from]!
  }

  uint32(): number {
    const from = this.take(4)
    return from < 0 ? 0 : this.bytes.readUInt32BE(from)
  }

  variable(): number {
    let value = 0
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.byte()
      value |= (byte & 127) << shift
      if (byte < 128) return value
    }
    this.broken = true
    return 0
  }

  binary(): Buffer {
    const lengthAt = this.take(2)
    const length = lengthAt < 0 ? 0 : this.bytes.readUInt16BE(lengthAt)
    const from = this.take(length)
    return from < 0 ? this.bytes.subarray(0, 0) : this.bytes.subarray(from, from + length)
  }

  text(): string {
    const raw = this.binary()
    // [MQTT-1.5.4-1]; a NUL in a property is let through, as it does no harm outside of a topic.
    if (!isUtf8(raw)) this.broken = true
    return raw.toString()
  }
}

/**
 * Reads the property block that begins at `at`. Returns the place behind it with what it holds, or what is
 * wrong with it. A response topic that nobody could publish to is left out: its sender erred, not the broker.
 */
export function parseProperties(
  bytes: Buffer,
  at: number,
  end: number,
): { readonly next: number; readonly parsed: ParsedProperties } | ProtocolFault {
  if (at < end && bytes[at] === 0) return { next: at + 1, parsed: none }
  const outer = new Cursor(bytes, at, end)
  const length = outer.variable()
  if (outer.broken || length > end - outer.at) return malformed('the properties of a message are cut short')
  const cursor = new Cursor(bytes, outer.at, outer.at + length)
  const properties: Mutable<MessageProperties> = {}
  const userProperties: [string, string][] = []
  let subscriptionIds: number[] | null = null
  let seen = 0n
  while (cursor.at < cursor.end) {
    const id = cursor.variable()
    if (id !== identifier.userProperty && id !== identifier.subscriptionIdentifier) {
      const bit = 1n << BigInt(id & 63)
      if (seen & bit) return protocolError('a property of a message is given twice')
      seen |= bit
    }
    switch (id) {
      case identifier.payloadFormatIndicator: {
        const format = cursor.byte()
        if (format > 1) return protocolError('the payload format of a message is neither 0 nor 1')
        properties.payloadFormatIndicator = format === 1
        break
      }
      case identifier.messageExpiryInterval:
        properties.messageExpiryInterval = cursor.uint32()
        break
      case identifier.contentType:
        properties.contentType = cursor.text()
        break
      case identifier.responseTopic: {
        const topic = cursor.text()
        if (checkTopicName(topic) === null) properties.responseTopic = topic
        break
      }
      case identifier.correlationData:
        properties.correlationData = cursor.binary()
        break
      case identifier.subscriptionIdentifier: {
        const subscription = cursor.variable()
        if (subscription === 0 && !cursor.broken) return protocolError('a subscription identifier is 0')
        subscriptionIds ??= []
        subscriptionIds.push(subscription)
        break
      }
      case identifier.userProperty:
        userProperties.push([cursor.text(), cursor.text()])
        break
      case identifier.topicAlias:
        // We advertise a Topic Alias Maximum of 0 [MQTT-3.1.2-26].
        return new ProtocolFault(faultCode.topicAliasInvalid, 'a topic alias was used though none is allowed')
      default:
        return malformed(`a message has a property that does not exist (${id})`)
    }
    if (cursor.broken) return malformed('the properties of a message are cut short or not valid UTF-8')
  }
  if (userProperties.length > 0) properties.userProperties = userProperties
  const any = Object.keys(properties).length > 0
  return { next: cursor.end, parsed: { properties: any ? properties : null, subscriptionIds } }
}

/** The longest string or binary value that MQTT can carry (1.5.4, 1.5.6). */
const maximumStringBytes = 65_535

/**
 * What is wrong with a string as a property, in words that follow its name; null when nothing is. Control
 * characters are among it, as a receiver may close the connection on them (1.5.4), and Mosquitto does.
 */
function stringFault(text: string): string | null {
  if (!text.isWellFormed()) return 'contains half of a character (a lone surrogate)' // [MQTT-1.5.4-1]
  if (/[\u0000-\u001f\u007f-\u009f]/.test(text)) return 'contains a control character, such as a line break'
  if (Buffer.byteLength(text) > maximumStringBytes) return `is longer than ${maximumStringBytes} bytes`
  return null
}

/** What keeps properties from being sent, in words; null when nothing does. */
export function propertiesFault(properties: MessageProperties): string | null {
  const { contentType, responseTopic, correlationData, messageExpiryInterval, userProperties } = properties
  if (contentType !== undefined) {
    const fault = stringFault(contentType)
    if (fault !== null) return `The content type ${fault}.`
  }
  if (responseTopic !== undefined) {
    const bad = checkTopicName(responseTopic)
    if (bad !== null) return `${bad.message}, which is the response topic.`
  }
  if (correlationData !== undefined && correlationData.length > maximumStringBytes) {
    return `The correlation data is longer than ${maximumStringBytes} bytes.`
  }
  if (messageExpiryInterval !== undefined) {
    if (
      !Number.isInteger(messageExpiryInterval) ||
      messageExpiryInterval < 0 ||
      messageExpiryInterval > 0xffffffff
    ) {
      return 'The message expiry interval is not a whole number of seconds from 0 to 4294967295.'
    }
  }
  for (const [name, value] of userProperties ?? []) {
    const fault = stringFault(name) ?? stringFault(value)
    if (fault !== null) return `A user property ${fault}.`
  }
  return null
}

function text(value: string): Buffer[] {
  const raw = Buffer.from(value)
  return [Buffer.from([raw.length >> 8, raw.length & 255]), raw]
}

/** Encodes the property block of a message, with its length in front. Call `propertiesFault` first. */
export function encodeProperties(properties: OutboundMessage['properties']): Buffer {
  const parts: Buffer[] = []
  if (properties !== undefined) {
    const { payloadFormatIndicator, messageExpiryInterval, contentType, responseTopic, correlationData } =
      properties
    if (payloadFormatIndicator !== undefined) {
      parts.push(Buffer.from([identifier.payloadFormatIndicator, payloadFormatIndicator ? 1 : 0]))
    }
    if (messageExpiryInterval !== undefined) {
      const part = Buffer.allocUnsafe(5)
      part[0] = identifier.messageExpiryInterval
      part.writeUInt32BE(messageExpiryInterval, 1)
      parts.push(part)
    }
    if (contentType !== undefined) parts.push(Buffer.from([identifier.contentType]), ...text(contentType))
    if (responseTopic !== undefined)
      parts.push(Buffer.from([identifier.responseTopic]), ...text(responseTopic))
    if (correlationData !== undefined) {
      const { length } = correlationData
      parts.push(
        Buffer.from([identifier.correlationData, length >> 8, length & 255]),
        Buffer.from(correlationData),
      )
    }
    for (const [name, value] of properties.userProperties ?? []) {
      parts.push(Buffer.from([identifier.userProperty]), ...text(name), ...text(value))
    }
  }
  const block = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(variableInteger(block.length)), block])
}

/** Variable Byte Integer (1.5.5). */
export function variableInteger(value: number): number[] {
  const bytes: number[] = []
  let left = value
  do {
    const more = left > 127
    bytes.push(more ? (left & 127) | 128 : left)
    left >>>= 7
  } while (left > 0)
  return bytes
}
