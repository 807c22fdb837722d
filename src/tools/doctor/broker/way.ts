/** The way to a broker: its name, TCP, TLS. */
import { explainFailure } from '../../../mqtt/link-failure.ts'
import { expiryFinding } from '../certificate.ts'
import type { Tell } from '../finding.ts'
import { connectTcp, isThisMachine, resolveName, shakeHands } from '../reach.ts'
import type { BrokerWorld } from './broker-world.ts'

export interface Way {
  readonly addresses: readonly string[]
  /** How long TCP took to connect: once there and back. */
  readonly tcpMs: number
}

/** Null when the broker cannot be reached. */
export async function checkWay(world: BrokerWorld, tell: Tell): Promise<Way | null> {
  const { endpoint } = world.settings
  const { host, port, scheme, shown } = endpoint
  const explain = (error: Error) => explainFailure({ kind: 'socket', error, opened: false }, contextOf(world))
  const skip = (checks: readonly string[], what: string) => {
    for (const check of checks) tell({ check, state: 'skipped', what })
    return null
  }
  const secure = scheme === 'mqtts' || scheme === 'wss'
  const later = secure ? ['connection', 'tls'] : ['connection']

  const resolved = await resolveName(host)
  if (!resolved.ok) {
    const { message, help } = explain(resolved.error)
    tell({ check: 'name', state: 'fail', what: message, next: help })
    return skip(later, 'Not tried: the name leads nowhere.')
  }
  const { addresses } = resolved
  const isName = addresses[0] !== host
  const led = isName
    ? `${host} is ${addresses.slice(0, addressesShown).join(', ')}.`
    : `${host} is an address.`
  tell({ check: 'name', state: 'ok', what: led, ms: isName ? resolved.ms : undefined })

  const tcp = await connectTcp(host, port)
  if (!tcp.ok) {
    if (world.embedded) {
      tell({
        check: 'connection',
        state: 'skipped',
        what: `Nothing listens on port ${port}: the built-in broker is there only while Tocsin runs.`,
        next: 'To try it, start Tocsin and run this again beside it.',
      })
    } else
      tell({
        check: 'connection',
        state: 'fail',
        ...unreachable(world, addresses, explain(tcp.error)),
      })
    return secure ? skip(['tls'], 'Not tried: there is no connection.') : null
  }
  // The quickest of several says what the network takes; a single one may have waited for this machine.
  let tcpMs = tcp.ms
  for (let more = 1; more < connections; more++) {
    const again = await connectTcp(host, port)
    if (again.ok) tcpMs = Math.min(tcpMs, again.ms)
  }
  tell({ check: 'connection', state: 'ok', what: `Port ${port} of ${tcp.address} answers.`, ms: tcpMs })
  const way = { addresses, tcpMs }
  if (!secure) return way

  const nowMs = world.clock.now()
  const shaken = await shakeHands(host, port, endpoint.tls)
  if (!shaken.ok) {
    const { message, help } = explain(shaken.error)
    tell({ check: 'tls', state: 'fail', what: message, next: help })
    return null
  }
  const { certificate, distrust, version, ms } = shaken
  if (distrust !== null) {
    const { message, help } = explain(distrust)
    if (endpoint.tls.rejectUnauthorized !== false) {
      tell({ check: 'tls', state: 'fail', what: message, cause: certificateWords(certificate), next: help })
      return null
    }
    tell({
      check: 'tls',
      state: 'warn',
      what: `${message} It is taken all the same, because of tls.verify: false.`,
      cause: 'Whoever stands between here and the broker could read and change everything.',
      next: help,
    })
  } else if (endpoint.tls.rejectUnauthorized === false) {
    tell({
      check: 'tls',
      state: 'warn',
      what: `The certificate of ${shown} is good, but any other would be taken too.`,
      next: 'Remove verify: false below tls: nothing needs it.',
    })
  } else {
    tell({
      check: 'tls',
      state: 'ok',
      what: `${version}; the certificate is trusted until ${day(certificate.valid_to)}.`,
      ms,
    })
  }
  const soon = distrust === null ? expiryFinding('tls', 'the broker', certificate.valid_to, nowMs) : null
  if (soon !== null) tell(soon)
  return way
}

export function contextOf({ settings }: Pick<BrokerWorld, 'settings'>): Parameters<typeof explainFailure>[1] {
  return { options: settings, clientId: settings.clientId, wasOnline: false, earlyCloses: 0 }
}

const addressesShown = 4
const connections = 3

function unreachable(
  { settings, written }: BrokerWorld,
  addresses: readonly string[],
  { reason, message, help }: ReturnType<typeof explainFailure>,
): { what: string; cause?: string; next: string } {
  const { port } = settings.endpoint
  if (reason !== 'connection-refused') return { what: message, next: help }
  const none = written ? '' : 'No broker is configured, so the usual place was tried. '
  if (isThisMachine(addresses)) {
    return {
      what: `Connection refused: nothing listens on port ${port} of this machine.`,
      cause: `${none}The broker does not run, or listens on another port.`,
      next: written
        ? 'Check `systemctl status mosquitto`; start it with `sudo systemctl start mosquitto`.'
        : 'Start one (`sudo systemctl start mosquitto`), or name yours: brokers: { default: { url: "mqtt://…" } }. `tocsin demo` brings its own.',
    }
  }
  return {
    what: `Connection refused: ${addresses[0] ?? settings.endpoint.host} is there, but nothing listens on its port ${port}.`,
    cause:
      'The broker does not run there, listens on another port, or only to its own machine, as Mosquitto 2 does until it is told otherwise.',
    next: `On that machine check \`systemctl status mosquitto\`; for others to reach it, its configuration needs \`listener ${port}\` and a password file.`,
  }
}

function certificateWords({
  subject,
  issuer,
  valid_from,
  valid_to,
}: {
  readonly subject?: { readonly CN?: string | string[] }
  readonly issuer?: { readonly CN?: string | string[] }
  readonly valid_from: string
  readonly valid_to: string
}): string | undefined {
  if (subject === undefined) return undefined
  const name = (one: { readonly CN?: string | string[] } | undefined) => String(one?.CN ?? 'nobody')
  return `The certificate is for ${name(subject)}, signed by ${name(issuer)}, and holds from ${day(valid_from)} to ${day(valid_to)}.`
}

function day(date: string): string {
  const ms = Date.parse(date)
  return Number.isNaN(ms) ? date : new Date(ms).toISOString().slice(0, 10)
}
