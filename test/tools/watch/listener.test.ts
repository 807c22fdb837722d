/** Listening to a real broker: each message once, nothing left behind, and back after the broker was away. */
import { afterEach, describe, expect, test } from 'vitest'
import { parsePlainFilter } from '../../../src/core/topics/filter.ts'
import type { InboundMessage, LinkState } from '../../../src/ports/broker.ts'
import { type Listener, startListener } from '../../../src/tools/watch/listener.ts'
import { hasMosquitto, type MosquittoOptions, startMosquitto } from '../../support/mosquitto.ts'
import { connectClient } from '../../support/mqtt-client.ts'
import { realClock } from '../../support/real-clock.ts'
import { makeDirectory, tocsin } from '../../support/tocsin.ts'
import { Inbox } from '../../support/wait-for.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function broker(options: MosquittoOptions = {}) {
  const started = await startMosquitto(options)
  closing.push(() => started.close())
  return started
}

function listen(url: string, filters: readonly string[], protocol: '5' | '3.1.1') {
  const heard = new Inbox<InboundMessage>()
  const links = new Inbox<LinkState>()
  const subscribed = new Inbox<number>()
  const listener: Listener = startListener(
    { name: 'default', url, protocol, reconnect: { minMs: 20, maxMs: 100, jitter: 0 } },
    wants(filters),
    { clock: realClock, random: Math.random },
    {
      messages: (batch) => heard.put(...batch.map((one) => ({ ...one, payload: one.payload.slice() }))),
      link: (state) => links.put(state),
      subscribed: (granted) => subscribed.put(granted),
    },
  )
  closing.push(() => listener.stop(1_000))
  return { listener, heard, links, subscribed }
}

const wants = (filters: readonly string[]) =>
  filters.map((text) => {
    const parsed = parsePlainFilter(text)
    if (!parsed.ok) throw new Error(text)
    return { filter: parsed.value, qos: 1 as const }
  })
const texts = (items: readonly InboundMessage[]) =>
  items.map(
    ({ topic, payload, retain, qos }) =>
      `${topic} ${Buffer.from(payload)} ${qos}${retain ? ' retained' : ''}`,
  )

describe.skipIf(!hasMosquitto).each(['5', '3.1.1'] as const)('MQTT %s', (protocol) => {
  test('each message comes once, although filters overlap; the broker keeps nothing for it', async () => {
    const mosquitto = await broker({ persistence: true })
    const device = await connectClient(mosquitto.url)
    closing.push(() => device.end())
    await device.publish('a/b', 'kept', { retain: true })
    const { heard, subscribed, listener } = listen(mosquitto.url, ['a/+', '+/b', 'x'], protocol)
    await subscribed.count(1)
    await device.publish('a/b', 'one')
    await device.publish('a/c', 'two', { qos: 0 })
    await device.publish('x', 'three', { qos: 2 })
    await heard.first('the last', ({ topic }) => topic === 'x')
    expect(texts(heard.items)).toEqual(['a/b kept 1 retained', 'a/b one 1', 'a/c two 0', 'x three 1'])
    listener.want(wants(['y', 'x']))
    await subscribed.count(2)
    heard.clear()
    await device.publish('a/b', 'no more')
    await device.publish('y', 'new')
    await heard.first('the new one', ({ topic }) => topic === 'y')
    await listener.stop(1_000)
    // c1: the session starts clean; with a random id it is nobody's but its own.
    expect(mosquitto.log).toMatch(/New client connected from .* as tocsin-w-[0-9a-f]{10}-out \(p[25], c1,/)
    expect(mosquitto.log).toMatch(/Client tocsin-w-\w+-out disconnected\./)
    expect(mosquitto.log).not.toMatch(/Received PUBLISH from tocsin-w/)
  })

  test('it is back after the broker was away, and hears again', async () => {
    const mosquitto = await broker()
    const { heard, links, subscribed } = listen(mosquitto.url, ['a/+'], protocol)
    await subscribed.count(1)
    await mosquitto.kill()
    await links.first('the loss', ({ state }) => state === 'offline')
    await mosquitto.restart()
    await subscribed.count(2)
    const device = await connectClient(mosquitto.url)
    closing.push(() => device.end())
    await device.publish('a/b', 'again')
    expect(texts(await heard.count(1))).toEqual(['a/b again 1'])
  })
})

describe.skipIf(!hasMosquitto)('tocsin watch', () => {
  const rules = `rules:
  - { id: high, topic: sensors/+device/temperature, when: payload > 35, then: [{ publish: { topic: "alarms/{{ device }}", payload: 1 } }] }
`
  test('shows what is there, and publishes nothing', async () => {
    const mosquitto = await broker()
    const directory = makeDirectory({
      'rules.yaml': `brokers: { default: { url: "${mosquitto.url}" } }\n${rules}`,
    })
    closing.push(directory.remove)
    const device = await connectClient(mosquitto.url)
    closing.push(() => device.end())
    await device.subscribe('#')
    await device.publish('sensors/g1/temperature', '40', { retain: true })
    await device.publish('Sensors/g1/temperature', '40', { retain: true })
    const shown = await tocsin(['watch', '#', directory.path, '--count', '2', '--format', 'json'])
    expect(shown.code, shown.stderr).toBe(0)
    const lines = shown.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
    expect(lines.map(({ type, topic }) => topic ?? type).sort()).toEqual([
      'Sensors/g1/temperature',
      'link',
      'sensors/g1/temperature',
    ])
    const table = await tocsin(['watch', directory.path, '--latest', '--count', '1'])
    expect(table.stdout).toMatch(/^TOPIC .*\nsensors\/g1\/temperature {2}40 \(retained\)/)
    await device.publish('end', '')
    await device.message('end')
    expect(
      device.heard.items.map(({ topic }) => topic).filter((topic) => /^(alarms|tocsin)/.test(topic)),
    ).toEqual([])
  })

  test('says what is wrong with how it was called', async () => {
    const directory = makeDirectory({
      'rules.yaml': `brokers: { default: { url: "mqtt://127.0.0.1:1" } }\n${rules}`,
    })
    closing.push(directory.remove)
    const wrong = async (...args: string[]) => {
      const { code, stderr } = await tocsin(['watch', ...args])
      return `${code} ${stderr.split('\n')[0]}`
    }
    expect(await wrong('a/#/b', directory.path)).toBe(
      '2 "a/#/b": # must come last, since it stands for all remaining levels. Write "a/#", or + for a single level: "a/+/b".',
    )
    expect(await wrong('a/+device', directory.path)).toMatch(/^2 .*only the topic of a rule can name it/)
    expect(await wrong('', directory.path)).toMatch(/^2 .*empty/)
    expect(await wrong('#', directory.path, '--rule', 'hihg')).toBe(
      '2 There is no rule hihg. Did you mean high?',
    )
    expect(await wrong('#', directory.path, '--broker', 'cloud')).toBe(
      '2 There is no broker cloud. There is: default.',
    )
    expect(await wrong('#', directory.path, '--for', 'ten')).toMatch(/^2 .*Write a duration such as 30s/)
    expect(await wrong('#', '/nowhere')).toMatch(/^1 error: /)
    expect(await wrong('#', directory.path, '--for', '50ms')).toMatch(/^1 Watching # on default/)
  })
})
