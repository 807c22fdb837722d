/** CONNECT: whether the broker lets Tocsin's user in, with which version of MQTT, and whether it lets in anybody. */
import { randomBytes, X509Certificate } from 'node:crypto'
import type { ConnectOptions } from '../../../mqtt/connect-options.ts'
import { connectPlain } from '../../../mqtt/plain-client.ts'
import type { LinkFailure } from '../../../ports/broker.ts'
import { expiryFinding } from '../certificate.ts'
import type { Tell } from '../finding.ts'
import type { BrokerWorld } from './broker-world.ts'

export interface Login {
  readonly protocolVersion: 4 | 5
}

/** How long the broker may take to let us in. */
export const loginLimitMs = 5_000

/** The configured settings with a client id that disturbs nobody. */
export function asStranger(settings: ConnectOptions): ConnectOptions {
  // A 3.1.1 broker need not take client ids of more than 23 characters [MQTT-3.1.3-5].
  const clientId = `tocsin-dr-${randomBytes(6).toString('hex')}`
  return { ...settings, clientId, connectTimeoutMs: loginLimitMs }
}

/** Null when the broker does not let us in. */
export async function checkLogin(world: BrokerWorld, tell: Tell): Promise<Login | null> {
  const { settings } = world
  ownCertificate(world, tell)
  const beganMs = performance.now()
  const made = await connectPlain(asStranger(settings))
  if (!made.ok) {
    const { message, help } = made.failure
    tell({ check: 'login', state: 'fail', what: message, cause: causeOf(made.failure, settings), next: help })
    return null
  }
  const ms = performance.now() - beganMs
  made.client.end(true)
  const version = made.protocolVersion === 5 ? 'MQTT 5' : 'MQTT 3.1.1'
  const fellBack =
    made.protocolVersion === 4 && settings.protocol === 'auto' ? ', as the broker does not speak MQTT 5' : ''
  const who = settings.username === undefined ? 'without a user' : `as ${settings.username}`
  tell({ check: 'login', state: 'ok', what: `Let in ${who}, with ${version}${fellBack}.`, ms })
  if (!world.embedded) await checkAnonymous(world, tell)
  return { protocolVersion: made.protocolVersion }
}

async function checkAnonymous({ settings }: BrokerWorld, tell: Tell): Promise<void> {
  const { username: _, password: __, ...nobody } = asStranger(settings)
  if (settings.username !== undefined) {
    const made = await connectPlain({ ...nobody, username: undefined, password: undefined })
    if (!made.ok) return
    made.client.end(true)
  } else if (settings.endpoint.tls.cert !== undefined) return
  tell({
    check: 'anonymous',
    state: 'warn',
    what: 'The broker lets in anybody, without a password.',
    cause: 'Mosquitto does so with `allow_anonymous true`, and without any configuration.',
    next: 'Write `allow_anonymous false` and a `password_file` into its configuration; docs/operations.md shows how.',
  })
}

/** A certificate of ours that has run out is refused without a word. */
function ownCertificate({ settings, clock }: BrokerWorld, tell: Tell): void {
  const { cert } = settings.endpoint.tls
  if (typeof cert !== 'string') return
  try {
    const { validTo } = new X509Certificate(cert)
    const found = expiryFinding('certificate', 'this client (tls.cert)', validTo, clock.now())
    if (found !== null) tell(found)
  } catch {
    // What cannot be read is told by the connection itself.
  }
}

function causeOf({ reason }: LinkFailure, { username }: ConnectOptions): string | undefined {
  switch (reason) {
    case 'bad-credentials':
    case 'not-authorised':
      return username === undefined
        ? undefined
        : `The password is wrong, or "${username}" is not in the password file of the broker: \`mosquitto_passwd\` changes it, and Mosquitto reads it again at a reload.`
    case 'closed':
      return 'What listens there may not be an MQTT broker, or wants TLS.'
    default:
      return undefined
  }
}
