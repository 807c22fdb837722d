import net from 'node:net'
import { connectAsync, connect as connectClient, type MqttClient } from 'mqtt'
import { afterEach, describe, expect, test } from 'vitest'
import { startEmbeddedBroker } from '../../../src/mqtt/embedded-broker.ts'
import type { LinkFailure } from '../../../src/ports/broker.ts'
import type { Clock } from '../../../src/ports/clock.ts'
import {
  type Fleet,
  type FleetOptions,
  type FleetProgress,
  startFleet,
} from '../../../src/tools/simulate/fleet.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { freePort, hasMosquitto, type MosquittoOptions, startMosquitto } from '../../support/mosquitto.ts'
import { Inbox, waitFor, within } from '../../support/wait-for.ts'

const closing: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** The wall clock, so many times as fast, that a story of half a minute is told in seconds. */
function fastClock(times: number): Clock {
  const startMs = Date.now()
  const now = () => startMs + (Date.now() - startMs) * times
  return {
    now,
    setTimer(atMs, callback) {
      const timer = setTimeout(callback, Math.max(0, (atMs - now()) / times))
      return () => clearTimeout(timer)
    },
  }
}

interface Heard {
  readonly topic: string
  readonly text: string
  readonly replay: boolean
}

/** Somebody who listens to everything. */
async function listen(url: string, options: { username?: string; password?: string } = {}) {
  const client: MqttClient = connectClient(url, { ...options, protocolVersion: 4 })
  closing.push(() => client.endAsync(true))
  const heard = new Inbox<Heard>()
  client.on('message', (topic, payload, { retain }) =>
    heard.put({ topic, text: payload.toString(), replay: retain }),
  )
  await within(20_000, 'the listener to subscribe', client.subscribeAsync('#', { qos: 1 }))
  return { client, heard }
}

async function broker(options: MosquittoOptions = {}) {
  const mosquitto = await startMosquitto(options)
  closing.push(() => mosquitto.close())
  return mosquitto
}

/** A way to a broker that can be blocked, so that the broker seems stuck. */
async function wayTo(port: number) {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => [near, far].map((side) => side.destroy()))
    }
    near.on('data', (bytes) => far.write(bytes))
    far.on('data', (bytes) => near.write(bytes))
  })
  const nearPort = await freePort()
  await new Promise<void>((resolve) => server.listen(nearPort, '127.0.0.1', resolve))
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  closing.push(async () => {
    cut()
    server.close()
  })
  return {
    url: `mqtt://127.0.0.1:${nearPort}`,
    block: () => {
      for (const socket of sockets) socket.pause()
    },
    open: () => {
      for (const socket of sockets) socket.resume()
    },
    cut,
  }
}

interface Running {
  readonly fleet: Fleet
  readonly errors: Inbox<LinkFailure>
  readonly progress: Inbox<FleetProgress>
  /** Waits until the counts are as wanted. */
  until(words: string, condition: (progress: FleetProgress) => boolean): Promise<unknown>
}

function run(url: string, options: Partial<FleetOptions> = {}, times = 1): Running {
  const errors = new Inbox<LinkFailure>()
  const progress = new Inbox<FleetProgress>()
  const fleet = startFleet(
    {
      devices: 4,
      ratePerSecond: 40,
      scenario: 'steady',
      seed: 1,
      broker: { name: 'test', url, clientId: 'sim', reconnect: { minMs: 20, maxMs: 100, jitter: 0 } },
      ...options,
    },
    {
      clock: fastClock(times),
      random: () => 0,
      onError: (failure) => errors.put(failure),
      onProgress: (now) => progress.put(now),
    },
  )
  closing.push(() => fleet.stop())
  const until: Running['until'] = (words, condition) => waitFor(words, () => condition(fleet.progress))
  return { fleet, errors, progress, until }
}

const status = (device: string) => `devices/${device}/status`

