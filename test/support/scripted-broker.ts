/** A server that says to each client exactly the bytes it is told to, for what no real broker would send. */
import net from 'node:net'
import { Inbox } from './wait-for.ts'

interface ScriptedClient {
  /** All bytes that the client sent. */
  readonly received: Inbox<Buffer>
  send(bytes: Buffer): void
  /** Closes as a broker does that has nothing more to say. */
  end(): void
  readonly closed: Promise<void>
}

export interface ScriptedBroker {
  readonly port: number
  readonly url: string
  readonly clients: Inbox<ScriptedClient>
  close(): Promise<void>
}

/** `greeting` is sent on the first bytes of a client, usually a CONNACK; null leaves it without an answer. */
export async function startScriptedBroker(
  greeting: (connect: Buffer) => Buffer | null = () => Buffer.from([0x20, 2, 0, 0]),
): Promise<ScriptedBroker> {
  const clients = new Inbox<ScriptedClient>()
  const sockets = new Set<net.Socket>()
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    const received = new Inbox<Buffer>()
    const closed = new Promise<void>((resolve) => {
      socket.on('close', () => {
        sockets.delete(socket)
        resolve()
      })
    })
    socket.on('error', () => {})
    socket.once('data', (connect) => {
      const answer = greeting(connect)
      if (answer !== null) socket.write(answer)
      clients.put({
        received,
        closed,
        send: (bytes) => void socket.write(bytes),
        end: () => void socket.end(),
      })
    })
    socket.on('data', (bytes) => received.put(bytes))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    port,
    url: `mqtt://127.0.0.1:${port}`,
    clients,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
