/**
 * Long stories of alerts at random: who is told does not depend on when Tocsin is killed, and whatever channels do,
 * who was told of an alert is told of its end, after which nothing of it is left.
 */
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
const { alerting } = deps.makeProgram([])

const steps = 250
const places = ['a', 'b', 'c']
const readings: readonly (readonly [topic: (place: string) => string, payloads: readonly string[]])[] = [
  [(place) => `sensors/${place}/data`, ['{"temperature":40}', '{}', '{"temperature":20}']],
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
      const [address] = alerting?.addresses(receiver) ?? []
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

interface Formed {
  readonly thread: string
  readonly delivery: string
  readonly to: string
  readonly kind: string
  /** Its policy tells nobody of the end. */
  readonly endless: boolean
}

/** What reached whom while channels fail and Tocsin is killed, and what is left in the store when all is over. */
async function suffer(seed: number): Promise<{ formed: Formed[]; left: string[]; kills: number }> {
  const random = generator(seed)
  const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const formed: Formed[] = []
  const watched = deps.reach?.channels.map(({ channel, account }) => ({
    account,
    channel: {
      ...channel,
      preview: (...[request, by]: Parameters<typeof channel.preview>) => {
        const preview = channel.preview(request, by)
        const { threadId, kind, alerts } = request.notification
        const endless = alerts.some(({ rule }) => rule === 'weak' || rule === 'gateway-down')
        formed.push({ thread: threadId, delivery: request.deliveryId, to: preview.to, kind, endless })
        return preview
      },
    },
  }))
  if (deps.reach === undefined || watched === undefined) throw new Error('nobody can be reached')
  const store = deps.createStore()
  const world = new VirtualWorld({
    program: deps.makeProgram(deps.rules),
    brokers: deps.brokers,
    store,
    startMs: Date.UTC(2026, 2, 28, 12),
    reach: { ...deps.reach, channels: watched },
  })
  await world.start()
  const asked = { by: 'Ada', via: 'test' }
  let kills = 0
  for (let step = 0; step < steps; step++) {
    await world.advance(Math.floor(random() ** 3 * 1_800) * 1_000)
    const act = random()
    const alert = `leak/${fingerprintOf('leak', [one(places)])}`
    if (act < 0.6) {
      const [topic, payloads] = one(readings)
      await world.send({ topic: topic(one(places)), payload: Buffer.from(one(payloads)) })
    } else if (act < 0.66) await world.ask({ type: 'ack', about: { alert }, ...asked })
    else if (act < 0.72) {
      const [latest] = alerting?.addresses(one(['ops-email', 'ops-sms', 'chat'])) ?? []
      if (latest !== undefined) await world.ask({ type: 'ack', about: { latest }, ...asked })
    } else if (act < 0.78) await world.ask({ type: 'resolve', alert, ...asked })
    else if (act < 0.84) {
      const matcher = { rule: one(['leak', 'door', 'offline']) }
      await world.ask({ type: 'silence', matcher, forMs: 1_200_000, comment: '', ...asked })
    } else if (act < 0.94) {
      world.channels.set(one(['email', 'sms', 'webhook']), one(['up', 'up', 'slow', 'down'] as const))
      // A channel that is down for a day loses what it was given.
      if (random() < 0.5) for (const name of ['email', 'sms', 'webhook']) world.channels.set(name, 'up')
    } else {
      kills++
      await world.restart(one([0, Math.floor(random() * 600_000)]))
    }
  }
  for (const name of ['email', 'sms', 'webhook']) world.channels.set(name, 'up')
  for (const [topic, payloads] of readings) {
    for (const place of places) {
      await world.send({ topic: topic(place), payload: Buffer.from(payloads.at(-1) ?? '') })
    }
  }
  await world.advance(10 * 86_400_000)
  const kinds = ['alert/', 'group/', 'told/', 'ackcode/', 'inhibit/', 'delivery/']
  const pages = await Promise.all(kinds.map((prefix) => store.scan(prefix, null, 100)))
  const left = pages.flatMap((page) => (page.ok ? page.value.map(({ id }) => id) : [page.failure.message]))
  return { formed, left, kills }
}

test.each([4, 8, 11, 12, 61])('story %i of failing channels', async (seed) => {
  const { formed, left, kills } = await suffer(seed)
  expect(left).toEqual([])
  const conversations = Map.groupBy(formed, ({ thread, to }) => `${thread} ${to}`)
  expect(conversations.size).toBeGreaterThan(20)
  for (const list of conversations.values()) {
    const story = list.map(({ kind }) => kind).filter((kind) => kind !== 'digest')
    if (story.length === 0) continue
    expect(story[0]).toBe('firing')
    if (!list.some(({ endless }) => endless)) expect(story.at(-1)).toBe('resolved')
  }
  // A kill may send what was on its way a second time.
  const twice = formed.length - new Set(formed.map(({ delivery }) => delivery)).size
  expect(twice).toBeLessThanOrEqual(3 * kills)
})

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
