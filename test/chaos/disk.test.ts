/** The disk of the state fills up while readings come: the engine says so, waits, and goes on without a loss. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { hasMosquitto, startMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt-client.ts'
import { makeDirectory, startTocsin } from '../support/tocsin.ts'

const cleanup: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo()
})

/** A disk of 8 MiB; null where nobody may mount one. */
function smallDisk(): string | null {
  const directory = mkdtempSync(path.join(tmpdir(), 'small-disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', directory])
  if (mounted.status !== 0) {
    rmSync(directory, { recursive: true })
    return null
  }
  cleanup.push(async () => {
    execFileSync('umount', ['-l', directory])
    rmSync(directory, { recursive: true, force: true })
  })
  return directory
}

describe.skipIf(!hasMosquitto)('a disk that fills up', () => {
  test('stops the acknowledging, is told, and costs nothing once there is room', {
    timeout: 60_000,
  }, async (context) => {
    const disk = smallDisk()
    if (disk === null) {
      console.warn('SKIPPED: a full disk was not tried, as only root may mount a small one.')
      context.skip()
      return
    }
    const mosquitto = await startMosquitto({ lines: ['max_inflight_messages 100', 'max_queued_messages 0'] })
    cleanup.push(() => mosquitto.close())
    const files = `
brokers: { default: { url: "${mosquitto.url}", client_id: tocsin-disk } }
settings: { storage: "${disk}/tocsin.db" }
rules:
  - { id: change, topic: change/+device, when: prev.payload.n != payload.n, then: [{ publish: { topic: "out/{{ device }}" } }] }
  - { id: all, topic: change/+device, when: prev.payload.n == null, then: [{ publish: { topic: "out/{{ device }}" } }] }
`
    const directory = makeDirectory({ 'rules/rules.yaml': files })
    cleanup.push(async () => directory.remove())
    const running = startTocsin(['run', 'rules'], { cwd: directory.path })
    cleanup.push(() => running.kill())
    await running.line('subscribed')
    const device = await connectClient(mosquitto.url)
    cleanup.push(() => device.end())
    await device.subscribe('out/#')

    const ballast = path.join(disk, 'ballast')
    const { bavail, bsize } = statfsSync(disk)
    writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - 200_000)))
    const devices = 300
    const padding = 'x'.repeat(4_000)
    for (let index = 0; index < devices; index++) {
      await device.publish(`change/d${index}`, JSON.stringify({ n: index, padding }))
    }
    const told = await running.line(/disk of .* is full.*Nothing is acknowledged/i, 20_000)
    expect(told.level).toBe('error')
    const stuck = new Set(device.heard.items.map(({ topic }) => topic)).size
    expect(stuck).toBeLessThan(devices)

    rmSync(ballast)
    const all = await device.heard.until(
      'every alert',
      (items) => new Set(items.map(({ topic }) => topic)).size === devices,
      30_000,
    )
    expect(all.length).toBe(devices)
    expect(await running.stop()).toBe(0)
  })
})
