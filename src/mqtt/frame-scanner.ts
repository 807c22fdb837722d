/** Cuts an inbound byte stream into whole MQTT control packets; those that are too long are skipped, not kept. */
import { malformed, type ProtocolFault } from './protocol-fault.ts'

/** The control packet types that are told apart here (2.1.2 MQTT Control Packet type). */
export const packetType = {
  connack: 2,
  publish: 3,
  puback: 4,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
} as const

/**
 * Of an oversized packet this much of the variable header is kept: the longest topic name with its length,
 * and a packet identifier.
 */
const oversizedHeadBytes = 2 + 65_535 + 2

export interface FrameReceiver {
  /**
   * A whole packet: its first byte is `bytes[start]`, its variable header begins at `body`, and it ends
   * before `end`. A fault ends the scanning.
   */
  frame(bytes: Buffer, start: number, body: number, end: number): ProtocolFault | null
  /** A packet that was skipped, after its last byte went by. `head` begins with its variable header. */
  oversized(firstByte: number, head: Buffer, sizeBytes: number): ProtocolFault | null
}

interface Skipping {
  readonly firstByte: number
  readonly sizeBytes: number
  readonly head: Buffer
  headFilled: number
  leftBytes: number
}

/** Memory held between chunks: at most one packet of `maximumBytes`, or the head of an oversized one. */
export class FrameScanner {
  readonly #maximumBytes: number
  readonly #receiver: FrameReceiver
  /** The first bytes of a packet whose length is not complete yet. */
  readonly #header = Buffer.allocUnsafe(5)
  #headerFilled = 0
  /** A packet that began in an earlier chunk, allocated in full once its length is known. */
  #partial: Buffer | null = null
  #partialFilled = 0
  #partialBody = 0
  #skipping: Skipping | null = null

  constructor(maximumBytes: number, receiver: FrameReceiver) {
    this.#maximumBytes = maximumBytes
    this.#receiver = receiver
  }

  /** The chunk belongs to the scanner from here on: packets are handed over as views of it. */
  push(chunk: Buffer): ProtocolFault | null {
    const end = chunk.length
    let at = 0
    while (at < end) {
      if (this.#partial !== null) {
        const taken = chunk.copy(this.#partial, this.#partialFilled, at)
        at += taken
        this.#partialFilled += taken
        if (this.#partialFilled < this.#partial.length) return null
        const whole = this.#partial
        this.#partial = null
        const fault = this.#receiver.frame(whole, 0, this.#partialBody, whole.length)
        if (fault !== null) return fault
      } else if (this.#skipping !== null) {
        const skipping = this.#skipping
        const taken = Math.min(skipping.leftBytes, end - at)
        skipping.headFilled += chunk.copy(skipping.head, skipping.headFilled, at, at + taken)
        skipping.leftBytes -= taken
        at += taken
        if (skipping.leftBytes > 0) return null
        this.#skipping = null
        const fault = this.#receiver.oversized(skipping.firstByte, skipping.head, skipping.sizeBytes)
        if (fault !== null) return fault
      } else if (this.#headerFilled > 0) {
        // The length was cut by the end of a chunk: rare, so byte by byte.
        const byte = chunk[at++]!
        this.#header[this.#headerFilled++] = byte
        if (byte < 128) this.#begin()
        else if (this.#headerFilled === 5) return malformed('the length of a packet is not valid')
        const fault = this.#finishEmpty()
        if (fault !== null) return fault
      } else {
        let length = 0
        let shift = 0
        let body = at + 1
        let complete = false
        while (body < end) {
          const byte = chunk[body++]!
          length |= (byte & 127) << shift
          if (byte < 128) {
            complete = true
            break
          }
          shift += 7
          // Four bytes are the most a remaining length may take (2.1.4 Remaining Length).
          if (shift > 21) return malformed('the length of a packet is not valid')
        }
        if (complete && body + length <= end && body - at + length <= this.#maximumBytes) {
          const fault = this.#receiver.frame(chunk, at, body, body + length)
          if (fault !== null) return fault
          at = body + length
        } else {
          this.#headerFilled = chunk.copy(this.#header, 0, at, body)
          at = body
          if (complete) this.#begin()
        }
      }
    }
    return null
  }

  /** Starts collecting, or skipping, the packet whose fixed header is complete in `#header`. */
  #begin(): void {
    const headerBytes = this.#headerFilled
    this.#headerFilled = 0
    let length = 0
    for (let index = 1; index < headerBytes; index++) {
      length |= (this.#header[index]! & 127) << (7 * (index - 1))
    }
    const sizeBytes = headerBytes + length
    if (sizeBytes > this.#maximumBytes) {
      this.#skipping = {
        firstByte: this.#header[0]!,
        sizeBytes,
        head: Buffer.alloc(Math.min(length, oversizedHeadBytes)),
        headFilled: 0,
        leftBytes: length,
      }
      return
    }
    this.#partial = Buffer.allocUnsafe(sizeBytes)
    this.#partialFilled = this.#header.copy(this.#partial, 0, 0, headerBytes)
    this.#partialBody = headerBytes
  }

  /** A packet without a body is whole as soon as its header is. */
  #finishEmpty(): ProtocolFault | null {
    const partial = this.#partial
    if (partial === null || this.#partialFilled < partial.length) return null
    this.#partial = null
    return this.#receiver.frame(partial, 0, this.#partialBody, partial.length)
  }
}
