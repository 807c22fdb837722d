/** The byte stream of a plain client to its broker, over TCP, TLS or WebSocket. */
import net from 'node:net'
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import WebSocket, { createWebSocketStream } from 'ws'
import type { Endpoint } from './connect-options.ts'

/** `opened` is called when the transport is up. Never throws: what is wrong from the start ends the stream. */
export function openStream(endpoint: Endpoint, opened: () => void): Duplex {
  try {
    return open(endpoint, opened)
  } catch (error) {
    // Certificates and keys are read while the connection is made, and may be unusable.
    return new Duplex().destroy(error instanceof Error ? error : new Error(String(error)))
  }
}

function open({ scheme, host, port, href, tls: options }: Endpoint, opened: () => void): Duplex {
  switch (scheme) {
    case 'mqtt':
      return net.connect({ host, port, noDelay: true }, opened)
    case 'mqtts':
      return tls.connect({ host, port, ...options }, opened).setNoDelay(true)
    case 'ws':
    case 'wss': {
      const socket = new WebSocket(href, 'mqtt', { perMessageDeflate: false, ...options })
      socket.once('open', opened)
      return createWebSocketStream(socket)
    }
  }
}