/** What a newcomer learns about the devices. */
async function statuses(url: string, fleet: Fleet): Promise<string[]> {
  const { heard } = await listen(url)
  await heard.until('the retained statuses', (items) =>
    fleet.devices.every((device) => items.some(({ topic, replay }) => replay && topic === status(device))),
  )
  return fleet.devices.map((device) => heard.items.find(({ topic }) => topic === status(device))?.text ?? '')
}

describe.skipIf(!hasMosquitto)('a fleet at Mosquitto', () => {
  test('is online, retained, and sends what the lesson sends', async () => {
    const { url } = await broker()
    const { heard } = await listen(url)
    const { fleet, errors } = run(url)
    await heard.until('every device to send its data', (items) =>
      fleet.devices.every((device) => items.some(({ topic }) => topic === `sensors/${device}/data`)),
    )
    expect(await statuses(url, fleet)).toEqual(['online', 'online', 'online', 'online'])
    expect(heard.items.some(({ topic }) => topic === 'sensors/sensor_rpi001/temperature')).toBe(true)
    expect(heard.items.some(({ topic }) => topic === 'sensors/sensor_rpi004/humidity')).toBe(true)
    expect(errors.items).toEqual([])
  })

  test('leaves everybody offline when it stops, within two seconds', async () => {
    const { url } = await broker()
    const { fleet, until } = run(url, { devices: 30, connections: 10 })
    await until('all to be online', ({ online, sent }) => online === 30 && sent > 0)
    await within(2_000, 'the fleet to stop', fleet.stop())
    expect(new Set(await statuses(url, fleet))).toEqual(new Set(['offline']))
    expect(fleet.progress.online).toBe(0)
    expect(fleet.progress.lost).toBe(0)
  })

  test('keeps its rate', async () => {
    const { url } = await broker()
    const { fleet, progress } = run(url, { ratePerSecond: 500 })
    const seen = await progress.until('two seconds', (items) => items.length >= 3)
    const perSecond = seen.slice(1).map(({ sent }, index) => sent - seen[index]!.sent)
    const mean = perSecond.reduce((sum, count) => sum + count, 0) / perSecond.length
    expect(mean).toBeGreaterThan(300)
    expect(mean).toBeLessThan(600)
    await fleet.stop()
    expect(fleet.progress.sent).toBeGreaterThan(1_000)
  })

  test('leaves a will behind when a device drops off, which then comes back', async () => {
    const { url } = await broker()
    const { heard } = await listen(url)
    // At ten times the speed of the clock, the connection drops after half a second.
    run(url, { scenario: 'flapping' }, 10)
    const isStatus = ({ topic }: Heard) => topic.endsWith('/status')
    await heard.until('online, offline, online', (items) => {
      const { topic: flapping } = items.find(({ text }) => text === 'offline') ?? {}
      const told = items.filter(({ topic }) => topic === flapping).map(({ text }) => text)
      return told.join() === 'online,offline,online'
    })
    const offline = heard.items.filter((item) => isStatus(item) && item.text === 'offline')
    expect(offline).toHaveLength(1)
  })

  test('waits for a broker that is stuck, then goes on from the present', async () => {
    const { port } = await broker()
    const way = await wayTo(port)
    // Four times as fast as the clock: a second of the fleet, and a report, are a quarter of a second.
    const { fleet, errors, progress, until } = run(way.url, { ratePerSecond: 1_000 }, 4)
    await until('all to send', ({ online, sent }) => online === 4 && sent > 0)
    way.block()
    progress.clear()
    const [, , third, , fifth] = await progress.count(5)
    expect(fifth!.sent).toBe(third!.sent)
    way.open()
    await until('what waited and more to be sent', ({ sent }) => sent > fifth!.sent + 3_000)
    expect(fleet.progress.skipped).toBeGreaterThan(1_000)
    expect(fleet.progress).toMatchObject({ online: 4, lost: 0 })
    expect(errors.items).toEqual([])
  })

  test('stops in time when the broker is stuck, and its will says offline', async () => {
    const { port, url } = await broker()
    const way = await wayTo(port)
    const { fleet, until } = run(way.url)
    await until('all to send', ({ online, sent }) => online === 4 && sent > 0)
    const { heard } = await listen(url)
    way.block()
    await within(2_000, 'the fleet to stop', fleet.stop())
    way.cut()
    await heard.until('all to be offline', (items) =>
      fleet.devices.every((device) =>
        items.some(({ topic, text }) => topic === status(device) && text === 'offline'),
      ),
    )
  })

  test('answers commands, with their id', async () => {
    const { url } = await broker()
    const { client, heard } = await listen(url)
    const { fleet } = run(url)
    const [, second] = fleet.devices
    const isOnline = ({ topic, text }: Heard) => topic === `devices/${second}/status` && text === 'online'
    await heard.first('the device to be online', isOnline)
    await client.publishAsync(`devices/${second}/command`, '{"led":"ON","id":"c1"}', { qos: 1 })
    const isState = ({ topic }: Heard) => topic.endsWith('/state')
    expect(await heard.first('the answer', isState)).toEqual({
      topic: `devices/${second}/state`,
      text: '{"led":"ON","id":"c1"}',
      replay: false,
    })
    await client.publishAsync(`devices/${second}/command`, 'reboot', { qos: 1 })
    await heard.first('a refusal', ({ topic, text }) => topic.endsWith('/state') && text.includes('error'))
    expect(fleet.progress.commands).toBe(2)
    const led = heard.items.filter(({ topic }) => topic.endsWith('/led'))
    expect(led).toEqual([{ topic: `devices/${second}/led`, text: 'ON', replay: false }])
    const late = await listen(url)
    expect(await late.heard.first('the kept state', ({ topic }) => topic.endsWith('/led'))).toMatchObject({
      text: 'ON',
      replay: true,
    })
  })

  test('answers where an MQTT 5 command wants it, with its correlation data', async () => {
    const { url } = await broker()
    const { until } = run(url, { devices: 1 })
    await until('it to be online', ({ online }) => online === 1)
    const client = await connectAsync(url, { protocolVersion: 5 })
    closing.push(() => client.endAsync(true))
    await client.subscribeAsync('answers/me', { qos: 1 })
    const answer = new Promise<{ text: string; correlation: unknown }>((resolve) =>
      client.on('message', (_, payload, { properties }) =>
        resolve({ text: payload.toString(), correlation: properties?.correlationData }),
      ),
    )
    // Mosquitto disconnects who answers there.
    const nowhere = { responseTopic: `answers${'/'.repeat(300)}` }
    await client.publishAsync('devices/sensor_rpi001/command', 'ON', { qos: 1, properties: nowhere })
    const properties = { responseTopic: 'answers/me', correlationData: Buffer.from([0, 255, 7]) }
    await client.publishAsync('devices/sensor_rpi001/command', '{"led":"ON"}', { qos: 1, properties })
    expect(await within(20_000, 'the answer', answer)).toEqual({
      text: '{"led":"ON"}',
      correlation: Buffer.from([0, 255, 7]),
    })
  })

  test('a silent device answers nothing', async () => {
    const { url } = await broker()
    const { client, heard } = await listen(url)
    // At forty times the speed of the clock, one of ten devices falls silent after a quarter of a second.
    const { fleet, until } = run(url, { scenario: 'silent', devices: 10, ratePerSecond: 100 }, 40)
    await until('the silence', ({ sent }) => sent > 1_200)
    for (const device of fleet.devices)
      await client.publishAsync(`devices/${device}/command`, 'ON', { qos: 1 })
    await heard.until(
      'the others to answer',
      (items) => items.filter(({ topic }) => topic.endsWith('/state')).length >= 9,
    )
    expect(fleet.progress.commands).toBe(9)
  })

  test('obeys no retained command of yesterday', async () => {
    const { url } = await broker()
    const { client, heard } = await listen(url)
    await client.publishAsync('devices/sensor_rpi001/command', '{"led":"ON","id":"old"}', {
      qos: 1,
      retain: true,
    })
    const { until } = run(url)
    await until('all to be online', ({ online }) => online === 4)
    await client.publishAsync('devices/sensor_rpi001/command', '{"led":"OFF","id":"new"}', { qos: 1 })
    const first = await heard.first('an answer', ({ topic }) => topic.endsWith('/state'))
    expect(JSON.parse(first.text).id).toBe('new')
  })

  test('goes on when the broker comes back, and tells about it once', async () => {
    const mosquitto = await broker()
    const { fleet, errors, until } = run(mosquitto.url)
    await until('all to be online', ({ online, sent }) => online === 4 && sent > 0)
    await mosquitto.kill()
    await errors.first('refused connections', ({ reason }) => reason === 'connection-refused')
    await until('nobody to be online', ({ online }) => online === 0)
    const { sent } = fleet.progress
    await mosquitto.restart()
    await until('all to be online again', (now) => now.online === 4 && now.sent > sent)
    expect(errors.items.filter(({ reason }) => reason === 'connection-refused')).toHaveLength(1)
    expect(fleet.progress.skipped).toBeGreaterThan(0)
    expect(fleet.progress.reconnects).toBe(4)
  })

  test('shows its password, and says when it is wrong', async () => {
    const { url } = await broker({ users: { fleet: 'opensesame' } })
    const account = { name: 'test', url, clientId: 'sim', username: 'fleet' }
    const wrong = run(url, { broker: { ...account, password: 'hocuspocus' } })
    const { message } = await wrong.errors.first('a failure', ({ reason }) => reason === 'not-authorised')
    expect(message).toContain('user "fleet"')
    expect(message).not.toContain('hocuspocus')
    await wrong.fleet.stop()
    const right = run(url, { broker: { ...account, password: 'opensesame' } })
    await right.until('all to be online', ({ online }) => online === 4)
  })

  test('also goes over WebSocket and TLS', async () => {
    const authority = makeAuthority()
    closing.push(async () => authority.remove())
    const { certFile, keyFile } = authority.sign('server', ['IP:127.0.0.1'])
    const plain = await broker({ websockets: true })
    const secure = await broker({ tls: { cert: certFile, key: keyFile } })
    const overWebSocket = run(`ws://127.0.0.1:${plain.websocketPort}/mqtt`)
    const overTls = run(secure.url, {
      broker: { name: 'test', url: secure.url, clientId: 'sim', tls: { ca: authority.cert } },
    })
    for (const { until } of [overWebSocket, overTls])
      await until('all to send', ({ online, sent }) => online === 4 && sent > 0)
  })

  test('says what the broker does not allow', async () => {
    const { url } = await broker({ users: { fleet: 'x' }, acl: ['user fleet', 'topic write devices/#'] })
    const { errors } = run(url, {
      broker: { name: 'test', url, clientId: 'sim', username: 'fleet', password: 'x' },
    })
    const { help } = await errors.first('a refused reading', ({ message }) => message.includes('sensors/'))
    expect(help).toContain('sensors/#')
  })
})

test('a fleet at the embedded broker finds the version of MQTT that it speaks', async () => {
  const embedded = await startEmbeddedBroker({ port: 0 })
  closing.push(() => embedded.close())
  const { fleet, errors, until } = run(embedded.url, { devices: 200 })
  await until('all to be online', ({ online, sent }) => online === 200 && sent > 0)
  await fleet.stop()
  expect(new Set(await statuses(embedded.url, fleet))).toEqual(new Set(['offline']))
  expect(errors.items).toEqual([])
})

test('a fleet without a broker says so, and stops', async () => {
  const port = await freePort()
  const { fleet, errors } = run(`mqtt://127.0.0.1:${port}`)
  const failure = await errors.first('a failure', () => true)
  expect(failure.reason).toBe('connection-refused')
  await within(2_000, 'the fleet to stop', fleet.stop())
  expect(fleet.progress).toMatchObject({ online: 0, sent: 0 })
})
