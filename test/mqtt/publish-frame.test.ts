import fc from 'fast-check'
import mqttPacket, { type IPublishPacket, type Packet } from 'mqtt-packet'
import { describe, expect, it } from 'vitest'
import type { MessageProperties, OutboundMessage } from '../../src/core/message.ts'
import { ProtocolFault } from '../../src/mqtt/protocol-fault.ts'
import { encodePublish, outboundFault, parseOversized, parsePublish } from '../../src/mqtt/publish-frame.ts'
import type { InboundMessage } from '../../src/ports/broker.ts'

function reception(protocolVersion: 4 | 5) {
  return { broker: 'b', connection: 3, protocolVersion, receivedAt: 1_000 }
}

function parse(frame: Buffer, protocolVersion: 4 | 5 = 5): InboundMessage | ProtocolFault {
  let body = 1
  while (frame[body++]! > 127);
  return parsePublish(frame, 0, body, frame.length, reception(protocolVersion))
}

function parsed(frame: Buffer, protocolVersion: 4 | 5 = 5): InboundMessage {
  const message = parse(frame, protocolVersion)
  if (message instanceof ProtocolFault) throw new Error(message.message)
  return message
}

/** A PUBLISH with the given flags and the given bytes behind the fixed header. */
function frame(flags: number, ...parts: (number | string)[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part]))),
  )
  return Buffer.concat([Buffer.from([0x30 | flags, body.length]), body])
}

const text = fc
  .string({ unit: 'grapheme', maxLength: 30 })
  .filter((each) => !/[\u0000-\u001f\u007f-\u009f]/.test(each))
const topic = fc.stringMatching(/^[a-zäß日€]{1,10}(\/[a-z0-9 ]{0,5}){0,4}$/)
const properties: fc.Arbitrary<MessageProperties> = fc.record(
  {
    contentType: text,
    responseTopic: topic,
    correlationData: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    payloadFormatIndicator: fc.boolean(),
    messageExpiryInterval: fc.integer({ min: 0, max: 0xffffffff }),
    userProperties: fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 5 }),
  },
  { requiredKeys: [] },
)
const message: fc.Arbitrary<OutboundMessage> = fc.record({
  topic,
  payload: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  qos: fc.constantFrom(0 as const, 1 as const),
  retain: fc.boolean(),
  properties: fc.option(properties, { nil: undefined }),
})

