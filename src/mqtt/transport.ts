/** The byte stream to a broker: TCP read in gathered pieces, or TLS and WebSocket as ordinary streams. */
import net from 'node:net'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'
import WebSocket, { createWebSocketStream } from 'ws'
import type { Endpoint } from './connect-options.ts'
import { ReadPacer } from './read-pacer.ts'

export interface TransportEvents {
  /** The transport is up (TCP connected, TLS agreed, WebSocket open). */
  open(): void
  /** Bytes that came. They belong to the receiver. */
  chunk(bytes: Buffer): void
  /** Writing may go on after a `write` that returned false. */
  drain(): void
  /** The end, once. Null when the other side closed without an error. */
  close(error: Error | null): void
}

export interface Transport {
  /** False when the receiver falls behind: wait for `drain`. */
  write(bytes: Buffer): boolean
  pause(): void
  resume(): void
  /** Sends what is written and closes. */
  end(): void
  destroy(): void
}

/** The most that one read brings, which is also what a small payload may keep alive. */
const readBytes = 65_536
const restMs = 1
/** A WebSocket message may hold many packets; a longer one than this ends the connection. */
export const webSocketMessageBytes = 64 * 1024 * 1024

export function openTransport(endpoint: Endpoint, events: TransportEvents): Transport {
  if (endpoint.scheme === 'mqtt') return openTcp(endpoint, events)
  if (endpoint.scheme === 'mqtts') {
    const socket = tls.connect({ host: endpoint.host, port: endpoint.port, ...endpoint.tls })
    socket.setNoDelay(true)
    socket.once('secureConnect', () => events.open())
    return wrapStream(socket, events)
  }
  const socket = new WebSocket(endpoint.href, 'mqtt', {
    perMessageDeflate: false,
    maxPayload: webSocketMessageBytes,
    ...endpoint.tls,
  })
  socket.once('open', () => events.open())
  return wrapStream(createWebSocketStream(socket), events)
}

function wrapStream(stream: Duplex, events: TransportEvents): Transport {
  let failure: Error | null = null
  stream.on('data', (bytes: Buffer) => events.chunk(bytes))
  stream.on('drain', () => events.drain())
  stream.on('error', (error) => {
    failure ??= error
  })
  stream.on('end', () => stream.destroy())
  stream.on('close', () => events.close(failure))
  return {
    write: (bytes) => stream.write(bytes),
    pause: () => {
      stream.pause()
    },
    resume: () => {
      stream.resume()
    },
    end: () => {
      stream.end()
    },
    destroy: () => {
      stream.destroy()
    },
  }
}

/**
 * Plain TCP through `onread`: only so does pausing stop the reads themselves, and one buffer serves all of
 * them. What was read is copied out at once, as the buffer is used again.
 */
function openTcp(endpoint: Endpoint, events: TransportEvents): Transport {
  const pacer = new ReadPacer()
  let failure: Error | null = null
  let paused = false
  let rest: NodeJS.Timeout | null = null
  const socket = net.connect({
    host: endpoint.host,
    port: endpoint.port,
    noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafeSlow(readBytes),
      callback(sizeBytes, buffer) {
        events.chunk(Buffer.from(buffer.subarray(0, sizeBytes)))
        if (paused) return false
        if (!pacer.rests(sizeBytes, performance.now())) return true
        rest = setTimeout(() => {
          rest = null
          if (!paused) socket.resume()
        }, restMs)
        return false
      },
    },
  })
  socket.once('connect', () => events.open())
  socket.on('drain', () => events.drain())
  socket.on('error', (error) => {
    failure ??= error
  })
  socket.on('end', () => socket.destroy())
  socket.on('close', () => {
    if (rest !== null) clearTimeout(rest)
    events.close(failure)
  })
  return {
    write: (bytes) => socket.write(bytes),
    pause: () => {
      paused = true
      socket.pause()
    },
    resume: () => {
      paused = false
      if (rest === null) socket.resume()
    },
    end: () => {
      socket.end()
    },
    destroy: () => {
      socket.destroy()
    },
  }
}
