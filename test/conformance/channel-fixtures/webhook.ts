/** The webhook channel before a real HTTPS server, with a body of the user's own. */
import { webhook } from '../../../src/channels/webhook/webhook.ts'
import { freePort } from '../../channels/email/mail-station.ts'
import {
  type ArrivedRequest,
  type HttpBehaviour,
  openHttpStation,
} from '../../channels/webhook/http-station.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { Inbox } from '../../support/wait-for.ts'
import type { Behaviour, ChannelFixture, Received } from './fixture.ts'

const level = 'T0SecretLevelMarker'
const query = 'secret query+marker'
const token = 'bearer-token-marker'
const secret = 'signing-secret-marker'
const link = 'https://tocsin.example.com/ack/q7Rk0pMarkerOfTheAckLink'
/** A server that says more than it should. */
const body = `you sent /hooks/${level}?key=${query} ${encodeURIComponent(query)}, Bearer ${token}, ${btoa(token)}, ${secret}, ${link}`

const behaviours: Readonly<Record<Behaviour, HttpBehaviour>> = {
  accepts: { status: 200, body: 'ok' },
  refuses: { status: 400, body },
  'refuses-recipient': { status: 404, body },
  'refuses-credentials': { status: 403, body },
  fails: { status: 500, body },
  limits: { status: 429, headers: { 'retry-after': '30' }, body },
  'drops-before': 'refuse',
  'drops-after': 'drop',
  'hangs-after': 'hang',
}

export const fixture: ChannelFixture = {
  outcomes: {
    refuses: { kind: 'permanent', reason: 'refused' },
    'refuses-recipient': { kind: 'permanent', reason: 'bad-recipient' },
    'refuses-credentials': { kind: 'permanent', reason: 'bad-credentials' },
    fails: { kind: 'temporary', reason: 'server-error' },
    limits: { kind: 'temporary', reason: 'rate-limited' },
    'drops-before': { kind: 'temporary', reason: 'unreachable' },
    'drops-after': { kind: 'ambiguous', reason: 'unreachable' },
    'hangs-after': { kind: 'ambiguous', reason: 'timeout' },
    'nobody-there': { kind: 'temporary', reason: 'unreachable' },
  },
  async open() {
    const authority = makeAuthority()
    const station = await openHttpStation(authority.sign('hook', ['IP:127.0.0.1']))
    const received = new Inbox<Received>()
    const put = station.requests.put.bind(station.requests)
    station.requests.put = (...requests) => {
      put(...requests)
      received.put(...requests.map((request) => look(request)))
    }
    const target = (port: number) => ({
      url: `https://127.0.0.1:${port}/hooks/${level}?key=${encodeURIComponent(query)}`,
      headers: { Authorization: `Bearer ${token}`, 'X-Team': 'ops' },
      body: {
        subject: '{{ title }}',
        said: 'It says: {{ text }}',
        first: '{{ alerts[0].summary }}',
        labels: '{{ alerts[0].labels }}',
        all: '{{ alerts }}',
        link: '{{ ack_url }}',
      },
      ...{ secret, allow_private: true, timeout: '2s' },
      tls: { ca: authority.cert },
    })
    const nobody = await freePort()
    const [only] = webhook.targets(webhook.targetSchema.parse(target(station.port)))
    return {
      account: null,
      target: target(station.port),
      nobodyThere: { account: null, target: target(nobody) },
      several: { target: target(station.port), addresses: [only?.address ?? ''] },
      secrets: [level, query, token, secret],
      received,
      behave: (behaviour) => {
        station.behaviour = behaviours[behaviour]
      },
      close: async () => {
        await station.close()
        authority.remove()
      },
    }
  },
}

// biome-ignore format: a list of words
const expectedHeaders = new Set([
  'accept', 'user-agent', 'content-type', 'content-length', 'authorization', 'x-team', 'idempotency-key',
  'x-tocsin-signature', 'host', 'connection',
])
const expectedKeys = ['subject', 'said', 'first', 'labels', 'all', 'link']

function look({ method, path, headers, json }: ArrivedRequest): Received {
  const names = Object.keys(headers).filter((name) => !expectedHeaders.has(name))
  const keys = typeof json === 'object' && json !== null ? Object.keys(json) : []
  const faults = [
    ...names.map((name) => `header ${name}`),
    ...(keys.join() === expectedKeys.join() ? [] : [`keys ${keys.join()}`]),
    ...(method === 'POST' ? [] : [method]),
    ...(path === `/hooks/${level}?key=${encodeURIComponent(query)}` ? [] : [path]),
  ]
  const texts: string[] = []
  collect(json, texts)
  return { text: texts.join('\n'), id: String(headers['idempotency-key']), faults }
}

function collect(value: unknown, texts: string[]): void {
  if (typeof value === 'string') texts.push(value)
  else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      texts.push(key)
      collect(item, texts)
    }
  }
}
