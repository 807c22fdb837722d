/** Tocsin about itself, on virtual time: the whole engine, with channels that record whom they reach. */
import { describe, expect, it, test } from 'vitest'
import { actions } from '../../../src/actions/index.ts'
import { channels } from '../../../src/channels/index.ts'
import { testing } from '../../../src/cli/commands/test.ts'
import { problemReport } from '../../../src/cli/problem-report.ts'
import { loadConfiguration } from '../../../src/config/load.ts'
import { formatDuration } from '../../../src/core/duration.ts'
import { decoders } from '../../../src/decoders/index.ts'
import type { WatchOptions } from '../../../src/engine/watch/watch.ts'
import type { Store } from '../../../src/ports/store.ts'
import { createStore } from '../../../src/stores/index.ts'
import { VirtualWorld } from '../../../src/tools/test/virtual-world.ts'
import { makeDirectory } from '../../support/tocsin.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

const yaml = `
brokers: { default: { url: "mqtt://a" }, cloud: { url: "mqtt://b" } }
settings: { smtp: inbox, twilio: inbox }
receivers:
  ops: { email: { to: [ops@example.com] } }
  phone: { sms: { to: ["+15550100"] } }
  boss: { sms: { to: ["+15550101"] } }
policies:
  default:
    steps: [{ notify: ops }, { after: 5m, notify: phone }, { after: 20m, notify: boss }]
    repeat: { every: 1h, times: 1 }
  once: { steps: [{ notify: boss }] }
rules:
  - id: hot
    topic: sensors/+device
    when: payload.t > 35
    clear: { for: 0s }
    alert: { severity: critical, summary: "{{ device }} is hot", policy: once }
  - id: sometimes
    topic: sensors/+device
    when: payload.humidity > 90
    clear: { for: 0s }
    alert: { summary: "{{ device }} is wet", policy: none }
  - id: states
    description: There is a second session at the broker for it, which is away together with the first
    broker: cloud
    topic: state/#
    then: [{ forward: { to: default, prefix: cloud, retain: keep } }]
`

const usual = { policy: 'default', brokerDownMs: 5 * minute } satisfies WatchOptions

class Watched {
  readonly world: VirtualWorld
  readonly store: Store
  #told = 0
  readonly #stories: string[] = []
  disk: 'works' | 'full' = 'works'

  constructor(watch: WatchOptions = usual) {
    const directory = makeDirectory({ 'rules.yaml': yaml })
    const { configuration, problems } = loadConfiguration(directory.path, {
      env: {},
      actions,
      decoders,
      channels,
      zone: 'UTC',
    })
    directory.remove()
    if (configuration === null) throw new Error(problemReport(problems, { colour: false }))
    const { deps } = testing(configuration, { decoders, channels, createStore })
    this.store = this.#fragile(deps.createStore())
    this.world = new VirtualWorld({
      program: deps.makeProgram(deps.rules),
      brokers: deps.brokers,
      store: this.store,
      startMs: Date.UTC(2026, 10, 23, 12),
      ...(deps.reach === undefined ? {} : { reach: deps.reach }),
      engine: { watch, heartbeatMs: 5_000 },
    })
  }

  #fragile(store: Store): Store {
    const commit = store.commit.bind(store)
    store.commit = async (wanted) =>
      this.disk === 'works'
        ? commit(wanted)
        : { ok: false, failure: { reason: 'full', message: 'The disk is full.', help: 'Make room.' } }
    return store
  }

  /** `when receiver kind: title` of what was told since this was last asked. */
  told(): string[] {
    const since = this.#stories.slice(this.#told)
    this.#told = this.#stories.length
    return since
  }

  /** In steps, so that each thing that happens has its time. */
  async advance(ms: number, stepMs = 10_000): Promise<void> {
    const untilMs = this.world.elapsedMs + ms
    while (this.world.elapsedMs < untilMs) {
      await this.world.advanceTo(Math.min(untilMs, this.world.elapsedMs + stepMs))
      for (const { receiver, kind, title } of this.world.take().notify)
        this.#stories.push(`${formatDuration(this.world.elapsedMs)} ${receiver} ${kind}: ${title}`)
    }
  }

  async alerts(): Promise<string[]> {
    return (await this.world.alerts()).map(({ rule, key }) => `${rule} ${Object.values(key).join(' ')}`)
  }

  send(device: string, payload: unknown): Promise<void> {
    return this.world.send({
      broker: 'default',
      topic: `sensors/${device}`,
      payload: Buffer.from(JSON.stringify(payload)),
    })
  }
}

