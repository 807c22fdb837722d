/** An MQTT application message, as it came from a broker or as it is to be sent to one. */

/** MQTT 5 properties of a PUBLISH that a rule may see or set; absent on MQTT 3.1.1. */
export interface MessageProperties {
  readonly contentType?: string
  readonly responseTopic?: string
  readonly correlationData?: Uint8Array
  readonly payloadFormatIndicator?: boolean
  readonly messageExpiryInterval?: number
  /** User properties in the order they came; names may repeat [MQTT-3.3.2-18]. */
  readonly userProperties?: readonly (readonly [name: string, value: string])[]
}

export interface Message {
  /** The configured name of the broker it came from. */
  readonly broker: string
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1
  /** RETAIN as received: true marks a replay, a stored message sent on subscribing [MQTT-3.3.1-8]. */
  readonly retain: boolean
  readonly dup: boolean
  /** Packet identifier of a QoS 1 message, 0 for QoS 0. */
  readonly packetId: number
  /** Wall clock when it was read from the socket, in ms since the epoch. */
  readonly receivedAt: number
  readonly properties: MessageProperties | null
}

export interface OutboundMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1
  readonly retain: boolean
  readonly properties?: MessageProperties | undefined
}
