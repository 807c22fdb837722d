import { afterAll, beforeAll, expect, test } from 'vitest'
import { readMosquittoConf } from '../../../src/tools/doctor/broker/mosquitto-conf.ts'
import { latencyFinding } from '../../../src/tools/doctor/broker/own-topic.ts'
import { settingsFindings } from '../../../src/tools/doctor/broker/software.ts'
import { makeDirectory } from '../../support/tocsin.ts'

const shipped = 'deploy/mosquitto'
let directory: ReturnType<typeof makeDirectory>
beforeAll(() => {
  directory = makeDirectory({
    'defaults.conf': '# nothing\n',
    'debian.conf': 'persistence true\npersistence_location /var/lib/mosquitto/\ninclude_dir DIR/conf.d\n',
    'conf.d/local.conf':
      'listener 1883\nmax_queued_messages 100\nmessage_size_limit 1000\npersistent_client_expiration 1h\n',
  })
})
afterAll(() => directory.remove())

const findings = (file: string, more: { port?: number; keepsOnDisk?: boolean } = {}) =>
  settingsFindings(readMosquittoConf(file), {
    file,
    port: 1883,
    keepsOnDisk: false,
    sessionExpirySeconds: 86_400,
    thorough: false,
    ...more,
  })

test('the defaults of Mosquitto lose messages, and it is said which and when', () => {
  const file = `${directory.path}/defaults.conf`
  expect(findings(file).map(({ state, what }) => [state, what])).toEqual([
    ['warn', 'Mosquitto loses everything that waits for Tocsin when it is stopped or restarted.'],
    [
      'warn',
      'While Tocsin is away only 1,000 messages wait for it; Mosquitto drops those after them, though it acknowledged them.',
    ],
  ])
})

test('files that it includes are read too', async () => {
  const { readFileSync, writeFileSync } = await import('node:fs')
  const file = `${directory.path}/debian.conf`
  writeFileSync(file, readFileSync(file, 'utf8').replace('DIR', directory.path))
  expect(findings(file).map(({ what }) => what)).toEqual([
    'Mosquitto that is killed, or loses power, loses up to 30 minutes of what it acknowledged.',
    'While Tocsin is away only 100 messages wait for it; Mosquitto drops those after them, though it acknowledged them.',
    'Mosquitto acknowledges messages of more than 1000 bytes and drops them.',
    'Mosquitto forgets the session of a Tocsin that is away for 1h, and what waits in it.',
  ])
})

test('the settings that come with Tocsin keep what is acknowledged', async () => {
  const { readFileSync, writeFileSync } = await import('node:fs')
  for (const [version, keepsOnDisk] of [
    ['2.0', false],
    ['2.1', true],
  ] as const) {
    const file = `${directory.path}/shipped-${version}.conf`
    const text = readFileSync(`${shipped}/mosquitto.conf`, 'utf8')
    writeFileSync(file, text.replace('/mosquitto/config/persistence', `${shipped}/persistence-${version}`))
    expect(findings(file, { keepsOnDisk })).toMatchObject([{ check: 'settings', state: 'ok' }])
  }
})

test('what cannot be read, or is of another broker, is not judged', () => {
  expect(findings(`${directory.path}/none.conf`)).toMatchObject([
    {
      state: 'skipped',
      what: expect.stringContaining('there is no'),
      next: expect.stringContaining('--mosquitto-conf'),
    },
  ])
  expect(findings(`${directory.path}/defaults.conf`, { port: 1884 })).toMatchObject([
    { state: 'skipped', what: expect.stringContaining('it listens on port 1883, not 1884') },
  ])
  // The persistence of the shipped file stands in a directory of the container.
  const [queue] = findings(`${shipped}/mosquitto.conf`)
  expect(queue).toMatchObject({
    state: 'skipped',
    what: expect.stringContaining('/mosquitto/config/persistence'),
  })
})

test.each([
  ['fast', { times: [1, 2, 3], tcpMs: 1, qos0Ms: 1 }, 'ok', undefined],
  [
    'a slow network',
    { times: [600, 620, 640], tcpMs: 290, qos0Ms: 300 },
    'warn',
    /^The network: connecting alone takes 290 ms/,
  ],
  [
    'a slow disk',
    { times: [600, 620, 640], tcpMs: 2, qos0Ms: 3 },
    'warn',
    /^The acknowledgements of QoS 1: with QoS 0 it takes 3 ms/,
  ],
  ['a busy broker', { times: [600, 620, 640], tcpMs: 2, qos0Ms: 500 }, 'warn', /^The broker is busy/],
  ['a message that was lost', { times: [], tcpMs: 2, qos0Ms: null }, 'warn', /overloaded/],
])('latency: %s', (_, seen, state, cause) => {
  const found = latencyFinding(seen)
  expect(found.state).toBe(state)
  if (cause === undefined) expect(found.cause).toBeUndefined()
  else expect(found.cause).toMatch(cause)
})
