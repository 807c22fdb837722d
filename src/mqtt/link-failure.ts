/** Turns what ended a connection into a typed reason, words, and a next step. Never shows a password. */
import type { LinkFailure } from '../ports/broker.ts'
import type { ConnectOptions } from './connect-options.ts'
import type { ProtocolFault } from './protocol-fault.ts'

export type DownCause =
  /** The other side closed the connection without a word. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'socket'; readonly error: Error; readonly opened: boolean }
  /** CONNACK with a reason code (MQTT 5) or a return code (3.1.1). */
  | { readonly kind: 'connack'; readonly code: number }
  /** DISCONNECT from the broker (MQTT 5). */
  | { readonly kind: 'disconnect'; readonly code: number }
  | { readonly kind: 'fault'; readonly fault: ProtocolFault }
  | { readonly kind: 'not-mqtt'; readonly saw: 'http' | 'tls' | 'ssh' | 'other' }
  | { readonly kind: 'keepalive' }
  | { readonly kind: 'connect-timeout' }
  | { readonly kind: 'publish-timeout' }
  /** We ended it, as the broker delivered nothing over it any more. */
  | { readonly kind: 'stalled' }
  | { readonly kind: 'client'; readonly message: string }

export interface FailureContext {
  readonly options: ConnectOptions
  readonly clientId: string
  /** How far the connection had come. */
  readonly wasOnline: boolean
  /** How often in a row the broker closed the connection soon after it was made. */
  readonly earlyCloses: number
}

/** After so many of them another client with the same id is the likely cause. */
const earlyClosesOfTakenId = 3

export function explainFailure(cause: DownCause, context: FailureContext): LinkFailure {
  const { shown } = context.options.endpoint
  switch (cause.kind) {
    case 'connack':
      return explainCode(
        cause.code,
        context,
        context.wasOnline ? 'broke the MQTT protocol' : 'refused the connection',
      )
    case 'disconnect':
      return explainCode(cause.code, context, 'ended the connection')
    case 'socket':
      return explainSocket(cause.error, cause.opened, context)
    case 'not-mqtt':
      return explainStranger(cause.saw, context)
    case 'fault':
      return failure(
        'protocol',
        `The broker at ${shown} broke the MQTT protocol: ${cause.fault.message}.`,
        cause.fault.code === 0x9b
          ? 'Give this connection another client_id.'
          : 'Check what stands between here and the broker, and the version of the broker.',
      )
    case 'keepalive':
      return failure(
        'timeout',
        `The broker at ${shown} stopped answering.`,
        'Check the network and whether the broker is overloaded. The connection is made anew.',
      )
    case 'connect-timeout':
      return failure(
        'timeout',
        `Nothing answered at ${shown} within ${context.options.connectTimeoutMs / 1000} s.`,
        'Check host and port, and whether a firewall is in the way.',
      )
    case 'publish-timeout':
      return failure(
        'timeout',
        `The broker at ${shown} did not acknowledge a message within ${context.options.publishTimeoutMs / 1000} s.`,
        'Check whether the broker is overloaded. The connection is made anew.',
      )
    case 'stalled':
      return failure(
        'timeout',
        `The broker at ${shown} kept the connection but delivered nothing over it any more.`,
        'The connection is made anew.',
      )
    case 'client':
      return failure('closed', `The connection to ${shown} failed: ${cause.message}.`, 'It is tried again.')
    case 'closed':
      return explainClosed(context)
  }
}

function failure(reason: LinkFailure['reason'], message: string, help: string): LinkFailure {
  return { reason, message, help }
}

function takenId({ clientId }: FailureContext, sure: boolean): LinkFailure {
  return failure(
    'client-id-taken',
    sure
      ? `Another client connected with the client id "${clientId}", and the broker let go of this one.`
      : `The broker closes the connection again and again soon after it is made: another client probably uses the client id "${clientId}".`,
    'Give every running instance a client_id of its own.',
  )
}

function explainClosed(context: FailureContext): LinkFailure {
  const { shown } = context.options.endpoint
  if (context.wasOnline) {
    if (context.earlyCloses >= earlyClosesOfTakenId) return takenId(context, false)
    return failure('closed', `The broker at ${shown} closed the connection.`, 'The connection is made anew.')
  }
  return failure(
    'closed',
    `The server at ${shown} closed the connection before it answered.`,
    'Check that an MQTT broker listens there, and the log of the broker; a port for TLS needs mqtts:// or wss://.',
  )
}

function explainCode(code: number, context: FailureContext, did: string): LinkFailure {
  const { options, clientId } = context
  const { shown } = options.endpoint
  const withUser = options.username !== undefined
  switch (code) {
    case 1:
    case 0x84:
      return failure(
        'protocol',
        `The broker at ${shown} does not speak this version of MQTT.`,
        'Set protocol to auto, or to the version that the broker speaks.',
      )
    case 2:
    case 0x85:
      return failure(
        'client-id-rejected',
        `The broker at ${shown} does not accept the client id "${clientId}".`,
        'Choose another client_id: some brokers take only letters and digits, or up to 23 of them.',
      )
    case 4:
    case 0x86:
      return failure(
        'bad-credentials',
        `The broker at ${shown} does not accept the username or the password.`,
        withUser ? 'Check username and password.' : 'Set username and password.',
      )
    case 5:
    case 0x87:
      // On 3.1.1 most brokers answer a wrong password with "not authorised" too.
      return failure(
        'not-authorised',
        withUser
          ? `The broker at ${shown} did not let user "${options.username}" in: a wrong password, or not allowed to connect.`
          : `The broker at ${shown} lets nobody in without a username and password.`,
        withUser
          ? 'Check username and password, and what the broker allows this user.'
          : 'Set username and password.',
      )
    case 0x8a:
      return failure(
        'not-authorised',
        `The broker at ${shown} has banned this client.`,
        'Ask who runs the broker.',
      )
    case 0x8d:
      return failure(
        'timeout',
        `The broker at ${shown} heard nothing from here for too long.`,
        'Check the network.',
      )
    case 0x8e:
      return takenId(context, true)
    case 3:
    case 0x88:
    case 0x89:
    case 0x8b:
      return failure(
        'closed',
        `The broker at ${shown} ${did}: it is busy or shutting down.`,
        'It is tried again.',
      )
    default:
      return failure(
        'protocol',
        `The broker at ${shown} ${did} with reason code 0x${code.toString(16)}.`,
        'The log of the broker should say more.',
      )
  }
}

