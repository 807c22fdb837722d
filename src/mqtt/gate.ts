/**
 * The gate stands between the byte stream and the MQTT.js client. It takes PUBLISH packets out of what comes
 * in and hands them over in batches, writes the acknowledgements for them itself, and lets every other packet
 * through untouched: connecting, authentication, subscribing and keepalive stay MQTT.js's own. On the outgoing
 * line it takes the PUBACKs out as well, for the publishes that were written through it.
 */
import { Duplex } from 'node:stream'
import type { InboundMessage } from '../ports/broker.ts'
import type { Clock } from '../ports/clock.ts'
import { AcknowledgementQueue } from './acknowledgement-queue.ts'
import type { ConnectOptions } from './connect-options.ts'
import type { Counters } from './counters.ts'
import { type FrameReceiver, FrameScanner, packetType } from './frame-scanner.ts'
import type { DownCause } from './link-failure.ts'
import { PacketChecker } from './packet-checker.ts'
import { malformed, ProtocolFault } from './protocol-fault.ts'
import { parseOversized, parsePublish, type Reception } from './publish-frame.ts'
import { openTransport, type Transport } from './transport.ts'

export interface GateReceiver {
  /** Messages that were read together, in receive order. */
  messages(batch: readonly InboundMessage[]): void
  /** A PUBACK; only when the gate takes them out. */
  puback(packetId: number, reasonCode: number): void
  /** Writing may go on; told once after `blocked` was asked and true. */
  drain(): void
  /** The end of the connection, once. */
  closed(cause: DownCause): void
}

export interface GateSettings {
  readonly options: ConnectOptions
  readonly protocolVersion: 4 | 5
  /** Counts connections; every message carries it. */
  readonly connection: number
  readonly takesPubacks: boolean
}

/** More than this is not gathered by those who ask for `blocked`. */
const gatherBytes = 1_048_576
/** Writes up to this size are joined into one; longer ones go out in their parts. */
const joinBytes = 131_072

const pingreq = 0xc0
const pingresp = Buffer.from([0xd0, 0])

export class Gate extends Duplex implements FrameReceiver {
  readonly #settings: GateSettings
  readonly #receiver: GateReceiver
  readonly #clock: Clock
  readonly #counters: Counters
  readonly #reception: Reception
  readonly #scanner: FrameScanner
  readonly #transport: Transport | null
  readonly #checker: PacketChecker
  #acknowledgements: AcknowledgementQueue | null = null
  #pubacks: number[] = []
  #batch: InboundMessage[] = []
  #out: Buffer[] = []
  #flushing = false
  #opened = false
  #anythingRead = false
  #readSincePing = false
  #paused = false
  #cause: DownCause | null = null
  #closed = false
  #outBytes = 0
  #writable = true
  #drainDue = false
  /** Nothing may be written any more: the last word was said. */
  #ended = false