let watched: Watched
const open = async (watch?: WatchOptions): Promise<Watched> => {
  watched = new Watched(watch)
  await watched.world.start()
  return watched
}

describe('a broker that is away', () => {
  it('is told after its time, escalates, and is over when it is back', async () => {
    const { world } = await open()
    await watched.advance(hour)
    await world.setLink(false, 'cloud')
    await watched.advance(4 * minute)
    expect(watched.told()).toEqual([])
    await watched.advance(2 * minute)
    expect(await watched.alerts()).toEqual(['tocsin:broker-down cloud'])
    await watched.advance(6 * minute)
    await world.setLink(true, 'cloud')
    await watched.advance(10 * minute)
    expect(watched.told()).toEqual([
      '1h5m ops firing: The broker cloud has been away for 5m',
      '1h10m phone firing: The broker cloud has been away for 5m',
      '1h12m30s ops resolved: The broker cloud has been away for 5m',
      '1h12m30s phone resolved: The broker cloud has been away for 5m',
    ])
    expect(await watched.alerts()).toEqual([])
  })

  it('does not matter when it comes back in time', async () => {
    const { world } = await open()
    for (let turn = 0; turn < 10; turn++) {
      await world.setLink(false, 'cloud')
      await watched.advance(4 * minute)
      await world.setLink(true, 'cloud')
      await watched.advance(minute)
    }
    expect(watched.told()).toEqual([])
  })

  it('stays told over a restart: neither told again nor over before it is back', async () => {
    const { world } = await open()
    await world.setLink(false, 'cloud')
    await watched.advance(6 * minute)
    watched.told()
    await world.restart(minute)
    await watched.advance(3 * minute)
    expect(await watched.alerts()).toEqual(['tocsin:broker-down cloud'])
    await world.setLink(true, 'cloud')
    await watched.advance(minute)
    expect(watched.told()).toEqual([
      '10m phone firing: The broker cloud has been away for 5m',
      '10m30s ops resolved: The broker cloud has been away for 5m',
      '10m30s phone resolved: The broker cloud has been away for 5m',
    ])
  })

  it('can be silenced as any alert', async () => {
    const { world } = await open()
    await world.setLink(false, 'cloud')
    await watched.advance(6 * minute)
    await world.ask({
      type: 'silence',
      matcher: { rule: 'tocsin:broker-down' },
      forMs: hour,
      comment: '',
      by: 'ops',
      via: 'test',
    })
    await watched.advance(30 * minute)
    expect(await watched.alerts()).toEqual(['tocsin:broker-down cloud'])
    expect(watched.told()).toEqual(['5m ops firing: The broker cloud has been away for 5m'])
  })

  it('is found by its name, and acknowledged until it is over', async () => {
    const { world } = await open()
    await world.setLink(false, 'cloud')
    await watched.advance(6 * minute)
    const { alerting } = world.engine.control
    const found = await alerting.alerts({ rule: 'tocsin:broker-down', limit: 10 })
    const name = found.ok ? found.value.items[0]?.name : undefined
    expect(name).toMatch(/^tocsin:broker-down\/[0-9a-f]{16}$/)
    expect(await alerting.ack({ alert: name ?? '' }, { by: 'Ada', via: 'test' })).toMatchObject({
      ok: true,
    })
    await watched.advance(hour)
    expect(watched.told()).toEqual(['5m ops firing: The broker cloud has been away for 5m'])
  })

  it('tells nobody with the policy none, and shows the alert all the same', async () => {
    const { world } = await open({ ...usual, policy: null })
    await world.setLink(false)
    await watched.advance(hour)
    expect(watched.told()).toEqual([])
    expect(await watched.alerts()).toEqual(['tocsin:broker-down cloud', 'tocsin:broker-down default'])
  })
})

