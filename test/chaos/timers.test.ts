/** Holds across a restart of the real program: each fires once, soon; what was heard meanwhile comes first. */
import { afterEach, describe, expect, test } from 'vitest'
import { Flood } from '../../bench/support/flood.ts'
import { hasMosquitto, startMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt-client.ts'
import { type LogLine, makeDirectory, startTocsin } from '../support/tocsin.ts'

const cleanup: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo()
})

const held = 10_000
const lateMs = 2_000
const isWoken = ({ topic }: { topic: string }) => topic.startsWith('woken/')

async function begin(hold: string) {
  const mosquitto = await startMosquitto({ lines: ['max_inflight_messages 1000', 'max_queued_messages 0'] })
  cleanup.push(() => mosquitto.close())
  const files = `
brokers: { default: { url: "${mosquitto.url}", client_id: tocsin-timers } }
settings: { storage: tocsin.db }
rules:
  - id: hold
    topic: hold/+device
    max_keys: ${2 * held}
    when: payload > 35
    for: ${hold}
    then: [{ publish: { topic: "woken/{{ device }}" } }]
  - { id: echo, topic: echo, then: [{ publish: { topic: heard, payload: "{{ payload }}" } }] }
`
  const directory = makeDirectory({ 'rules/rules.yaml': files })
  cleanup.push(async () => directory.remove())
  const start = () => {
    const running = startTocsin(['run', 'rules'], { cwd: directory.path })
    cleanup.push(() => running.kill())
    return running
  }
  const device = await connectClient(mosquitto.url)
  cleanup.push(() => device.end())
  await device.subscribe('woken/#')
  await device.subscribe('heard')
  const flood = await Flood.connect(mosquitto.port)
  cleanup.push(async () => flood.end())
  return { device, flood, start }
}

describe.skipIf(!hasMosquitto)('timers across a crash', () => {
  test('ten thousand holds fire once each, at most 2 s late', { timeout: 90_000 }, async () => {
    const { device, flood, start } = await begin('8s')
    const running = start()
    await running.line('subscribed')
    await flood.send(Array.from({ length: held }, (_, index) => ({ topic: `hold/d${index}`, payload: '40' })))
    const sentAt = performance.now()
    await device.publish('echo', 'x')
    await device.message('heard', 20_000)
    await running.kill()
    expect(device.heard.items.filter(isWoken)).toEqual([])

    // A real time has to pass: every hold is due when the engine is back.
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, sentAt + 8_000 - performance.now())))
    const again = start()
    // Just before the fence goes out, so that it is not judged by a later moment than it should.
    const subscribed = await again.line('subscribed', 20_000)
    const published = (items: readonly LogLine[]) =>
      items.filter((line) => line.msg === 'published' && isWoken({ topic: String(line.topic) }))
    const lines = await again.lines.until('all alerts', (items) => published(items).length >= held, 30_000)
    // By the engine's own clock: how soon the listening client gets round to reading them is not its doing.
    const times = published(lines).map(({ time }) => Date.parse(String(time)))
    const lastMs = Math.max(...times) - Date.parse(String(subscribed.time))
    console.log(`10,000 holds: the last was published ${lastMs} ms after the start`)
    // Beside other tests the machine is not its own: the goal is judged where nothing else runs, by `npm run chaos`.
    if (process.env.TOCSIN_LONG !== undefined) expect(lastMs).toBeLessThan(lateMs)
    // Every hold that would fire a second time would do so before this.
    await device.publish('echo', 'y')
    await device.heard.until(
      'the second echo',
      // The first may come twice: the program was killed right after it.
      (items) => items.some(({ topic, payload }) => topic === 'heard' && payload === 'y'),
      20_000,
    )
    const woken = device.heard.items.filter(isWoken).map(({ topic }) => topic)
    expect(woken).toHaveLength(held)
    expect(new Set(woken).size).toBe(held)
  })

  test('a reading that says all is well, queued while the engine was down, lets everybody sleep', async () => {
    const { device, start } = await begin('1s')
    const running = start()
    await running.line('subscribed')
    await device.publish('hold/well', '40')
    await device.publish('hold/warm', '40')
    await device.publish('echo', 'x')
    await device.message('heard')
    const heldAt = performance.now()
    await running.kill()
    await device.publish('hold/well', '20')
    // A real second has to pass: both holds are due when the engine is back.
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, 1_100 - (performance.now() - heldAt))))
    start()
    await device.message('woken/warm', 15_000)
    const woken = device.heard.items.map(({ topic }) => topic).filter((topic) => topic !== 'heard')
    expect(woken).toEqual(['woken/warm'])
  })
})