  constructor(settings: GateSettings, receiver: GateReceiver, clock: Clock, counters: Counters) {
    super()
    this.#settings = settings
    this.#receiver = receiver
    this.#clock = clock
    this.#counters = counters
    this.#reception = {
      broker: settings.options.name,
      connection: settings.connection,
      protocolVersion: settings.protocolVersion,
      receivedAt: 0,
    }
    this.#scanner = new FrameScanner(settings.options.maximumPacketBytes, this)
    this.#checker = new PacketChecker(settings.protocolVersion)
    this.#transport = this.#open()
  }

  #open(): Transport | null {
    try {
      return openTransport(this.#settings.options.endpoint, {
        open: () => {
          this.#opened = true
        },
        chunk: (bytes) => this.#read(bytes),
        drain: () => {
          this.#writable = true
          this.#tellDrained()
        },
        close: (error) => this.#close(error),
      })
    } catch (error) {
      // Certificates and keys are read while the connection is made, and may be unusable.
      const failure = error instanceof Error ? error : new Error(String(error))
      process.nextTick(() => this.#close(failure))
      return null
    }
  }

  /** Notes why the connection is about to end; the first reason given counts. */
  explain(cause: DownCause): void {
    this.#cause ??= cause
  }

  /** Allows the acknowledgement of a QoS 1 message. False when it came over another connection. */
  acknowledge(message: InboundMessage): boolean {
    if (message.connection !== this.#settings.connection || this.#closed || this.#ended) return false
    if (message.qos === 0) return true
    this.#acknowledgements?.release(message.packetId, this.#pubacks)
    if (this.#pubacks.length > 0) this.#flushSoon()
    return true
  }

  /** Messages that wait for `acknowledge`. */
  get held(): number {
    return this.#acknowledgements?.length ?? 0
  }

  /** Sends bytes, gathered with what else is sent in the same turn of the event loop. */
  send(parts: readonly Buffer[]): void {
    for (const part of parts) {
      this.#out.push(part)
      this.#outBytes += part.length
    }
    this.#flushSoon()
  }

  /** True while the other side reads more slowly than is written, or much is gathered; `drain` tells the end. */
  get blocked(): boolean {
    const blocked = !this.#writable || this.#outBytes > gatherBytes
    if (blocked) this.#drainDue = true
    return blocked
  }

  /**
   * Stops reading. While nothing is read no PINGRESP can come, so the gate answers MQTT.js's pings itself; they
   * still go out, and keep the broker from dropping us [MQTT-3.1.2-22]. A peer that died is noticed after
   * `resume`. (`pause` and `resume` of the Duplex itself belong to MQTT.js.)
   */
  holdReading(): void {
    this.#paused = true
    this.#transport?.pause()
  }

  resumeReading(): void {
    this.#paused = false
    this.#transport?.resume()
  }

  /** Writes what is due and a DISCONNECT, and closes. */
  finish(): void {
    this.send([Buffer.from([0xe0, 0])])
    this.#flush()
    this.#ended = true
    this.explain({ kind: 'closed' })
    this.#transport?.end()
    // What still comes is thrown away, but must be read for the end to be seen.
    this.#transport?.resume()
  }

  // What MQTT.js writes.

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (chunk[0] === pingreq && chunk.length === 2) this.#answerPing()
    this.send([chunk])
    done()
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    for (const { chunk } of chunks) this._write(chunk, 'buffer', () => {})
    done()
  }

  override _read(): void {}

  override _final(done: (error?: Error | null) => void): void {
    this.#flush()
    this.#ended = true
    this.#transport?.end()
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#transport?.destroy()
    done(error)
  }

  // What the broker sends.

  frame(bytes: Buffer, start: number, body: number, end: number): ProtocolFault | null {
    const type = bytes[start]! >> 4
    if (type === packetType.publish) {
      const message = parsePublish(bytes, start, body, end, this.#reception)
      if (message instanceof ProtocolFault) return message
      return this.#receive(message)
    }
    if (type === packetType.puback && this.#settings.takesPubacks) {
      if (end - body < 2) return malformed('an acknowledgement is cut short')
      this.#receiver.puback(bytes.readUInt16BE(body), end - body > 2 ? bytes[body + 2]! : 0)
      return null
    }
    const packet = Buffer.from(bytes.subarray(start, end))
    const fault = this.#checker.check(packet, body - start)
    if (fault !== null) return fault
    this.push(packet)
    return null
  }

  oversized(firstByte: number, head: Buffer, sizeBytes: number): ProtocolFault | null {
    if (firstByte >> 4 !== packetType.publish) return malformed('a packet is longer than any of its kind')
    this.#counters.oversized++
    const message = parseOversized(firstByte, head, sizeBytes, this.#reception)
    if (message instanceof ProtocolFault) return message
    return this.#receive(message)
  }

  #receive(message: InboundMessage): null {
    this.#counters.received++
    if (message.qos === 1) {
      this.#acknowledgements ??= new AcknowledgementQueue()
      if (!this.#acknowledgements.hold(message.packetId)) {
        // Sent twice on one connection: the first of them is still being worked on and will be acknowledged.
        this.#counters.duplicatesDropped++
        return null
      }
    }
    this.#batch.push(message)
    return null
  }

  #read(bytes: Buffer): void {
    if (this.#closed || this.#cause !== null) return
    if (!this.#anythingRead) {
      this.#anythingRead = true
      // The first packet of a server is a CONNACK or an AUTH [MQTT-3.2.0-1].
      const first = bytes[0]! >> 4
      if (first !== packetType.connack && first !== packetType.auth) {
        this.#giveUp({ kind: 'not-mqtt', saw: recognise(bytes) })
        return
      }
    }
    this.#readSincePing = true
    this.#reception.receivedAt = this.#clock.now()
    const fault = this.#scanner.push(bytes)
    if (this.#batch.length > 0) {
      const batch = this.#batch
      this.#batch = []
      this.#receiver.messages(batch)
    }
    if (fault !== null) {
      this.#counters.protocolErrors++
      // On MQTT 5 the broker is told why (4.13 Handling errors).
      if (this.#settings.protocolVersion === 5) this.#out.push(Buffer.from([0xe0, 1, fault.code]))
      this.#giveUp({ kind: 'fault', fault })
    }
  }

  #giveUp(cause: DownCause): void {
    this.explain(cause)
    this.#flush()
    this.#ended = true
    this.#transport?.destroy()
  }

  /**
   * Anything that came since the last ping proves that the broker lives, even when its PINGRESP is stuck
   * behind a backlog. A second PINGRESP, when the broker's own comes, does no harm.
   */
  #answerPing(): void {
    if (this.#paused || this.#readSincePing) this.push(pingresp)
    this.#readSincePing = false
  }

  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#flushing = false
    if (this.#closed || this.#ended || this.#transport === null) return
    if (this.#pubacks.length > 0) {
      this.#counters.acknowledged += this.#pubacks.length
      // In front, as nothing may follow a DISCONNECT [MQTT-3.14.4-1].
      this.#out.unshift(encodePubacks(this.#pubacks))
      this.#pubacks = []
    }
    const out = this.#out
    if (out.length === 0) return
    this.#out = []
    this.#outBytes = 0
    let sizeBytes = 0
    for (const part of out) sizeBytes += part.length
    let flowing = true
    if (out.length === 1 || sizeBytes > joinBytes)
      for (const part of out) flowing = this.#transport.write(part)
    else flowing = this.#transport.write(Buffer.concat(out, sizeBytes))
    this.#writable = flowing
    if (flowing) this.#tellDrained()
  }

  #tellDrained(): void {
    if (!this.#drainDue) return
    this.#drainDue = false
    this.#receiver.drain()
  }

  #close(error: Error | null): void {
    if (this.#closed) return
    this.#closed = true
    this.push(null)
    this.destroy()
    const opened = this.#opened
    this.#receiver.closed(
      this.#cause ?? (error === null ? { kind: 'closed' } : { kind: 'socket', error, opened }),
    )
  }
}

function encodePubacks(packetIds: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(packetIds.length * 4)
  let at = 0
  for (const packetId of packetIds) {
    bytes[at] = 0x40
    bytes[at + 1] = 2
    bytes[at + 2] = packetId >> 8
    bytes[at + 3] = packetId & 255
    at += 4
  }
  return bytes
}

function recognise(bytes: Buffer): 'http' | 'tls' | 'ssh' | 'other' {
  const start = bytes.toString('latin1', 0, Math.min(5, bytes.length))
  if (start.startsWith('HTTP/')) return 'http'
  if (start.startsWith('SSH-')) return 'ssh'
  if (bytes[0] === 0x15 && bytes[1] === 3) return 'tls'
  return 'other'
}
