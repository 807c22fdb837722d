/** A small MQTT 3.1.1 broker inside the process, for trying things out. It keeps its sessions in memory. */
import { EventEmitter } from 'node:events'
import net from 'node:net'
import { Aedes } from 'aedes'

export interface EmbeddedBroker {
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

interface EmbeddedBrokerOptions {
  readonly host?: string
  readonly port: number
  /** Told of faults inside the broker, which goes on. */
  readonly onError?: (error: Error) => void
}

/** Ports that are tried, from the wanted one upwards. */
const portAttempts = 20
const connectionLimit = 200

/**
 * Listens on the wanted port or, when it is taken, on the next free one of 20. Port 0 lets the system choose.
 * Rejects when none is free, or for any other reason that keeps it from listening.
 */
export async function startEmbeddedBroker(wanted: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const { host = '127.0.0.1', onError = () => {} } = wanted
  const aedes = await Aedes.createBroker({
    // A client that reads nothing is let go after this time, and what waits for it with it.
    drainTimeout: 30_000,
    maxInflightInbound: 100,
    maxTopicLevels: 50,
  })
  // One client's mistake must not end the process; its connection is closed by then.
  aedes.on('clientError', () => {})
  // The types of aedes leave this event out, which it has.
  EventEmitter.prototype.on.call(aedes, 'error', onError)
  aedes.on('connectionError', () => {})
  const server = net.createServer({ noDelay: true }, (socket) => {
    aedes.handle(socket)
  })
  server.maxConnections = connectionLimit
  try {
    const port = await listen(server, host, wanted.port)
    return {
      url: `mqtt://${host}:${port}`,
      port,
      close: () =>
        new Promise((resolve) => {
          server.close()
          aedes.close(() => resolve())
        }),
    }
  } catch (error) {
    await new Promise<void>((resolve) => aedes.close(() => resolve()))
    throw error
  }
}

async function listen(server: net.Server, host: string, wanted: number): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await listenOn(server, host, wanted + attempt)
    } catch (error) {
      const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
      if (!taken) throw error
      if (attempt === portAttempts - 1 || wanted + attempt >= 65_535) {
        throw new Error(`No port from ${wanted} to ${wanted + attempt} is free on ${host}`)
      }
    }
  }
}

function listenOn(server: net.Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.removeListener('error', reject)
      const address = server.address()
      resolve(address !== null && typeof address === 'object' ? address.port : port)
    })
  })
}