function explainStranger(saw: 'http' | 'tls' | 'ssh' | 'other', context: FailureContext): LinkFailure {
  const { shown, scheme } = context.options.endpoint
  if (saw === 'tls') {
    return failure(
      'tls',
      `The server at ${shown} expects TLS.`,
      `Write ${scheme === 'ws' ? 'wss' : 'mqtts'}:// in the URL.`,
    )
  }
  const what = { http: 'A web server', ssh: 'An SSH server', other: 'Something else' }[saw]
  return failure(
    'protocol',
    `No MQTT broker answers at ${shown}. ${what} does.`,
    saw === 'http'
      ? 'Check the port (1883 is usual), or use ws:// for MQTT over WebSocket.'
      : 'Check the port (1883 is usual).',
  )
}

function errorCode(error: Error): string {
  if ('code' in error && typeof error.code === 'string') return error.code
  // With several addresses tried, the error gathers one for each.
  if (error instanceof AggregateError) {
    for (const inner of error.errors) if (inner instanceof Error) return errorCode(inner)
  }
  return ''
}

function explainSocket(error: Error, opened: boolean, context: FailureContext): LinkFailure {
  const { endpoint } = context.options
  const { shown, host, port } = endpoint
  const code = errorCode(error)
  const secure = endpoint.scheme === 'mqtts' || endpoint.scheme === 'wss'
  switch (code) {
    case 'ECONNREFUSED':
      return failure(
        'connection-refused',
        `Nothing listens at ${shown}.`,
        `Check that the broker runs, and listens on port ${port} at this address.`,
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
      return failure(
        'host-not-found',
        `The host "${host}" is not known.`,
        'Check its spelling, and the name service.',
      )
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return failure(
        'timeout',
        `${shown} cannot be reached.`,
        'Check host and port, the network and the firewall.',
      )
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return failure(
        'tls',
        `The certificate of ${shown} is signed by nobody known here.`,
        'Set tls.ca to the certificate of the authority that signed it.',
      )
    case 'CERT_HAS_EXPIRED':
      return failure(
        'tls',
        `The certificate of ${shown} has expired.`,
        'Renew it at the broker, or check the clock here.',
      )
    case 'CERT_NOT_YET_VALID':
      return failure(
        'tls',
        `The certificate of ${shown} is not valid yet.`,
        'Check the clock here and at the broker.',
      )
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return failure(
        'tls',
        `The certificate of ${shown} is for another name.`,
        'Use the name in the certificate as the host, or set tls.server_name to it.',
      )
  }
  if (code.startsWith('ERR_OSSL') || (error.message.includes('PEM') && !opened)) {
    return failure(
      'tls',
      'A certificate or key in tls cannot be read.',
      'Each of ca, cert and key is PEM text; the key must fit the cert.',
    )
  }
  if (code.includes('WRONG_VERSION_NUMBER') || code.includes('PACKET_LENGTH_TOO_LONG')) {
    return failure(
      'tls',
      `The server at ${shown} does not speak TLS.`,
      `Write ${endpoint.scheme === 'wss' ? 'ws' : 'mqtt'}:// in the URL, or use the port for TLS (8883 is usual).`,
    )
  }
  if (code.startsWith('ERR_SSL') || code === 'EPROTO') {
    const wantsCertificate = /CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE|UNKNOWN_CA/.test(code)
    return failure(
      'tls',
      `TLS with ${shown} failed (${code}).`,
      wantsCertificate
        ? 'The broker asks for a client certificate it knows: set tls.cert and tls.key.'
        : 'Check the TLS settings here and at the broker.',
    )
  }
  if (secure && !opened && (code === 'ECONNRESET' || code === 'EPIPE')) {
    return failure(
      'tls',
      `The server at ${shown} closed the connection before TLS was agreed.`,
      'Check that this is the port for TLS (8883 is usual).',
    )
  }
  const refusedUpgrade = /Unexpected server response: (\d+)/.exec(error.message)
  if (refusedUpgrade !== null) {
    return failure(
      'protocol',
      `The web server at ${shown} does not take MQTT over WebSocket there (HTTP status ${refusedUpgrade[1]}).`,
      'Check the port and the path of the URL (often /mqtt).',
    )
  }
  if (error.message.includes('Sec-WebSocket-Protocol') || error.message.includes('subprotocol')) {
    return failure(
      'protocol',
      `The WebSocket server at ${shown} does not speak MQTT.`,
      'Check the port and the path of the URL (often /mqtt).',
    )
  }
  if (code.startsWith('HPE_') || error.message.startsWith('Parse Error')) {
    return failure(
      'protocol',
      `No web server answers at ${shown}.`,
      'Use the port for WebSocket, or mqtt:// for plain MQTT.',
    )
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') return explainClosed(context)
  return failure(
    'closed',
    `The connection to ${shown} failed${code === '' ? '' : ` (${code})`}.`,
    'It is tried again.',
  )
}
