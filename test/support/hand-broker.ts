/** A broker played by hand: it greets, grants and acknowledges, and the test says what it sends and when. */
import net from 'node:net'
import { generate, type IConnectPacket, type IPublishPacket, type Packet, parser } from 'mqtt-packet'
import { Inbox } from './wait-for.ts'

export interface HandClient {
  readonly connect: IConnectPacket
  /** Every packet after CONNECT. */
  readonly packets: Inbox<Packet>
  send(packet: Packet): void
  /** Ends the connection without a word. */
  drop(): void
}

export interface HandBroker {
  readonly url: string
  readonly clients: Inbox<HandClient>
  close(): Promise<void>
}

/** MQTT 3.1.1. `sessionPresent`: what is said to a client that asks for its session. */
export async function startHandBroker(sessionPresent: (connections: number) => boolean): Promise<HandBroker> {
  const clients = new Inbox<HandClient>()
  const sockets = new Set<net.Socket>()
  let sessions = 0
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    const packets = new Inbox<Packet>()
    const send = (packet: Packet) => void socket.write(generate(packet))
    const parse = parser()
    parse.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connect') {
        const resumed = packet.clean === false && sessionPresent(++sessions)
        send({ cmd: 'connack', returnCode: 0, sessionPresent: resumed })
        clients.put({ connect: packet, packets, send, drop: () => socket.destroy() })
        return
      }
      if (packet.cmd === 'subscribe') {
        const granted = packet.subscriptions.map(({ qos }) => qos)
        send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted })
      }
      if (packet.cmd === 'unsubscribe')
        send({ cmd: 'unsuback', messageId: packet.messageId ?? 0, granted: [] })
      if (packet.cmd === 'publish' && packet.qos === 1)
        send({ cmd: 'puback', messageId: packet.messageId ?? 0 })
      if (packet.cmd === 'pingreq') send({ cmd: 'pingresp' })
      packets.put(packet)
    })
    socket.on('data', (bytes) => parse.parse(bytes))
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `mqtt://127.0.0.1:${port}`,
    clients,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

export function isPublish(packet: Packet): packet is IPublishPacket {
  return packet.cmd === 'publish'
}
