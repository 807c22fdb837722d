/** What the other side did against the MQTT protocol: the reason the connection has to be given up. */

/** Reason codes of MQTT 5 that a DISCONNECT may carry to tell the broker why (2.4 Reason Code). */
export const faultCode = {
  malformedPacket: 0x81,
  protocolError: 0x82,
  qosNotSupported: 0x9b,
  topicAliasInvalid: 0x94,
} as const

export class ProtocolFault {
  readonly code: number
  /** One clause in plain words, for people and logs. Never contains payload bytes. */
  readonly message: string

  constructor(code: number, message: string) {
    this.code = code
    this.message = message
  }
}

export function malformed(message: string): ProtocolFault {
  return new ProtocolFault(faultCode.malformedPacket, message)
}

export function protocolError(message: string): ProtocolFault {
  return new ProtocolFault(faultCode.protocolError, message)
}
