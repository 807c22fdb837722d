/** A plain connection to a real Mosquitto, and to brokers that refuse. */
import { afterEach, expect, test } from 'vitest'
import { resolveOptions } from '../../src/mqtt/connect-options.ts'
import { connectPlain } from '../../src/mqtt/plain-client.ts'
import { type MosquittoOptions, startMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt-client.ts'
import { startScriptedBroker } from '../support/scripted-broker.ts'
import { within } from '../support/wait-for.ts'

const cleanup: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo()
})

async function broker(options?: MosquittoOptions) {
  const mosquitto = await startMosquitto(options)
  cleanup.push(() => mosquitto.close())
  return mosquitto
}

const settings = (url: string, protocol: 'auto' | '3.1.1' | '5' = 'auto') =>
  resolveOptions({ name: 'plain', url, clientId: 'plain', protocol, connectTimeoutMs: 5_000 })

test.each(['auto', '5', '3.1.1'] as const)(
  'connects with %s, and tells when it was ended',
  async (protocol) => {
    const mosquitto = await broker()
    const made = await connectPlain(settings(mosquitto.url, protocol))
    if (!made.ok) throw new Error(made.failure.message)
    expect(made.protocolVersion).toBe(protocol === '3.1.1' ? 4 : 5)
    made.client.end()
    expect((await within(5_000, 'the end', made.closed)).cause).toEqual({ kind: 'closed' })
  },
)

/** Knows MQTT 3.1.1 alone: the level stands in the ninth byte of CONNECT (3.1.2.2). */
const speaks311 = (refusal: Buffer | null) => (connect: Buffer) =>
  connect[8] === 4 ? Buffer.from([0x20, 2, 0, 0]) : refusal

test.each([
  ['as MQTT 5 has it', Buffer.from([0x20, 3, 0, 0x84, 0])],
  ['as MQTT 3.1.1 has it', Buffer.from([0x20, 2, 0, 1])],
])('falls back to 3.1.1 when MQTT 5 is refused %s, and may be left', async (_, refusal) => {
  const old = await startScriptedBroker(speaks311(refusal))
  cleanup.push(() => old.close())
  const made = await connectPlain(settings(old.url))
  expect(made).toMatchObject({ ok: true, protocolVersion: 4 })
  if (made.ok) made.client.end(true)
  expect(await connectPlain(settings(old.url, '5'))).toMatchObject({
    ok: false,
    failure: { reason: 'protocol' },
  })
})

test('tells why it was not let in, and tries no other version then', async () => {
  const mosquitto = await broker({ users: { ann: 'secret' } })
  const made = await connectPlain(settings(mosquitto.url))
  expect(made).toMatchObject({ ok: false, failure: { reason: 'not-authorised' } })
  expect(mosquitto.log.match(/New connection/g)).toHaveLength(2) // The other one was the wait for the broker.
})

test('tells why it was lost', async () => {
  const talkative = await startScriptedBroker(() => Buffer.from([0x20, 3, 0, 0, 0]))
  cleanup.push(() => talkative.close())
  const made = await connectPlain(settings(talkative.url))
  if (!made.ok) throw new Error(made.failure.message)
  const [client] = await talkative.clients.count(1)
  client?.send(Buffer.from([0xe0, 2, 0x8e, 0]))
  client?.end()
  expect((await within(5_000, 'the end', made.closed)).failure.reason).toBe('client-id-taken')
})

test('the will is published when the connection breaks off', async () => {
  const mosquitto = await broker()
  const hearing = await connectClient(mosquitto.url)
  cleanup.push(() => hearing.end())
  await hearing.subscribe('will')
  const made = await connectPlain(settings(mosquitto.url), {
    will: { topic: 'will', payload: 'gone', qos: 1, retain: false },
  })
  if (!made.ok) throw new Error(made.failure.message)
  made.stream.destroy()
  expect(await hearing.message('will')).toMatchObject({ payload: 'gone' })
})

test.each(['mqtts', 'wss'])('a certificate that cannot be read is told as such (%s)', async (scheme) => {
  const url = `${scheme}://127.0.0.1:1`
  const tls = { cert: 'no PEM', key: 'no PEM' }
  const made = await connectPlain(resolveOptions({ name: 'plain', url, clientId: 'plain', tls }))
  expect(made).toMatchObject({ ok: false, failure: { reason: 'tls' } })
  expect(made.ok ? '' : made.failure.message).toContain('cannot be read')
})
