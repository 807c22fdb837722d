/** A bridge both ways under full load while the far broker is stopped and started, with and without kills of Tocsin. */
import { setTimeout as after } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { inFlightMessages } from '../chaos/crash-run.ts'
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts'
import { makeDirectory, type Running, startTocsin } from '../support/tocsin.ts'
import { bothWays, nearLatencies, Traffic } from './support/traffic.ts'

const ratePerSecond = 2_000

const brokerFile = `
brokers:
  near: { url: "\${env:NEAR}", client_id: bridge, status_topic: tocsin/status }
  far: { url: "\${env:FAR}", client_id: bridge }
settings: { storage: tocsin.db, http: { listen: off } }
`

async function open(): Promise<{
  near: Mosquitto
  far: Mosquitto
  running: Running
  start(): Promise<Running>
  traffic: Traffic
}> {
  const settings = {
    persistence: true,
    lines: ['max_queued_messages 0', `max_inflight_messages ${inFlightMessages}`],
  }
  const [near, far] = await Promise.all([startMosquitto(settings), startMosquitto(settings)])
  onTestFinished(async () => void (await Promise.all([near.close(), far.close()])))
  const directory = makeDirectory({ 'rules/rules.yaml': bothWays, 'rules/brokers.yaml': brokerFile })
  onTestFinished(() => directory.remove())
  const runs: Running[] = []
  onTestFinished(async () => void (await Promise.all(runs.map((running) => running.kill()))))
  const start = async () => {
    const running = startTocsin(['run', 'rules', '--log-level', 'info'], {
      env: { NEAR: near.url, FAR: far.url },
      cwd: directory.path,
    })
    runs.push(running)
    await running.lines.until(
      'both brokers to be subscribed',
      (lines) => lines.filter(({ msg }) => msg === 'subscribed').length >= 2,
      30_000,
    )
    return running
  }
  const running = await start()
  const traffic = await Traffic.connect(near.url, far.url)
  onTestFinished(() => traffic.end())
  return { near, far, running, start, traffic }
}

const at = (sorted: readonly number[], share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN

test('2,000 a second, the far broker stopped and started three times: nothing lost, looped, reordered; the near side never waits', async () => {
  const { near, far, traffic } = await open()
  traffic.flow(ratePerSecond)
  const up = await nearLatencies(near.url, 10, after(6_000))
  const down: number[] = []
  for (let outage = 0; outage < 3; outage++) {
    await far.stop()
    down.push(...(await nearLatencies(near.url, 10, after(4_000))))
    await far.restart()
    await after(4_000)
  }
  await traffic.rest()
  await traffic.settled(10_000)
  const tally = traffic.tally()
  down.sort((a, b) => a - b)
  const text = (took: readonly number[]) =>
    `p50 ${at(took, 0.5).toFixed(1)} ms, p99 ${at(took, 0.99).toFixed(1)} ms, most ${at(took, 1).toFixed(1)} ms of ${took.length}`
  console.log(JSON.stringify(tally), `near side, far up: ${text(up)}; far away: ${text(down)}`)
  expect(tally).toMatchObject({ lost: 0, reordered: 0, madeUp: 0 })
  expect(at(down, 0.99)).toBeLessThan(500)
}, 300_000)

test('and Tocsin killed in between: nothing lost, and no more twice than was on its way', async () => {
  const kills = 4
  const opened = await open()
  const { far, traffic, start } = opened
  traffic.flow(ratePerSecond)
  let { running } = opened
  for (let kill = 0; kill < kills; kill++) {
    await after(2_000)
    if (kill % 2 === 0) await far.stop()
    await after(1_000)
    await running.kill()
    if (kill % 2 === 0) await far.restart()
    running = await start()
  }
  await after(2_000)
  await traffic.rest()
  await traffic.settled(10_000)
  const tally = traffic.tally()
  console.log(JSON.stringify(tally))
  expect(tally).toMatchObject({ lost: 0, madeUp: 0 })
}, 300_000)