describe('PUBLISH packets', () => {
  it('come back as they were sent, and mqtt-packet reads the same in them', () => {
    fc.assert(
      fc.property(message, fc.constantFrom(4 as const, 5 as const), (sent, version) => {
        const bytes = Buffer.concat(encodePublish(sent, sent.qos === 1 ? 77 : 0, version))
        expect(outboundFault(sent, version)).toBeNull()

        const received = parsed(bytes, version)
        expect(received).toMatchObject({ topic: sent.topic, qos: sent.qos, retain: sent.retain, dup: false })
        expect(received.packetId).toBe(sent.qos === 1 ? 77 : 0)
        expect(Buffer.from(received.payload).equals(sent.payload)).toBe(true)
        const any = version === 5 && sent.properties !== undefined && Object.keys(sent.properties).length > 0
        expect(received.properties).toEqual(any ? sent.properties : null)

        const others: Packet[] = []
        const parser = mqttPacket.parser({ protocolVersion: version })
        parser.on('packet', (packet) => others.push(packet))
        parser.parse(bytes)
        const other = others[0] as IPublishPacket
        expect([other.topic, other.qos, other.retain]).toEqual([sent.topic, sent.qos, sent.retain])
        expect(Buffer.from(other.payload).equals(sent.payload)).toBe(true)
      }),
    )
  })

  it('never throw, whatever their bytes', () => {
    fc.assert(
      fc.property(
        fc.nat(15),
        fc.uint8Array({ maxLength: 60 }),
        fc.constantFrom(4 as const, 5 as const),
        (flags, body, version) => {
          const bytes = Buffer.concat([Buffer.from([0x30 | flags, body.length]), body])
          const result = parse(bytes, version)
          if (!(result instanceof ProtocolFault)) expect(result.topic.length).toBeGreaterThan(0)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('carry all subscription identifiers', () => {
    const received = parsed(frame(0, 0, 1, 'a', 5, 0x0b, 1, 0x0b, 0x80, 1, 'x'))
    expect(received.subscriptionIds).toEqual([1, 128])
    expect(Buffer.from(received.payload).toString()).toBe('x')
  })

  it('may have a topic of 65,535 bytes', () => {
    const long = 'x'.repeat(65_535)
    const bytes = Buffer.concat(
      encodePublish({ topic: long, payload: Buffer.from('p'), qos: 1, retain: true }, 1, 4),
    )
    expect(parsed(bytes, 4).topic).toBe(long)
  })

  it.each<[string, Buffer, RegExp]>([
    ['a topic that is cut short', frame(0, 0, 9, 'a'), /topic.*cut short/],
    ['no topic at all', frame(0), /cut short/],
    ['an empty topic', frame(0, 0, 0, 0), /empty/],
    ['a wildcard in the topic', frame(0, 0, 3, 'a/+', 0), /wildcard/],
    ['NUL in the topic', frame(0, 0, 2, 'a', 0, 0), /NUL/],
    ['a topic that is not UTF-8', frame(0, 0, 2, 0xc3, 0x28, 0), /UTF-8/],
    ['a surrogate in the topic', frame(0, 0, 3, 0xed, 0xa0, 0x80, 0), /UTF-8/],
    ['QoS 2', frame(4, 0, 1, 'a', 0, 1, 0), /QoS 2/],
    ['QoS 3', frame(6, 0, 1, 'a', 0, 1, 0), /both QoS bits/],
    ['the packet identifier 0', frame(2, 0, 1, 'a', 0, 0, 0), /identifier 0/],
    ['no packet identifier', frame(2, 0, 1, 'a', 0), /cut short/],
    ['properties that are cut short', frame(0, 0, 1, 'a', 9, 1), /properties.*cut short/],
    ['a property that is cut short', frame(0, 0, 1, 'a', 3, 2, 0, 0), /properties.*cut short/],
    ['an unknown property', frame(0, 0, 1, 'a', 2, 0x7e, 0), /does not exist/],
    ['the same property twice', frame(0, 0, 1, 'a', 4, 1, 0, 1, 0), /twice/],
    ['a topic alias', frame(0, 0, 1, 'a', 3, 0x23, 0, 1), /alias/],
  ])('are refused with %s', (_name, bytes, words) => {
    const result = parse(bytes)
    expect(result).toBeInstanceOf(ProtocolFault)
    expect((result as ProtocolFault).message).toMatch(words)
  })

  it('lose a response topic that cannot be published to, and nothing else', () => {
    expect(parsed(frame(0, 0, 1, 'a', 6, 8, 0, 3, 'r/#', 'x')).properties).toBeNull()
  })

  it('that were too long keep topic and packet identifier', () => {
    const head = Buffer.concat([
      Buffer.from([0, 3]),
      Buffer.from('a/b'),
      Buffer.from([1, 2]),
      Buffer.alloc(50),
    ])
    expect(parseOversized(0x3b, head, 2_000_000, reception(5))).toMatchObject({
      topic: 'a/b',
      qos: 1,
      dup: true,
      retain: true,
      packetId: 258,
      oversizedBytes: 2_000_000,
      properties: null,
    })
  })
})

describe('messages that cannot be sent', () => {
  const sent = { topic: 'a', payload: Buffer.alloc(0), qos: 1 as const, retain: false }

  it.each<[string, Partial<OutboundMessage>, RegExp]>([
    ['a wildcard', { topic: 'a/#' }, /wildcard/],
    ['NUL', { topic: 'a\u0000' }, /NUL/],
    ['an empty topic', { topic: '' }, /empty/],
    ['a topic of 65,536 bytes', { topic: 'ä'.repeat(32_768) }, /65,535/],
    ['a topic of 202 levels', { topic: '/'.repeat(201) }, /200/],
    ['a response topic with a wildcard', { properties: { responseTopic: 'a/+' } }, /response topic/],
    ['half of a character', { properties: { contentType: '\ud800' } }, /content type.*half of a character/],
    ['a line break', { properties: { userProperties: [['a', 'b\n']] } }, /user property.*line break/],
    ['an expiry below 0', { properties: { messageExpiryInterval: -1 } }, /expiry/],
  ])('are told about: %s', (_name, part, words) => {
    expect(outboundFault({ ...sent, ...part }, 5)).toMatch(words)
  })

  it('are not kept back on 3.1.1 for properties, which it does not carry', () => {
    expect(outboundFault({ ...sent, properties: { contentType: '\n' } }, 4)).toBeNull()
  })
})
