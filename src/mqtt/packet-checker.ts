/**
 * Checks the packets that go through to MQTT.js. Its parser takes some broken ones for whole, and then throws
 * where nothing can catch it: a PUBREL without a packet identifier would end the process.
 */
import mqttPacket from 'mqtt-packet'
import { malformed, type ProtocolFault, protocolError } from './protocol-fault.ts'

/** What a server may send apart from PUBLISH, by packet type, and whether a packet identifier leads its body. */
const serverPackets: Readonly<Record<number, { readonly identified: boolean; readonly since: 4 | 5 }>> = {
  2: { identified: false, since: 4 }, // CONNACK
  4: { identified: true, since: 4 }, // PUBACK
  5: { identified: true, since: 4 }, // PUBREC
  6: { identified: true, since: 4 }, // PUBREL
  7: { identified: true, since: 4 }, // PUBCOMP
  9: { identified: true, since: 4 }, // SUBACK
  11: { identified: true, since: 4 }, // UNSUBACK
  13: { identified: false, since: 4 }, // PINGRESP
  14: { identified: false, since: 5 }, // DISCONNECT
  15: { identified: false, since: 5 }, // AUTH
}

export class PacketChecker {
  readonly #protocolVersion: 4 | 5
  readonly #parser: ReturnType<typeof mqttPacket.parser>
  #failed = false

  constructor(protocolVersion: 4 | 5) {
    this.#protocolVersion = protocolVersion
    this.#parser = mqttPacket.parser({ protocolVersion })
    this.#parser.on('error', () => {
      this.#failed = true
    })
    this.#parser.on('packet', (packet) => {
      if ('properties' in packet && !Object.values(packet.properties ?? {}).every(isSound))
        this.#failed = true
    })
  }

  /** `packet` is one whole packet, whose body begins at `body`. */
  check(packet: Buffer, body: number): ProtocolFault | null {
    const rules = serverPackets[packet[0]! >> 4]
    if (rules === undefined || rules.since > this.#protocolVersion) {
      return protocolError('it sent a packet that a broker must not send')
    }
    if (rules.identified) {
      if (packet.length - body < 2) return malformed('a packet is cut short')
      if (packet.readUInt16BE(body) === 0) return protocolError('a packet identifier is 0') // [MQTT-2.2.1-4]
    }
    return this.#isReadable(packet) ? null : malformed('a packet cannot be read')
  }

  #isReadable(packet: Buffer): boolean {
    try {
      return this.#parser.parse(packet) === 0 && !this.#failed
    } catch {
      return false
    }
  }
}

/**
 * Of properties that are cut short the parser makes -1, null or false, and of those given twice a list. A
 * Server Keep Alive like that makes MQTT.js throw.
 */
function isSound(value: unknown): boolean {
  return value !== null && value !== undefined && value !== -1 && !Array.isArray(value)
}
