import net from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort, type Mosquitto, startMosquitto } from '../../support/mosquitto.ts'
import { connectClient } from '../../support/mqtt-client.ts'
import { makeDirectory } from '../../support/tocsin.ts'
import { waitFor } from '../../support/wait-for.ts'
import { openClinic, quietRules } from './clinic.ts'

describe('a broker that is there', () => {
  let mosquitto: Mosquitto
  beforeAll(async () => {
    mosquitto = await startMosquitto({ websockets: true })
  })
  afterAll(() => mosquitto.close())

  test('is tried step by step, and is well when a device speaks', async () => {
    const clinic = openClinic(quietRules(`{ url: "${mosquitto.url}", client_id: tocsin-1 }`))
    const device = await connectClient(mosquitto.url)
    await device.publish('sensors/g1/data', '{"temperature": 20}', { retain: true })
    const found = await clinic.examine()
    expect(found.failed).toEqual([])
    // Nobody asks for a password here.
    expect(found.warned).toEqual(['anonymous'])
    const checks = found.all.filter(({ about }) => about.startsWith('Broker')).map(({ check }) => check)
    expect(checks).toEqual(
      [
        'name',
        'connection',
        'login',
        'anonymous',
        'publish',
        'round trip',
        'targets',
        'software',
        'settings',
      ].concat(['client id', 'subscribe', 'messages']),
    )
    expect(found.of('software').what).toMatch(/^The broker is mosquitto version 2/)
    expect(found.of('login').what).toBe('Let in without a user, with MQTT 5.')
    expect(found.of('round trip')).toMatchObject({ state: 'ok', ms: expect.any(Number) })
    expect(found.of('messages').what).toBe('The rule hears messages.')
    await device.publish('sensors/g1/data', '', { retain: true })
    await device.end()
    clinic.remove()
  })

  test('is reached over WebSocket, and with MQTT 3.1.1', async () => {
    const url = `ws://127.0.0.1:${mosquitto.websocketPort}/mqtt`
    const clinic = openClinic(quietRules(`{ url: "${url}", protocol: "3.1.1" }`))
    const found = await clinic.examine({ listenMs: 50 })
    expect(found.failed).toEqual([])
    expect(found.of('login').what).toBe('Let in without a user, with MQTT 3.1.1.')
    expect(found.of('round trip').state).toBe('ok')
    clinic.remove()
  })

  test('a topic that nearly fits is told as what it is', async () => {
    const clinic = openClinic(quietRules(`{ url: "${mosquitto.url}" }`))
    const device = await connectClient(mosquitto.url)
    await device.publish('Sensors/g1/data', '{}', { retain: true })
    const found = await clinic.examine({ listenMs: 200 })
    expect(found.of('messages')).toMatchObject({
      state: 'warn',
      what: 'Rule overheating hears nothing on "sensors/+device/data", but there are messages on "Sensors/g1/data".',
      cause: 'They differ in upper and lower case, which MQTT tells apart.',
    })
    await device.publish('Sensors/g1/data', '', { retain: true })
    await device.end()
    clinic.remove()
  })

  test('with --thorough it is tried how many messages wait', async () => {
    const few = await startMosquitto({ lines: ['max_queued_messages 1000', 'max_inflight_messages 20'] })
    const [small, large] = [few, mosquitto].map(({ url }) => openClinic(quietRules(`{ url: "${url}" }`)))
    const [dropped, kept] = await Promise.all([
      small!.examine({ thorough: true, listenMs: 50 }),
      large!.examine({ thorough: true, listenMs: 50 }),
    ])
    expect(dropped.of('queue')).toMatchObject({
      state: 'warn',
      what: expect.stringMatching(/^Of 1,200 messages for a client that was away, 1,0\d\d were kept/),
    })
    expect(kept.of('queue').what).toBe('All of 1,200 messages waited for a client that was away.')
    small?.remove()
    large?.remove()
    await few.close()
  })
})

