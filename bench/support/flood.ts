/**
 * Publishes at QoS 1 as fast as the broker takes it, or at a steady rate: packets are encoded beforehand and written
 * in large pieces, so that the bench itself costs little.
 */
import { once } from 'node:events'
import net from 'node:net'
import { generate } from 'mqtt-packet'

export interface Out {
  readonly topic: string
  readonly payload: string
}

const inFlightLimit = 4_000
const pieceMessages = 100
const connackBytes = 4
const pubackBytes = 4

export class Flood {
  readonly #socket: net.Socket
  #received = 0
  #sent = 0
  #wake: (() => void) | null = null

  private constructor(socket: net.Socket) {
    this.#socket = socket
    // On MQTT 3.1.1 everything after the CONNACK is PUBACKs, each of the same length.
    socket.on('data', (bytes) => {
      this.#received += bytes.length
      this.#wake?.()
      this.#wake = null
    })
  }

  static async connect(port: number): Promise<Flood> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    const flood = new Flood(socket)
    socket.write(
      generate({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clientId: 'bench-flood',
        clean: true,
        keepalive: 0,
      }),
    )
    while (flood.#received < connackBytes) await flood.#heard()
    return flood
  }

  /** Resolves when the broker has acknowledged all of them. */
  async send(messages: readonly Out[]): Promise<void> {
    const packets = messages.map((message, index) => encode(message, index))
    for (let at = 0; at < packets.length; at += pieceMessages) {
      while (this.#unacknowledged > inFlightLimit) await this.#heard()
      const piece = packets.slice(at, at + pieceMessages)
      this.#sent += piece.length
      if (!this.#socket.write(Buffer.concat(piece))) await once(this.#socket, 'drain')
    }
    while (this.#unacknowledged > 0) await this.#heard()
  }

  /** At so many a second; `sending` is told just before each is written. */
  async pace(
    messages: readonly Out[],
    ratePerSecond: number,
    sending: (index: number) => void,
  ): Promise<void> {
    const packets = messages.map((message, index) => encode(message, index))
    const startedAt = performance.now()
    for (let at = 0; at < packets.length; ) {
      const due = Math.min(
        packets.length,
        Math.floor(((performance.now() - startedAt) / 1000) * ratePerSecond),
      )
      for (; at < due; at++) {
        sending(at)
        this.#sent++
        this.#socket.write(packets[at]!)
      }
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    while (this.#unacknowledged > 0) await this.#heard()
  }

  end(): void {
    this.#socket.destroy()
  }

  get #unacknowledged(): number {
    return this.#sent - Math.floor((this.#received - connackBytes) / pubackBytes)
  }

  #heard(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

function encode({ topic, payload }: Out, index: number): Buffer {
  const messageId = (index % 60_000) + 1
  return generate({ cmd: 'publish', topic, payload, qos: 1, dup: false, retain: false, messageId })
}
