/** One entry of `brokers:`, and the files its TLS settings name. */
import { z } from 'zod'
import type { Problem } from '../../core/problem.ts'
import { problem } from '../../core/problem.ts'
import type { BrokerDefinition, TlsDefinition } from '../configuration.ts'
import { addProblem, duration } from '../fields.ts'
import type { SubstitutionSources } from '../substitute.ts'

const secondMs = 1000
/** Keep alive is two bytes of seconds [MQTT-3.1.2-21], session expiry four (3.1.2.11.2). */
const maxKeepaliveMs = 65_535 * secondMs

const tls = z
  .strictObject({
    ca: z.string().optional().describe('Authority to trust instead of the usual ones: a file, or PEM text.'),
    cert: z.string().optional().describe('Certificate of this client: a file, or PEM text.'),
    key: z.string().optional().describe(`Private key of this client: a file, or PEM text from \${file:…}.`),
    server_name: z
      .string()
      .optional()
      .describe('Name that the broker’s certificate must carry, if not the host.'),
    verify: z.boolean().default(true).describe('false accepts any certificate: for trying out only.'),
  })
  .describe('Certificates; files are relative to the configuration directory.')

const protocol = z
  .union([z.enum(['auto', '3.1.1', '5']), z.literal(5)])
  .default('auto')
  .describe('auto tries MQTT 5 and falls back to 3.1.1.')

