import http from 'node:http'
import net from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Authority, type Certificate, makeAuthority } from '../support/certificates.ts'
import {
  freePort,
  hasMosquitto,
  type Mosquitto,
  type MosquittoOptions,
  startMosquitto,
} from '../support/mosquitto.ts'
import { startScriptedBroker } from '../support/scripted-broker.ts'
import { startStation, stopStations, textOf } from './station.ts'

const running: (() => unknown)[] = []

async function broker(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const mosquitto = await startMosquitto(options)
  running.push(() => mosquitto.close())
  return mosquitto
}

afterEach(async () => {
  await stopStations()
  for (const close of running.splice(0)) await close()
})

describe.skipIf(!hasMosquitto)('a broker with users', () => {
  let mosquitto: Mosquitto
  const users = { ops: 'right', reader: 'right' }
  beforeAll(async () => {
    mosquitto = await startMosquitto({
      users,
      acl: ['user ops', 'topic readwrite #', 'user reader', 'topic read open/#'],
    })
  })
  afterAll(() => mosquitto.close())

  it.each(['3.1.1', '5'] as const)('lets in who has the password (%s)', async (protocol) => {
    const station = startStation({ url: mosquitto.url, protocol, username: 'ops', password: 'right' })
    await station.up()
  })

  it('takes user and password from the URL as well', async () => {
    const station = startStation({ url: mosquitto.url.replace('//', '//ops:right@') })
    await station.up()
  })

  it.each(['3.1.1', '5'] as const)(
    'keeps out who has not, in words that tell no password (%s)',
    async (protocol) => {
      const url = mosquitto.url.replace('//', '//ops:wr0ng-secret@')
      const failure = await startStation({ url, protocol }).failure('not-authorised')
      expect(failure.message).toContain('user "ops"')
      expect(failure.message).toContain('wrong password')
      expect(failure.help).toContain('Check username and password')
      expect(JSON.stringify(failure)).not.toContain('wr0ng-secret')
    },
  )

  it('asks for a user where none was given', async () => {
    const failure = await startStation({ url: mosquitto.url }).failure('not-authorised')
    expect(failure).toMatchObject({ help: 'Set username and password.' })
  })

  it('refuses publishes that its list does not allow (5)', async () => {
    const station = startStation({ url: mosquitto.url, protocol: '5', username: 'reader', password: 'right' })
    await station.up()
    expect(await station.publish('open/a', 'x')).toEqual({
      ok: false,
      kind: 'permanent',
      message: 'The broker refused it: not authorised.',
    })
  })
})

describe.skipIf(!hasMosquitto)('a client id that is taken', () => {
  // Mosquitto 2.0.11 closes the older connection without a DISCONNECT, on MQTT 5 too.
  it.each(['3.1.1', '5'] as const)('is guessed after some rounds (%s)', async (protocol) => {
    const mosquitto = await broker()
    const first = startStation({ url: mosquitto.url, protocol, clientId: 'same' })
    startStation({ url: mosquitto.url, protocol, clientId: 'same' })
    const failure = await first.failure('client-id-taken')
    expect(failure.message).toContain('probably')
    expect(failure.message).toContain('"same"')
  })
})

