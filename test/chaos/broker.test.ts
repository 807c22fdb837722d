/** The broker goes away and comes back, with the settings that are shipped: what it acknowledged is not lost. */
import { statSync } from 'node:fs'
import path from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import {
  canRun,
  hasSqlite,
  type ShippedMosquitto,
  startShippedMosquitto,
} from '../deploy/shipped-mosquitto.ts'
import { makeDirectory, type Running, startTocsin } from '../support/tocsin.ts'
import { waitFor } from '../support/wait-for.ts'
import { Station } from './station.ts'
import { rules } from './workload.ts'

const cleanup: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo()
})

const brokers = `
brokers: { default: { url: "\${env:URL}", username: tocsin, password: "\${env:PASSWORD}", client_id: tocsin-chaos } }
settings: { storage: tocsin.db }
`

async function begin(): Promise<{ broker: ShippedMosquitto; station: Station; start: () => Running }> {
  const broker = await startShippedMosquitto()
  cleanup.push(() => broker.close())
  const directory = makeDirectory({ 'rules/rules.yaml': rules, 'rules/brokers.yaml': brokers })
  cleanup.push(async () => directory.remove())
  const password = broker.passwordOf('tocsin')
  const start = () => {
    const running = startTocsin(['run', 'rules'], {
      env: { URL: broker.url, PASSWORD: password },
      cwd: directory.path,
    })
    cleanup.push(() => running.kill())
    return running
  }
  const station = await Station.connect(broker.url, { username: 'tocsin', password, plainOnly: true })
  cleanup.push(() => station.end())
  return { broker, station, start }
}

async function expectNothingLost(station: Station): Promise<void> {
  await station.rest()
  await station.settled(15_000)
  const { sent, acknowledged, lost, madeUp, expected } = station.tally()
  expect(acknowledged).toBe(sent)
  expect(expected).toBeGreaterThan(100)
  expect(lost).toEqual([])
  expect(madeUp).toEqual([])
}

describe.skipIf(!canRun)('a broker with the shipped settings', () => {
  test('that is stopped and started under load loses nothing', { timeout: 60_000 }, async () => {
    const { broker, station, start } = await begin()
    await start().line('subscribed')
    station.flow(1_000)
    await waitFor('alerts', () => station.heard > 100, 20_000)
    await broker.stop()
    await broker.start()
    const before = station.heard
    await waitFor('alerts after the stop', () => station.heard > before + 100, 20_000)
    await expectNothingLost(station)
  })

  test('that is killed loses nothing that it had saved', { timeout: 60_000 }, async () => {
    const { broker, station, start } = await begin()
    const first = start()
    await first.line('subscribed')
    await first.stop()
    // All of it waits in the session of an engine that is away.
    station.flow(2_000, 2_000)
    await waitFor('the readings to be sent', () => station.sent >= 2_000, 20_000)
    await station.rest()
    if (!hasSqlite) {
      const acknowledgedAtMs = Date.now()
      const database = path.join(broker.directory, 'data/mosquitto.db')
      await waitFor('the broker to save', () => {
        return (statSync(database, { throwIfNoEntry: false })?.mtimeMs ?? 0) > acknowledgedAtMs
      })
    }
    await broker.kill()
    await broker.start()
    await start().line('subscribed')
    await expectNothingLost(station)
  })
})
