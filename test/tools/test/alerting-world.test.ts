/** Who is told does not depend on when Tocsin is killed: long stories at random, told with and without. */
import path from 'node:path'
import { expect, test } from 'vitest'
import { actions } from '../../../src/actions/index.ts'
import { channels } from '../../../src/channels/index.ts'
import { testing } from '../../../src/cli/commands/test.ts'
import { loadConfiguration } from '../../../src/config/load.ts'
import { fingerprintOf } from '../../../src/core/alerts/fingerprint.ts'
import { formatDuration } from '../../../src/core/duration.ts'
import { decoders } from '../../../src/decoders/index.ts'
import { createStore } from '../../../src/stores/index.ts'
import { VirtualWorld } from '../../../src/tools/test/virtual-world.ts'

const directory = path.join(import.meta.dirname, '../../rules-language/alerts')
const { configuration } = loadConfiguration(directory, {
  env: {},
  actions,
  decoders,
  channels,
  zone: 'Europe/Berlin',
})
if (configuration === null) throw new Error('the rules of the alerts feature cannot be read')
const { deps } = testing(configuration, { decoders, channels, createStore })

const steps = 250
const places = ['a', 'b', 'c']
const readings: readonly (readonly [topic: (place: string) => string, payloads: readonly string[]])[] = [
  [(place) => `sensors/${place}/data`, ['{"temperature":40}', '{"temperature":20}', '{}']],
  [(place) => `leak/${place}`, ['wet', 'dry']],
  [(place) => `net/north/${place}`, ['off', 'on']],
  [(place) => `door/${place}`, ['open', 'shut']],
  [(place) => `fire/${place}`, ['yes', 'no']],
  [() => 'gateway/north', ['down', 'up']],
  [(place) => `signal/north/${place}`, ['5', '50']],
]

/** `when receiver kind title` of everything that was told. */
async function play(seed: number, kills: boolean): Promise<string[]> {
  const random = generator(seed)
  const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const world = new VirtualWorld({
    program: deps.makeProgram(deps.rules),
    brokers: deps.brokers,
    store: deps.createStore(),
    startMs: Date.UTC(2026, 2, 28, 12),
    ...(deps.reach === undefined ? {} : { reach: deps.reach }),
  })
  const told: string[] = []
  const note = () => {
    const { notify, troubles } = world.take()
    expect(troubles).toEqual([])
    for (const { receiver, kind, title } of notify)
      told.push(`${formatDuration(world.elapsedMs)} ${receiver} ${kind} ${title}`)
  }
  const advance = async (ms: number) => {
    // Moment by moment, so that each has its time.
    const endMs = world.elapsedMs + ms
    while (world.elapsedMs < endMs) {
      await world.advanceTo(Math.min(endMs, Math.floor(world.elapsedMs / 30_000 + 1) * 30_000))
      note()
    }
  }
  await world.start()
  for (let step = 0; step < steps; step++) {
    await advance(Math.floor(random() ** 3 * 1_800) * 1_000)
    const [topic, payloads] = one(readings)
    const act = random()
    const place = one(places)
    const receiver = one(['ops-email', 'ops-sms'])
    const payload = one(payloads)
    const about = { alert: `leak/${fingerprintOf('leak', [place])}` }
    const asked = { by: 'Ada', via: 'test' }
    if (act < 0.7) await world.send({ topic: topic(place), payload: Buffer.from(payload) })
    else if (act < 0.78) await world.ask({ type: 'ack', about, ...asked })
    else if (act < 0.86) {
      const [address] = deps.makeProgram([]).alerting?.addresses(receiver) ?? []
      if (address !== undefined) await world.ask({ type: 'ack', about: { latest: address }, ...asked })
    } else if (act < 0.92) await world.ask({ type: 'resolve', ...about, ...asked })
    else {
      const matcher = { rule: one(['leak', 'door', 'offline']) }
      await world.ask({ type: 'silence', matcher, forMs: 1_200_000, comment: '', ...asked })
    }
    note()
    const killed = random() < 0.3
    if (killed && kills) await world.restart()
    note()
  }
  await advance(86_400_000)
  // What is told in the same half minute has no order of its own.
  return told.sort()
}

test.each([1, 2, 3, 4, 5])('story %i', async (seed) => {
  const once = await play(seed, false)
  expect(once.length).toBeGreaterThan(50)
  expect(await play(seed, false)).toEqual(once)
  expect(await play(seed, true)).toEqual(once)
})

/** A small generator of the same numbers every time (mulberry32). */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