export const brokerSchema = z
  .strictObject({
    url: z
      .string()
      .describe(
        'mqtt://host:1883, mqtts://, ws:// or wss://; or embedded (also embedded:1884) for the built-in one.',
      )
      .superRefine((text, context) => checkUrl(text, context)),
    username: z.string().optional().describe('User name for the broker.'),
    password: z.string().optional().describe(`Password; better as \${env:MQTT_PASSWORD} or \${file:…}.`),
    client_id: z
      .string()
      .min(1)
      .max(256)
      .optional()
      .describe('Name of the session at the broker: one for every running Tocsin.'),
    protocol,
    keepalive: duration('How often the link is tried when nothing is sent.', {
      minMs: secondMs,
      maxMs: maxKeepaliveMs,
    }).optional(),
    session_expiry: duration('How long the broker keeps messages while Tocsin is away.').optional(),
    receive_maximum: z
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe('How many messages the broker may send before the first is acknowledged.'),
    status_topic: z
      .string()
      .regex(/^[^+#\0]+$/, { error: 'a status topic cannot contain wildcards' })
      .optional()
      .describe('Where online and offline are published, retained.'),
    tls: tls.optional(),
  })
  .transform((broker, context): BrokerDefinition => {
    const { url, username, password } = splitUrl(broker.url)
    for (const [key, inUrl, apart] of [
      ['username', username, broker.username],
      ['password', password, broker.password],
    ] as const) {
      if (inUrl !== undefined && apart !== undefined) {
        addProblem(
          context,
          `there is a ${key} in the URL and in \`${key}\``,
          { code: 'config-url', help: 'keep the second only' },
          [key],
        )
      }
    }
    const account = { username: broker.username ?? username, password: broker.password ?? password }
    if (account.password !== undefined && account.username === undefined) {
      // MQTT 3.1.1 cannot send the one without the other [MQTT-3.1.2-22].
      const at = broker.password === undefined ? 'url' : 'password'
      addProblem(
        context,
        'there is a password, but no username',
        { code: 'config-url', help: 'add `username:`, or remove the password' },
        [at],
      )
    }
    if (embeddedPort(url) !== null) checkEmbedded(broker, context)
    return {
      url,
      ...account,
      clientId: broker.client_id,
      protocol: broker.protocol === 5 ? '5' : broker.protocol,
      keepaliveSeconds: seconds(broker.keepalive),
      sessionExpirySeconds: seconds(broker.session_expiry),
      receiveMaximum: broker.receive_maximum,
      statusTopic: broker.status_topic,
      tls:
        broker.tls === undefined
          ? undefined
          : {
              ca: broker.tls.ca,
              cert: broker.tls.cert,
              key: broker.tls.key,
              serverName: broker.tls.server_name,
              verify: broker.tls.verify,
            },
    }
  })

/** What a client of the built-in broker has no use for: written, it would only look like protection. */
function checkEmbedded(
  broker: { readonly protocol: unknown } & Readonly<
    Partial<Record<'username' | 'password' | 'tls', unknown>>
  >,
  context: Parameters<typeof addProblem>[0],
): void {
  for (const key of ['username', 'password', 'tls'] as const) {
    if (broker[key] === undefined) continue
    const help = 'remove it; only programs on this machine reach the built-in broker'
    addProblem(context, `the built-in broker has no \`${key}\``, { code: 'config-url', help }, [key])
  }
  if (broker.protocol !== 5 && broker.protocol !== '5') return
  const help = 'remove it, or use a broker of its own, such as Mosquitto'
  addProblem(context, 'the built-in broker speaks MQTT 3.1.1 only', { code: 'config-url', help }, [
    'protocol',
  ])
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.ceil(ms / secondMs)
}

/** Where MQTT brokers listen. */
const mqttPort = 1883

/** The port of `embedded` or `embedded:1884`, the built-in broker; null for any other URL. */
export function embeddedPort(url: string): number | null {
  const [whole, digits] = /^embedded(?::(\d{1,5}))?$/.exec(url) ?? []
  if (whole === undefined) return null
  const port = digits === undefined ? mqttPort : Number(digits)
  return port >= 1 && port <= 65_535 ? port : null
}

const schemes = ['mqtt:', 'mqtts:', 'ws:', 'wss:']
const otherSchemes: Readonly<Record<string, string>> = {
  tcp: 'mqtt',
  ssl: 'mqtts',
  tls: 'mqtts',
  'mqtt+ssl': 'mqtts',
  http: 'ws',
  https: 'wss',
}

/** The message never shows the URL: it may hold a password. */
function checkUrl(text: string, context: Parameters<typeof addProblem>[0]): void {
  const refuse = (message: string, help: string) => addProblem(context, message, { code: 'config-url', help })
  if (embeddedPort(text) !== null) return
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) {
    refuse(
      'the URL of a broker begins with `mqtt://`',
      'write mqtt://host:1883, or mqtts://host:8883 with TLS',
    )
    return
  }
  const meant = otherSchemes[scheme]
  if (!schemes.includes(`${scheme}:`)) {
    refuse(
      `\`${scheme}://\` is not a way to reach a broker`,
      meant === undefined ? 'write mqtt://, mqtts://, ws:// or wss://' : `write ${meant}://`,
    )
    return
  }
  const url = URL.parse(text)
  if (url === null || url.hostname === '')
    refuse('the URL of the broker has no host', `write ${scheme}://host`)
  else if (!canDecode(url.username) || !canDecode(url.password)) {
    refuse(
      'the user or password in the URL is not written correctly',
      'use `username:` and `password:` instead',
    )
  }
}

function canDecode(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** A user and password in the URL are taken out of it, so that the rest can be shown. */
function splitUrl(text: string): { url: string; username?: string; password?: string } {
  const url = URL.parse(text)
  if (url === null || (url.username === '' && url.password === '')) return { url: text }
  const username = url.username === '' ? {} : { username: decodeURIComponent(url.username) }
  const password = url.password === '' ? {} : { password: decodeURIComponent(url.password) }
  return { url: text.replace(/^([a-z]+:\/\/)[^@/]*@/i, '$1'), ...username, ...password }
}

/** Reads the files that `tls` names; problems have paths relative to the broker. */
export function readTlsFiles(
  broker: BrokerDefinition,
  readFile: SubstitutionSources['readSecretFile'],
): { broker: BrokerDefinition; problems: readonly Problem[] } {
  if (broker.tls === undefined) return { broker, problems: [] }
  const problems: Problem[] = []
  const pem = (key: 'ca' | 'cert' | 'key'): string | undefined => {
    const written = broker.tls?.[key]
    if (written === undefined || written.includes('-----BEGIN')) return written
    const read = readFile(written)
    const help = 'name a PEM file; a path that is not absolute starts at the configuration directory'
    if (!read.ok) problems.push(problem('config-tls', ['tls', key], read.message, { help }))
    else if (!read.text.includes('-----BEGIN')) {
      problems.push(problem('config-tls', ['tls', key], `the file \`${written}\` is not PEM`, { help }))
    } else return read.text
    return undefined
  }
  const tls: TlsDefinition = { ...broker.tls, ca: pem('ca'), cert: pem('cert'), key: pem('key') }
  if ((broker.tls.cert === undefined) !== (broker.tls.key === undefined)) {
    const [has, lacks] = broker.tls.key === undefined ? ['cert', 'key'] : ['key', 'cert']
    problems.push(
      problem('config-tls', ['tls', has ?? ''], `\`${has}\` is of no use without \`${lacks}\``, {
        help: 'give both the certificate and its key, or neither',
      }),
    )
  }
  return { broker: { ...broker, tls }, problems }
}
