/** PUBLISH packets, from bytes to received messages and from messages to bytes (3.3 PUBLISH). */
import { isUtf8 } from 'node:buffer'
import type { OutboundMessage } from '../core/message.ts'
import { checkTopicName } from '../core/topics/filter.ts'
import type { InboundMessage } from '../ports/broker.ts'
import { faultCode, malformed, ProtocolFault, protocolError } from './protocol-fault.ts'
import { encodeProperties, parseProperties, propertiesFault, variableInteger } from './publish-properties.ts'

/** What all messages read together share. */
export interface Reception {
  readonly broker: string
  readonly connection: number
  readonly protocolVersion: 4 | 5
  /** Milliseconds since the epoch. */
  receivedAt: number
}

const empty = new Uint8Array(0)

/** Reads the PUBLISH packet that begins at `start`. The payload is a view of `bytes`. */
export function parsePublish(
  bytes: Buffer,
  start: number,
  body: number,
  end: number,
  reception: Reception,
): InboundMessage | ProtocolFault {
  const flags = bytes[start]!
  if ((flags & 6) > 2) return refusedQos(flags)
  const topic = parseTopic(bytes, body, end)
  if (topic instanceof ProtocolFault) return topic
  let at = body + 2 + ((bytes[body]! << 8) | bytes[body + 1]!)
  let packetId = 0
  if (flags & 2) {
    if (end - at < 2) return malformed('a message is cut short')
    packetId = (bytes[at]! << 8) | bytes[at + 1]!
    if (packetId === 0) return protocolError('a QoS 1 message has the packet identifier 0') // [MQTT-2.2.1-4]
    at += 2
  }
  let properties: InboundMessage['properties'] = null
  let subscriptionIds: InboundMessage['subscriptionIds'] = null
  if (reception.protocolVersion === 5) {
    const block = parseProperties(bytes, at, end)
    if (block instanceof ProtocolFault) return block
    at = block.next
    properties = block.parsed.properties
    subscriptionIds = block.parsed.subscriptionIds
  }
  return {
    broker: reception.broker,
    topic,
    payload: bytes.subarray(at, end),
    qos: flags & 2 ? 1 : 0,
    retain: (flags & 1) !== 0,
    dup: (flags & 8) !== 0,
    packetId,
    receivedAt: reception.receivedAt,
    properties,
    connection: reception.connection,
    subscriptionIds,
  }
}

/** What is known of a PUBLISH that was too long to keep: all but its properties and its payload. */
export function parseOversized(
  flags: number,
  head: Buffer,
  sizeBytes: number,
  reception: Reception,
): InboundMessage | ProtocolFault {
  if ((flags & 6) > 2) return refusedQos(flags)
  const topic = parseTopic(head, 0, head.length)
  if (topic instanceof ProtocolFault) return topic
  const at = 2 + head.readUInt16BE(0)
  let packetId = 0
  if (flags & 2) {
    if (head.length - at < 2) return malformed('a message is cut short')
    packetId = head.readUInt16BE(at)
    if (packetId === 0) return protocolError('a QoS 1 message has the packet identifier 0')
  }
  return {
    broker: reception.broker,
    topic,
    payload: empty,
    qos: flags & 2 ? 1 : 0,
    retain: (flags & 1) !== 0,
    dup: (flags & 8) !== 0,
    packetId,
    receivedAt: reception.receivedAt,
    properties: null,
    connection: reception.connection,
    subscriptionIds: null,
    oversizedBytes: sizeBytes,
  }
}

function refusedQos(flags: number): ProtocolFault {
  if ((flags & 6) === 6) return malformed('a message has both QoS bits set') // [MQTT-3.3.1-4]
  return new ProtocolFault(
    faultCode.qosNotSupported,
    'it sent a QoS 2 message, though only QoS 1 was subscribed to: the session of this client id still holds subscriptions of another program',
  )
}

function parseTopic(bytes: Buffer, body: number, end: number): string | ProtocolFault {
  if (end - body < 2) return malformed('a message is cut short')
  const from = body + 2
  const to = from + ((bytes[body]! << 8) | bytes[body + 1]!)
  if (to > end) return malformed('the topic of a message is cut short')
  // An empty one would need a topic alias, of which we allow none [MQTT-4.7.3-1].
  if (to === from) return protocolError('the topic of a message is empty')
  let high = 0
  for (let index = from; index < to; index++) {
    const byte = bytes[index]!
    high |= byte
    if (byte === 0x2b || byte === 0x23 || byte === 0) {
      return malformed('the topic of a message holds a wildcard or NUL') // [MQTT-3.3.2-2], [MQTT-1.5.4-2]
    }
  }
  if (high < 128) return bytes.toString('latin1', from, to)
  if (!isUtf8(bytes.subarray(from, to))) return malformed('the topic of a message is not valid UTF-8')
  return bytes.toString('utf8', from, to)
}

/** What makes a message impossible to send, in one sentence; null when nothing does. */
export function outboundFault(message: OutboundMessage, protocolVersion: 4 | 5): string | null {
  const bad = checkTopicName(message.topic)
  if (bad !== null) return `${bad.message}.`
  if (protocolVersion === 5 && message.properties !== undefined) return propertiesFault(message.properties)
  return null
}

/**
 * Encodes a PUBLISH: the head, and the payload as it came. Call `outboundFault` first. On MQTT 3.1.1 the
 * properties are left out. `packetId` is 0 at QoS 0.
 */
export function encodePublish(message: OutboundMessage, packetId: number, protocolVersion: 4 | 5): Buffer[] {
  const { payload } = message
  const topicBytes = Buffer.byteLength(message.topic)
  const properties = protocolVersion === 5 ? encodeProperties(message.properties) : null
  const idBytes = message.qos === 1 ? 2 : 0
  const length = variableInteger(2 + topicBytes + idBytes + (properties?.length ?? 0) + payload.length)
  const head = Buffer.allocUnsafe(1 + length.length + 2 + topicBytes + idBytes + (properties?.length ?? 0))
  head[0] = 0x30 | (message.qos << 1) | (message.retain ? 1 : 0)
  let at = 1
  for (const byte of length) head[at++] = byte
  at = head.writeUInt16BE(topicBytes, at)
  at += head.write(message.topic, at)
  if (idBytes > 0) at = head.writeUInt16BE(packetId, at)
  properties?.copy(head, at)
  if (payload.length === 0) return [head]
  return [head, Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)]
}