describe.skipIf(!hasMosquitto)('a broker that goes away', () => {
  it.each(['3.1.1', '5'] as const)(
    'is found again after a restart, with its session (%s)',
    async (protocol) => {
      const mosquitto = await broker({ persistence: true })
      const station = startStation({ url: mosquitto.url, protocol, clientId: 'stays' })
      await station.up()
      await station.subscribe('restart/#')
      await mosquitto.restart()
      await station.links.until(
        'the link to come back',
        (links) => links.at(-1)?.state === 'online' && links.length >= 3,
      )
      expect(station.links.items.at(-1)).toMatchObject({ state: 'online', sessionPresent: true })
      await station.outgoing.until(
        'the outgoing line',
        (links) => links.at(-1)?.state === 'online' && links.length >= 3,
      )
      await station.publish('restart/a', 'x')
      expect((await station.messages.count(1)).map(textOf)).toEqual(['x'])
    },
  )

  it('is noticed when it is killed, and publishes end as temporary', async () => {
    const mosquitto = await broker()
    const station = startStation({ url: mosquitto.url })
    await station.up()
    await mosquitto.kill()
    await station.failure()
    await station.outgoing.first('the outgoing line to fail', ({ state }) => state === 'offline')
    expect(station.broker.canPublish).toBe(false)
    expect(await station.publish('a', 'x')).toMatchObject({ ok: false, kind: 'temporary' })
    expect(await station.subscribe('a')).toMatchObject([{ granted: false, temporary: true }])
    await station.failure('connection-refused')
  })

  it('publishes the will of one that vanished', async () => {
    const mosquitto = await broker()
    const watcher = startStation({ url: mosquitto.url })
    await watcher.up()
    await watcher.subscribe('tocsin/status')
    // A relay stands for the network, which is cut without a word.
    const sockets: net.Socket[] = []
    const relay = net.createServer((socket) => {
      const onward = net.connect(mosquitto.port, '127.0.0.1')
      sockets.push(socket, onward)
      for (const each of [socket, onward]) each.on('error', () => {})
      socket.pipe(onward).pipe(socket)
    })
    const port = await freePort()
    await new Promise<void>((resolve) => relay.listen(port, '127.0.0.1', resolve))
    running.push(() => relay.close())
    const station = startStation({ url: `mqtt://127.0.0.1:${port}`, statusTopic: 'tocsin/status' })
    await station.up()
    await watcher.messages.count(1)
    for (const socket of sockets) socket.destroy()
    await watcher.messages.until('offline, then online again', (messages) => messages.length >= 3)
    expect(watcher.messages.items.map(textOf)).toEqual(['online', 'offline', 'online'])
  })
})

describe.skipIf(!hasMosquitto)('TLS', () => {
  let authority: Authority
  let server: Certificate
  let mosquitto: Mosquitto
  beforeAll(async () => {
    authority = makeAuthority()
    server = authority.sign('server', ['IP:127.0.0.1', 'DNS:broker.test'])
    mosquitto = await startMosquitto({ tls: { cert: server.certFile, key: server.keyFile } })
  })
  afterAll(async () => {
    await mosquitto.close()
    authority.remove()
  })

  it('carries messages when the authority is known', async () => {
    const station = startStation({ url: mosquitto.url, tls: { ca: authority.cert } })
    await station.up()
    await station.subscribe('tls')
    const texts = Array.from({ length: 500 }, (_, index) => String(index))
    await Promise.all(texts.map((text) => station.publish('tls', text)))
    expect((await station.messages.count(500)).map(textOf)).toEqual(texts)
  })

  it('takes the server name that is given', async () => {
    const tls = { ca: authority.cert, serverName: 'broker.test' }
    await startStation({ url: mosquitto.url, tls }).up()
  })

  it('shows a client certificate to a broker that asks for one, and tells when it has none', async () => {
    const client = authority.sign('client', ['DNS:client'])
    const strict = await broker({
      tls: { cert: server.certFile, key: server.keyFile, ca: authority.certFile, requireCertificate: true },
    })
    const tls = { ca: authority.cert, cert: client.cert, key: client.key }
    await startStation({ url: strict.url, tls }).up()
    const failure = await startStation({ url: strict.url, tls: { ca: authority.cert } }).failure('tls')
    expect(failure.help).toContain('tls.cert')
  })

  it('refuses an authority that is not known', async () => {
    const failure = await startStation({ url: mosquitto.url }).failure('tls')
    expect(failure.help).toContain('tls.ca')
  })

  it('may be told to accept any certificate', async () => {
    await startStation({ url: mosquitto.url, tls: { rejectUnauthorized: false } }).up()
  })

  it('refuses a certificate for another name', async () => {
    const tls = { ca: authority.cert, serverName: 'other.test' }
    expect((await startStation({ url: mosquitto.url, tls }).failure('tls')).message).toContain('another name')
  })

  it('refuses a certificate that has expired', async () => {
    const old = authority.sign('old', ['IP:127.0.0.1'], 0)
    const outdated = await broker({ tls: { cert: old.certFile, key: old.keyFile } })
    const failure = await startStation({ url: outdated.url, tls: { ca: authority.cert } }).failure('tls')
    expect(failure.message).toContain('expired')
  })

  it('tells when a PEM text cannot be read', async () => {
    const failure = await startStation({
      url: mosquitto.url,
      tls: { cert: 'nonsense', key: 'nonsense' },
    }).failure('tls')
    expect(failure.message).toContain('cannot be read')
  })

  it('tells when it is spoken to a port without it', async () => {
    const plain = await broker()
    expect(await startStation({ url: plain.url.replace('mqtt:', 'mqtts:') }).failure('tls')).toMatchObject({
      help: expect.stringContaining('8883'),
    })
  })

  it('tells when it is not spoken to a port that wants it', async () => {
    const failure = await startStation({ url: mosquitto.url.replace('mqtts:', 'mqtt:') }).failure()
    expect(failure.help).toContain('mqtts://')
  })
})

