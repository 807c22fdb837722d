import fc from 'fast-check'
import mqttPacket, { type Packet } from 'mqtt-packet'
import { describe, expect, it } from 'vitest'
import { FrameScanner } from '../../src/mqtt/frame-scanner.ts'
import { ProtocolFault } from '../../src/mqtt/protocol-fault.ts'

interface Seen {
  readonly frames: Buffer[]
  readonly oversized: { firstByte: number; head: Buffer; sizeBytes: number }[]
  fault: ProtocolFault | null
}

function scan(chunks: readonly Buffer[], maximumBytes = 1_000_000): Seen {
  const seen: Seen = { frames: [], oversized: [], fault: null }
  const scanner = new FrameScanner(maximumBytes, {
    frame(bytes, start, _body, end) {
      seen.frames.push(Buffer.from(bytes.subarray(start, end)))
      return null
    },
    oversized(firstByte, head, sizeBytes) {
      seen.oversized.push({ firstByte, head, sizeBytes })
      return null
    },
  })
  for (const chunk of chunks) {
    seen.fault ??= scanner.push(Buffer.from(chunk))
    if (seen.fault !== null) break
  }
  return seen
}

/** Cuts bytes at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  const edges = [0, ...sorted, bytes.length]
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge))
}

const packet: fc.Arbitrary<Packet> = fc.oneof(
  fc.record({
    cmd: fc.constant('publish' as const),
    topic: fc.stringMatching(/^[a-z]{1,20}(\/[a-z0-9]{0,5}){0,3}$/),
    payload: fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
    qos: fc.constantFrom(0 as const, 1 as const),
    retain: fc.boolean(),
    dup: fc.constant(false),
    messageId: fc.integer({ min: 1, max: 65_535 }),
  }),
  fc.constant({ cmd: 'pingresp' as const }),
  fc.record({ cmd: fc.constant('puback' as const), messageId: fc.integer({ min: 1, max: 65_535 }) }),
  fc.record({
    cmd: fc.constant('suback' as const),
    messageId: fc.integer({ min: 1, max: 65_535 }),
    granted: fc.array(fc.constantFrom(0, 1, 128), { minLength: 1, maxLength: 20 }),
  }),
)

describe('the frame scanner', () => {
  it('cuts any stream of packets, in any pieces, where the parser of mqtt-packet cuts it', () => {
    fc.assert(
      fc.property(
        fc.array(packet, { maxLength: 12 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        (packets, places) => {
          const stream = Buffer.concat(packets.map((each) => mqttPacket.generate(each)))
          const parsed: Packet[] = []
          const parser = mqttPacket.parser()
          parser.on('packet', (each) => parsed.push(each))
          parser.parse(stream)

          const seen = scan(cut(stream, places))

          expect(seen.fault).toBeNull()
          expect(seen.frames.length).toBe(parsed.length)
          expect(Buffer.concat(seen.frames).equals(stream)).toBe(true)
          expect(seen.frames.map((frame) => frame[0]! >> 4)).toEqual(
            parsed.map(({ cmd }) => ({ publish: 3, pingresp: 13, puback: 4, suback: 9 })[cmd as 'publish']),
          )
        },
      ),
    )
  })

  it('makes the same of hostile bytes however they are cut, and never throws', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (bytes, places) => {
          const whole = scan([Buffer.from(bytes)], 100)
          const pieces = scan(cut(Buffer.from(bytes), places), 100)
          expect(pieces.frames).toEqual(whole.frames)
          expect(pieces.oversized).toEqual(whole.oversized)
          expect(pieces.fault?.message).toBe(whole.fault?.message)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('refuses a length that takes more than four bytes', () => {
    expect(scan([Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 1])]).fault).toBeInstanceOf(ProtocolFault)
  })

  it('skips a packet that is too long, keeps its head, and goes on behind it', () => {
    const long = mqttPacket.generate({
      cmd: 'publish',
      topic: 'a/b',
      payload: Buffer.alloc(5_000),
      qos: 1,
      messageId: 7,
      dup: false,
      retain: false,
    })
    const after = mqttPacket.generate({ cmd: 'pingresp' })
    const seen = scan(cut(Buffer.concat([long, after]), [1, 2, 40, 3_000]), 1_000)
    expect(seen.frames).toEqual([after])
    expect(seen.oversized).toHaveLength(1)
    expect(seen.oversized[0]).toMatchObject({ firstByte: 0x32, sizeBytes: long.length })
    expect(seen.oversized[0]!.head.subarray(0, 7)).toEqual(Buffer.from([0, 3, 0x61, 0x2f, 0x62, 0, 7]))
  })

  it('holds a packet of the greatest allowed length', () => {
    const frame = Buffer.concat([Buffer.from([0x30, 98]), Buffer.alloc(98)])
    expect(scan(cut(frame, [10, 50]), 100).frames).toHaveLength(1)
    expect(scan(cut(frame, [10, 50]), 99).oversized).toHaveLength(1)
  })
})
