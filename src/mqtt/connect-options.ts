/** What a connection to a broker is told: the options with their defaults, and where they lead. */
import type { ConnectionOptions } from 'node:tls'

export interface TlsOptions {
  /** PEM text of the authorities to trust instead of the system's. */
  readonly ca?: string | undefined
  /** PEM text of the client's certificate and its key, when the broker asks for one. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** The name the broker's certificate must carry, when it is not the host of the URL. */
  readonly serverName?: string | undefined
  /** False accepts any certificate. */
  readonly rejectUnauthorized?: boolean | undefined
}

export interface BrokerOptions {
  /** The configured name, which every message carries. */
  readonly name: string
  /** mqtt://, mqtts://, ws:// or wss://. A user and password in it serve when none are given apart. */
  readonly url: string
  readonly clientId: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** `auto` tries MQTT 5 and falls back to 3.1.1 when the broker refuses it. */
  readonly protocol?: 'auto' | '3.1.1' | '5' | undefined
  readonly keepaliveSeconds?: number | undefined
  /** How long the broker keeps the ingest session after the link is lost (MQTT 5; 3.1.1 has no such limit). */
  readonly sessionExpirySeconds?: number | undefined
  /** How many QoS 1 messages the broker may send before the first is acknowledged (MQTT 5). */
  readonly receiveMaximum?: number | undefined
  /** Longer packets are skipped as they come in, told about without their payload, and can be acknowledged. */
  readonly maximumPacketBytes?: number | undefined
  readonly tls?: TlsOptions | undefined
  /** Where `online` and `offline` are published, retained; null for nowhere. */
  readonly statusTopic?: string | null | undefined
  readonly reconnect?: { readonly minMs: number; readonly maxMs: number; readonly jitter: number } | undefined
  /** How long connecting may take, up to the broker's answer. */
  readonly connectTimeoutMs?: number | undefined
  /** How long the broker may take to acknowledge a publish before the outgoing line is made anew. */
  readonly publishTimeoutMs?: number | undefined
}

/** Where to connect, with what TLS needs. `href` is for WebSocket; `shown` is for people and has no secrets. */
export interface Endpoint {
  readonly scheme: 'mqtt' | 'mqtts' | 'ws' | 'wss'
  readonly host: string
  readonly port: number
  readonly href: string
  readonly shown: string
  readonly tls: ConnectionOptions
}

export interface ConnectOptions {
  readonly name: string
  readonly endpoint: Endpoint
  readonly clientId: string
  readonly username: string | undefined
  readonly password: string | undefined
  readonly protocol: 'auto' | '3.1.1' | '5'
  readonly keepaliveSeconds: number
  readonly sessionExpirySeconds: number
  readonly receiveMaximum: number
  readonly maximumPacketBytes: number
  readonly statusTopic: string | null
  readonly reconnect: { readonly minMs: number; readonly maxMs: number; readonly jitter: number }
  readonly connectTimeoutMs: number
  readonly publishTimeoutMs: number
}

const schemes = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 } as const

function isScheme(text: string): text is keyof typeof schemes {
  return Object.hasOwn(schemes, text)
}

/** A payload of 1 MiB with the longest topic and ample properties. */
const defaultPacketBytes = 1_048_576 + 131_072

/**
 * Throws a TypeError when the URL cannot be used, or a password comes without a username; the configuration
 * is checked before it comes here.
 */
export function resolveOptions(options: BrokerOptions): ConnectOptions {
  const url = URL.parse(options.url)
  const scheme = url?.protocol.slice(0, -1) ?? ''
  if (url === null || !isScheme(scheme)) {
    throw new TypeError(
      `The URL of broker ${options.name} must begin with mqtt://, mqtts://, ws:// or wss://`,
    )
  }
  const { tls = {} } = options
  const username = options.username ?? (url.username === '' ? undefined : decodeURIComponent(url.username))
  const password = options.password ?? (url.password === '' ? undefined : decodeURIComponent(url.password))
  if (password !== undefined && username === undefined) {
    throw new TypeError(`The password of broker ${options.name} needs a username beside it`) // [MQTT-3.1.2-22] of 3.1.1
  }
  const host = url.hostname.replace(/^\[|\]$/g, '') || 'localhost'
  const port = url.port === '' ? schemes[scheme] : Number(url.port)
  const webSocket = scheme === 'ws' || scheme === 'wss'
  url.username = ''
  url.password = ''
  return {
    name: options.name,
    endpoint: {
      scheme,
      host,
      port,
      href: url.href,
      // A query may carry a token (signed WebSocket URLs), so it is not shown.
      shown: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${webSocket ? url.pathname : ''}`,
      tls: {
        ...(tls.ca === undefined ? {} : { ca: tls.ca }),
        ...(tls.cert === undefined ? {} : { cert: tls.cert }),
        ...(tls.key === undefined ? {} : { key: tls.key }),
        // A server name that is an IP address is not allowed in TLS (RFC 6066, section 3).
        ...(tls.serverName === undefined
          ? /^[\d.]+$|:/.test(host)
            ? {}
            : { servername: host }
          : { servername: tls.serverName }),
        rejectUnauthorized: tls.rejectUnauthorized !== false,
      },
    },
    clientId: options.clientId,
    username,
    password,
    protocol: options.protocol ?? 'auto',
    keepaliveSeconds: options.keepaliveSeconds ?? 60,
    sessionExpirySeconds: options.sessionExpirySeconds ?? 86_400,
    receiveMaximum: options.receiveMaximum ?? 1_000,
    maximumPacketBytes: options.maximumPacketBytes ?? defaultPacketBytes,
    statusTopic: options.statusTopic === undefined ? 'tocsin/status' : options.statusTopic,
    reconnect: options.reconnect ?? { minMs: 1_000, maxMs: 60_000, jitter: 0.3 },
    connectTimeoutMs: options.connectTimeoutMs ?? 15_000,
    publishTimeoutMs: options.publishTimeoutMs ?? 30_000,
  }
}

/** The pause before connection attempt number `attempt` (0 is the first after a failure), in ms. */
export function backoffMs(reconnect: ConnectOptions['reconnect'], attempt: number, random: number): number {
  const grown = Math.min(reconnect.maxMs, reconnect.minMs * 2 ** Math.min(attempt, 30))
  return Math.round(grown * (1 - reconnect.jitter * random))
}