describe.skipIf(!hasMosquitto)('WebSocket', () => {
  it.each(['3.1.1', '5'] as const)('carries messages (%s)', async (protocol) => {
    const mosquitto = await broker({ websockets: true })
    const station = startStation({ url: `ws://127.0.0.1:${mosquitto.websocketPort}/mqtt`, protocol })
    await station.up()
    await station.subscribe('ws/#')
    const texts = Array.from({ length: 300 }, (_, index) => String(index))
    await Promise.all(texts.map((text) => station.publish('ws/a', text)))
    expect((await station.messages.count(300)).map(textOf)).toEqual(texts)
    station.broker.pause()
    station.broker.resume()
    await station.publish('ws/a', 'after')
    await station.messages.count(301)
  })

  it('tells of a web server that does not take it', async () => {
    const web = http.createServer((_request, response) => void response.end('hello'))
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
    running.push(() => web.close())
    const address = web.address()
    const port = typeof address === 'object' ? address?.port : 0
    const failure = await startStation({ url: `ws://127.0.0.1:${port}/nope` }).failure('protocol')
    expect(failure.message).toMatch(/does not take MQTT over WebSocket/)
  })
})

describe('where no broker is', () => {
  it('tells that nothing listens', async () => {
    const port = await freePort()
    const failure = await startStation({ url: `mqtt://127.0.0.1:${port}` }).failure('connection-refused')
    expect(failure.message).toBe(`Nothing listens at mqtt://127.0.0.1:${port}.`)
  })

  it('tells that nothing listens, at a name with several addresses too', async () => {
    const port = await freePort()
    await startStation({ url: `mqtt://localhost:${port}` }).failure('connection-refused')
  })

  it('tells that the host is not known', async () => {
    await startStation({ url: 'mqtt://nowhere.invalid' }).failure('host-not-found')
  })

  it('tells of a server that keeps silent', async () => {
    const silent = await startScriptedBroker(() => null)
    running.push(() => silent.close())
    await startStation({ url: silent.url, connectTimeoutMs: 50 }).failure('timeout')
  })

  it.each([
    ['a web server', 'HTTP/1.1 400 Bad Request\r\n\r\n', /web server/],
    ['an SSH server', 'SSH-2.0-OpenSSH\r\n', /SSH server/],
    ['anything else', 'hello', /Something else/],
  ])('tells of %s', async (_name, text, words) => {
    const other = await startScriptedBroker(() => Buffer.from(text))
    running.push(() => other.close())
    expect((await startStation({ url: other.url }).failure('protocol')).message).toMatch(words)
  })

  it('tries 3.1.1 where MQTT 5 was met with silence and a close', async () => {
    // The protocol level is the seventh byte of the variable header.
    const old = await startScriptedBroker((connect) =>
      connect[8] === 5 ? null : Buffer.from([0x20, 2, 0, 0]),
    )
    running.push(() => old.close())
    const station = startStation({ url: old.url })
    for (const client of await old.clients.count(2)) client.end()
    await station.links.count(1)
    expect(station.links.items[0]).toMatchObject({ state: 'online', protocolVersion: 4 })
  })

  it('stops at once', async () => {
    const port = await freePort()
    const station = startStation({ url: `mqtt://127.0.0.1:${port}` })
    await station.failure()
    const before = performance.now()
    await station.stop()
    expect(performance.now() - before).toBeLessThan(500)
  })
})

describe('stopping', () => {
  it('ends within its limit even when the broker answers nothing', async () => {
    const deaf = await startScriptedBroker()
    running.push(() => deaf.close())
    const station = startStation({ url: deaf.url, protocol: '3.1.1', statusTopic: 'tocsin/status' })
    await station.up()
    const before = performance.now()
    await station.broker.stop(100)
    expect(performance.now() - before).toBeLessThan(1_000)
  })
})
