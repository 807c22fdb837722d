/** The way to a server: its name, a TCP connection, the agreement on TLS. Nothing is sent over it. */
import { lookup } from 'node:dns/promises'
import net from 'node:net'
import { networkInterfaces } from 'node:os'
import tls, { type ConnectionOptions, type PeerCertificate } from 'node:tls'
import { withLimit } from './limit.ts'

const lookupLimitMs = 5_000
const connectLimitMs = 5_000

export interface Resolved {
  readonly addresses: readonly string[]
  readonly ms: number
}

export type Outcome<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly error: Error }

/** The addresses of a name; an address is its own. */
export async function resolveName(host: string): Promise<Outcome<Resolved>> {
  if (net.isIP(host) !== 0) return { ok: true, addresses: [host], ms: 0 }
  const beganMs = performance.now()
  try {
    const found = await withLimit(lookupLimitMs, lookup(host, { all: true }))
    if (!found.ok) return { ok: false, error: withCode('EAI_AGAIN') }
    const addresses = [...new Set(found.value.map(({ address }) => address))]
    return { ok: true, addresses, ms: performance.now() - beganMs }
  } catch (error) {
    return { ok: false, error: asError(error) }
  }
}

/** How long the connection took to come about, ms. */
export async function connectTcp(
  host: string,
  port: number,
): Promise<Outcome<{ readonly address: string; readonly ms: number }>> {
  const beganMs = performance.now()
  const socket = net.connect({ host, port })
  try {
    const met = await withLimit(connectLimitMs, once(socket, 'connect'))
    if (!met.ok) return { ok: false, error: withCode('ETIMEDOUT') }
    return { ok: true, address: socket.remoteAddress ?? host, ms: performance.now() - beganMs }
  } catch (error) {
    return { ok: false, error: asError(error) }
  } finally {
    socket.destroy()
  }
}

export interface Handshake {
  readonly certificate: PeerCertificate
  /** `TLSv1.3` */
  readonly version: string
  /** Why the certificate would not be trusted, as OpenSSL and Node call it; null when it is. */
  readonly distrust: Error | null
  readonly ms: number
}

/** Agrees on TLS with whatever certificate there is, to be able to say what is wrong with it, and hangs up. */
export async function shakeHands(
  host: string,
  port: number,
  options: ConnectionOptions,
): Promise<Outcome<Handshake>> {
  const beganMs = performance.now()
  let socket: tls.TLSSocket | null = null
  try {
    // Certificates and keys of ours are read here, and may be unusable.
    socket = tls.connect({ host, port, ...options, rejectUnauthorized: false })
    const met = await withLimit(connectLimitMs, once(socket, 'secureConnect'))
    if (!met.ok) return { ok: false, error: withCode('ETIMEDOUT') }
    // Node's types call it an error; it is the code of one.
    const code: unknown = socket.authorizationError
    const distrust = socket.authorized ? null : withCode(code instanceof Error ? code.message : String(code))
    return {
      ok: true,
      certificate: socket.getPeerCertificate(),
      version: socket.getProtocol() ?? 'TLS',
      distrust,
      ms: performance.now() - beganMs,
    }
  } catch (error) {
    return { ok: false, error: asError(error) }
  } finally {
    socket?.destroy()
  }
}

/** Whether one of the addresses is this machine's. */
export function isThisMachine(addresses: readonly string[]): boolean {
  const own = new Set(
    Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? []),
  )
  return addresses.some((address) => isLoopbackAddress(address) || own.has(address))
}

export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address)
}

/** Resolves with the event, rejects with an error before it, or with a close. */
function once(socket: net.Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve())
    socket.on('error', reject)
    socket.once('close', () => reject(withCode('ECONNRESET')))
  })
}

function withCode(code: string): Error {
  return Object.assign(new Error(code), { code })
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
