/** A real HTTP or HTTPS server on a port of 127.0.0.1, for tests: it behaves as told and keeps what arrived. */
import {
  createServer as createHttp,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { Server, Socket } from 'node:net'
import { Inbox } from '../../support/wait-for.ts'

export interface ArrivedRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown
}

export interface HttpAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** `refuse` closes the connection before it says anything, `drop` when the request is there; `hang` says nothing. */
export type HttpBehaviour = HttpAnswer | 'refuse' | 'drop' | 'hang' | ((response: ServerResponse) => void)

export interface HttpStation {
  readonly port: number
  readonly requests: Inbox<ArrivedRequest>
  behaviour: HttpBehaviour
  close(): Promise<void>
}

export async function openHttpStation(tls?: { cert: string; key: string }): Promise<HttpStation> {
  const requests = new Inbox<ArrivedRequest>()
  const sockets = new Set<Socket>()
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const { method = '', url: path = '', headers } = request
    requests.put({ method, path, headers, body, json: parse(body.toString()) })
    const { behaviour } = station
    if (behaviour === 'drop' || behaviour === 'refuse') request.socket.destroy()
    else if (typeof behaviour === 'function') behaviour(response)
    else if (behaviour !== 'hang')
      response.writeHead(behaviour.status, behaviour.headers).end(behaviour.body ?? '')
  }
  const listen = (request: IncomingMessage, response: ServerResponse) => {
    handle(request, response).catch(() => response.destroy())
  }
  const server: Server = tls === undefined ? createHttp(listen) : createHttps(tls, listen)
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    if (station.behaviour === 'refuse') socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const station: HttpStation = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    requests,
    behaviour: { status: 200 },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
  return station
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