describe('a rule that cannot decide', () => {
  /** Readings of both kinds of device, every hour. */
  const readings = async (hours: number, payload: unknown) => {
    for (let turn = 0; turn < hours; turn++) {
      await watched.send('a', payload)
      await watched.advance(hour, hour / 2)
    }
  }

  it('is told when it could not for a day, once, and is over with its next verdict', async () => {
    await open()
    await readings(10, { t: 20, humidity: 50 })
    await readings(24, { t: 'warm', humidity: 50 })
    expect(await watched.alerts()).toEqual([])
    await readings(30, { t: 'warm', humidity: 50 })
    expect(await watched.alerts()).toEqual(['tocsin:rule-unknown hot'])
    await readings(1, { t: 20, humidity: 50 })
    expect(await watched.alerts()).toEqual([])
    const told = watched.told()
    expect(told[0]).toMatch(/^1d10h.* ops firing: The rule hot could not decide on any message for a day$/)
    expect(told.filter((one) => one.includes('ops firing'))).toHaveLength(1)
    expect(told.at(-1)).toMatch(/ resolved: The rule hot/)
  })

  it('is nothing to tell while one device lets it decide', async () => {
    await open()
    for (let turn = 0; turn < 50; turn++) {
      await watched.send('a', { humidity: 50 })
      await watched.send('b', { t: 20, humidity: 50 })
      await watched.advance(hour, hour / 2)
    }
    expect(watched.told()).toEqual([])
  })

  it('is nothing to tell when there are no messages: silence is for `absent`', async () => {
    await open()
    await watched.send('a', {})
    await watched.advance(5 * day, hour)
    expect(watched.told()).toEqual([])
  })

  it('goes on counting over a restart', async () => {
    const { world } = await open()
    await readings(15, { humidity: 50 })
    await world.restart(minute)
    await readings(11, { humidity: 50 })
    expect(await watched.alerts()).toEqual(['tocsin:rule-unknown hot'])
    await world.restart(minute)
    await watched.advance(10 * minute)
    expect(await watched.alerts()).toEqual(['tocsin:rule-unknown hot'])
  })
})

describe('deliveries that were given up', () => {
  it('are told of by receiver, by another way, and are over after an hour without', async () => {
    const { world } = await open()
    world.channels.set('sms', 'refuses')
    await watched.send('a', { t: 40, humidity: 50 })
    await watched.advance(minute)
    expect(await watched.alerts()).toEqual(['hot a', 'tocsin:dead-deliveries boss'])
    expect(watched.told()).toEqual(['30s ops firing: Notifications to boss could not be delivered'])
    world.channels.set('sms', 'up')
    await watched.advance(70 * minute)
    expect(await watched.alerts()).toEqual(['hot a'])
    expect(watched.told().at(-1)).toMatch(/resolved: Notifications to boss could not be delivered/)
  })
})

describe('an escalation that stands still', () => {
  it('is found by its state, told, and goes on', async () => {
    const { world } = await open()
    await world.setLink(false, 'cloud')
    await watched.advance(6 * minute)
    watched.told()
    // What must not happen: the group's timer is lost.
    const page = await watched.store.scan('group/', null, 1)
    const [group] = page.ok ? page.value : []
    if (group === undefined) throw new Error('there is no group')
    await watched.store.commit({ slices: { put: [{ ...group, dueMs: null }] } })
    await watched.advance(10 * minute)
    expect(watched.told()).toEqual([
      '12m30s phone firing: The broker cloud has been away for 5m',
      '12m30s ops firing: Steps of the policy default are overdue',
      '13m ops resolved: Steps of the policy default are overdue',
    ])
    expect(await watched.alerts()).toEqual(['tocsin:broker-down cloud'])
  })
})

describe('the store', () => {
  it('that takes nothing is told from memory, step by step, and when it works again', async () => {
    await open()
    await watched.advance(hour)
    watched.disk = 'full'
    await watched.advance(50_000)
    expect(watched.told()).toEqual([])
    await watched.advance(10 * minute)
    expect(watched.told()).toEqual([
      '1h1m30s ops message: Tocsin cannot keep anything: its store fails',
      '1h6m30s phone message: Tocsin cannot keep anything: its store fails',
    ])
    watched.disk = 'works'
    await watched.advance(minute)
    expect(watched.told()).toEqual([
      "1h11m ops message: Tocsin's store works again after 11m",
      "1h11m phone message: Tocsin's store works again after 11m",
    ])
  })

  it('that fails again and again is told at most once an hour', async () => {
    await open()
    for (let turn = 0; turn < 20; turn++) {
      watched.disk = 'full'
      await watched.advance(2 * minute)
      watched.disk = 'works'
      await watched.advance(minute)
    }
    const told = watched.told()
    expect(told).toHaveLength(2)
  })

  it('is tried again where telling failed', async () => {
    const { world } = await open()
    world.channels.set('email', 'down')
    watched.disk = 'full'
    await watched.advance(3 * minute)
    world.channels.set('email', 'up')
    await watched.advance(2 * minute)
    expect(watched.told()).toEqual([expect.stringContaining('ops message: Tocsin cannot keep anything')])
  })
})

test('a quiet week has nothing to tell', async () => {
  await open()
  await watched.advance(7 * day, hour)
  expect(watched.told()).toEqual([])
  expect(await watched.alerts()).toEqual([])
})