describe.concurrent('connection refused', () => {
  test('a broker that is not running: what to check, and nothing after it is tried', async () => {
    const port = await freePort()
    const clinic = openClinic(quietRules(`{ url: "mqtt://127.0.0.1:${port}" }`))
    const found = await clinic.examine()
    expect(found.failed).toEqual(['connection'])
    expect(found.of('connection')).toMatchObject({
      what: `Connection refused: nothing listens on port ${port} of this machine.`,
      next: expect.stringContaining('systemctl status mosquitto'),
    })
    expect(found.of('round trip')).toMatchObject({
      state: 'skipped',
      what: 'Not tried: the broker cannot be reached.',
    })
    clinic.remove()
  })

  test('a broker that is killed while it is examined fails a step, and the doctor ends', async () => {
    const mosquitto = await startMosquitto()
    const clinic = openClinic(quietRules(`{ url: "${mosquitto.url}" }`))
    const examined = clinic.examine({ listenMs: 20_000, watchMs: 20_000 })
    await waitFor('it to listen', () =>
      /Received SUBSCRIBE from tocsin-default|as tocsin-default/.test(mosquitto.log),
    )
    await mosquitto.kill()
    const found = await examined
    // The kill finds it while it subscribes, or while it listens.
    const [first, second = ''] = found.failed
    expect(found.failed).toHaveLength(2)
    expect(first).toBe('client id')
    expect(['subscribe', 'messages']).toContain(second)
    expect(found.of('client id').what).toMatch(/closed the connection/)
    expect(found.of('messages').state).not.toBe('ok')
    expect(found.all.at(-1)?.check).toBe('clock')
    clinic.remove()
    await mosquitto.close()
  })

  test('a name that leads nowhere', async () => {
    const clinic = openClinic(quietRules('{ url: "mqtt://no-such-host.invalid" }'))
    const found = await clinic.examine()
    expect(found.failed).toEqual(['name'])
    expect(found.of('name').what).toBe('The host "no-such-host.invalid" is not known.')
    expect(found.of('connection').state).toBe('skipped')
    clinic.remove()
  })

  test('without a configured broker, the place of the demo is tried and that is said', async () => {
    const port = await freePort()
    const clinic = openClinic(
      'settings: { storage: memory, http: { listen: off } }\nrules: [{ id: a, topic: a, then: [{ log: { file: a.csv, columns: [topic] } }] }]',
      {
        MQTT_URL: `mqtt://127.0.0.1:${port}`,
      },
    )
    const found = await clinic.examine()
    expect(found.of('connection')).toMatchObject({
      state: 'fail',
      cause: expect.stringContaining('No broker is configured'),
    })
    clinic.remove()
  })

  test('a server that never answers is given up', async () => {
    const sockets: net.Socket[] = []
    const server = net.createServer((socket) => sockets.push(socket))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const clinic = openClinic(quietRules(`{ url: "mqtt://127.0.0.1:${port}" }`))
    const found = await clinic.examine()
    expect(found.failed).toEqual(['login'])
    expect(found.of('login').what).toContain('Nothing answered')
    for (const socket of sockets) socket.destroy()
    server.close()
    clinic.remove()
  })
})

describe.concurrent('authentication failed', () => {
  let mosquitto: Mosquitto
  beforeAll(async () => {
    mosquitto = await startMosquitto({
      users: { tocsin: 'right', reader: 'reading', deaf: 'hearing' },
      acl: [
        ...['user tocsin', 'topic readwrite #', 'topic read $SYS/#'],
        ...['user reader', 'topic read #'],
        ...['user deaf', 'topic write #'],
      ],
    })
  })
  afterAll(() => mosquitto.close())

  /** Each with a client id of its own: two doctors at once would find each other. */
  const as = (username: string, password: string, more = '') =>
    openClinic(
      quietRules(
        `{ url: "${mosquitto.url}", username: ${username}, password: ${password}, client_id: ${username}-${password}${more} }`,
      ),
    )

  test('a wrong password: what to check, and the password does not show', async () => {
    const clinic = as('tocsin', 'wrong-secret-word')
    const { code, text } = await clinic.run()
    expect(code).toBe(1)
    expect(text.replace(/\s+/g, ' ')).toContain('did not let user "tocsin" in: a wrong password')
    expect(text).toContain('mosquitto_passwd')
    expect(text).not.toContain('wrong-secret-word')
    expect(text).toMatch(/1 failed, .* not tried\. It took/)
    clinic.remove()
  })

  test('the right one: nobody is let in without', async () => {
    const clinic = as('tocsin', 'right')
    const found = await clinic.examine({ listenMs: 50 })
    expect(found.failed).toEqual([])
    expect(found.every('anonymous')).toEqual([])
    expect(found.of('login').what).toBe('Let in as tocsin, with MQTT 5.')
    clinic.remove()
  })

  test('a user that may not publish is found out', async () => {
    const clinic = as('reader', 'reading')
    const found = await clinic.examine({ listenMs: 50 })
    expect(found.failed).toEqual(['publish'])
    expect(found.of('publish')).toMatchObject({
      what: 'The broker does not let user "reader" publish to tocsin/doctor/…: not authorised.',
      next: expect.stringContaining('`user reader`, `topic readwrite #`'),
    })
    clinic.remove()
  })

  test('with MQTT 3.1.1 too, where the broker acknowledges what it refuses', async () => {
    const clinic = as('reader', 'reading', '-311, protocol: "3.1.1"')
    const found = await clinic.examine({ listenMs: 50 })
    expect(found.failed).toEqual(['round trip'])
    expect(found.of('round trip').cause).toContain('does not let user "reader" publish, or read, there')
    clinic.remove()
  })

  test('a user that may not read is found out, though Mosquitto grants its SUBSCRIBE', async () => {
    const clinic = as('deaf', 'hearing')
    const found = await clinic.examine({ listenMs: 50 })
    expect(found.failed).toEqual(['round trip'])
    expect(found.of('round trip')).toMatchObject({
      what: expect.stringContaining('was acknowledged and did not come back'),
      cause: expect.stringContaining('does not let user "deaf" read'),
    })
    clinic.remove()
  })
})

test('a running Mosquitto with its defaults, and the file that says so', async () => {
  const mosquitto = await startMosquitto()
  const conf = makeDirectory({ 'mosquitto.conf': `listener ${mosquitto.port}\nallow_anonymous true\n` })
  const clinic = openClinic(quietRules(`{ url: "${mosquitto.url}" }`))
  const found = await clinic.examine({
    mosquittoConf: `${conf.path}/mosquitto.conf`,
    listenMs: 50,
    watchMs: 50,
  })
  expect(found.every('settings').map(({ state }) => state)).toEqual(['warn', 'warn'])
  expect(found.every('settings')[0]?.next).toContain('`persistence true`')
  clinic.remove()
  conf.remove()
  await mosquitto.close()
})
