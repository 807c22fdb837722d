// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule language.
/**
 * What happens in one simulation, as plain data made from a seed: the rules, what devices send, and what breaks.
 * Rules are of two classes. Those of class A do not depend on time: with the same messages in the same order they
 * must come to the same outputs and states, whatever breaks. Those of class B measure time, which outages move:
 * for them only what must hold in every case is checked.
 */
import type { RuleParts } from '../support/rules.ts'
import { Random } from './random.ts'
import type { BrokerHabits, DeviceMessage } from './simulated-broker.ts'
import type { StoreHabits } from './simulated-store.ts'

export interface Scenario {
  readonly seed: number
  readonly brokers: Readonly<Record<BrokerName, BrokerHabits>>
  readonly store: StoreHabits
  readonly rules: readonly SimulatedRule[]
  /** Rules that come and go with reloads; nothing is expected of them but that they disturb no other. */
  readonly guests: readonly RuleParts[]
  readonly happenings: readonly Happening[]
  /** When the last thing breaks; from here on everything works, ms since the start. */
  readonly calmMs: number
}

export type BrokerName = 'default' | 'cloud'

export interface SimulatedRule {
  readonly timeClass: 'A' | 'B'
  /** Reads a joined value without keeping a state: a second copy of its output may differ from the first. */
  readonly looksAround?: boolean
  readonly parts: RuleParts & { readonly id: string }
}

/** At a moment, or right before the engine touches the world for the nth time. */
export interface When {
  readonly atMs?: number
  readonly touch?: number
}

export type Happening = When &
  (
    | { readonly kind: 'send'; readonly broker: BrokerName; readonly message: DeviceMessage }
    | { readonly kind: 'crash'; readonly downMs: number }
    | { readonly kind: 'stop'; readonly downMs: number }
    | { readonly kind: 'cut'; readonly broker: BrokerName; readonly link: 'ingest' | 'outgoing' | 'both' }
    | { readonly kind: 'away'; readonly broker: BrokerName; readonly forMs: number }
    | { readonly kind: 'forget'; readonly broker: BrokerName }
    | { readonly kind: 'disk'; readonly trouble: 'full' | 'io'; readonly forMs: number }
    | { readonly kind: 'log'; readonly forMs: number }
    | { readonly kind: 'reload'; readonly guests: readonly number[] }
    | { readonly kind: 'jump'; readonly byMs: number }
  )

/** From this number on a message is the last of its device. */
export const lastWords = 1_000

const devices = ['a', 'b', 'c']

export function makeScenario(seed: number): Scenario {
  const random = new Random(seed, 0)
  const timed = random.chance(0.3)
  const lengthMs = random.pick([500, 3_000, timed ? 40_000 : 10_000])
  const latencyMs = random.pick([1, 5, 40])
  const habits = (): BrokerHabits => {
    const window = random.whole(1, 12)
    return {
      protocolVersion: random.chance(0.75) ? 5 : 4,
      window,
      lastPacketId: window + random.whole(1, 20),
      reuse: random.chance(0.75) ? 'next' : 'lowest',
      latencyMs,
      slowAcks: random.chance(0.3) ? 0.15 : 0,
      refusals: random.chance(0.2) ? 0.1 : 0,
    }
  }
  const broken = faults(random, lengthMs)
  // Two messages that are alike cannot be told apart when one comes again, but where none does both must count.
  const alike = broken.every(({ kind }) => !bringsAgain.has(kind))
  const happenings = [...messages(random, lengthMs, timed, alike), ...broken]
  return {
    seed,
    brokers: { default: habits(), cloud: habits() },
    store: { latencyMs: random.pick([null, 0, 2, 30]) },
    rules: timed
      ? [...timelessRules(random, 2), ...timedRules(random)]
      : timelessRules(random, random.whole(2, 5)),
    guests,
    happenings,
    calmMs: lengthMs,
  }
}

/** The same inputs in a world in which nothing takes time and nothing breaks. */
export function withoutFaults(scenario: Scenario): Scenario {
  const perfect = (habits: BrokerHabits): BrokerHabits => ({
    ...habits,
    window: 1_000,
    lastPacketId: 65_535,
    reuse: 'next',
    latencyMs: 0,
    slowAcks: 0,
    refusals: 0,
  })
  const { brokers } = scenario
  return {
    ...scenario,
    brokers: { default: perfect(brokers.default), cloud: perfect(brokers.cloud) },
    store: { latencyMs: null },
    happenings: scenario.happenings.filter(({ kind }) => kind === 'send'),
  }
}

// ---- rules

const topicOf = 'in/+d'

function timelessRules(random: Random, count: number): SimulatedRule[] {
  const makers = random.chance(0.5) ? [...timeless] : timeless.filter((maker) => !busy.has(maker))
  // Every other message changes nothing there, and then must change nothing when it comes again.
  const made: SimulatedRule[] = [edge(random)]
  for (let index = 0; index < count; index++) {
    const [maker] = makers.splice(random.whole(0, makers.length - 1), 1)
    if (maker !== undefined) made.push(maker(random))
  }
  return made
}

/** Where it goes, and what it says: the rule and the message that it is about. */
function publish(random: Random, rule: string, fields: Record<string, string>) {
  const broker = random.chance(0.3) ? 'cloud' : 'default'
  return {
    publish: { topic: 'out/{{ d }}', payload: { rule, id: '{{ payload.id }}', ...fields }, broker },
  }
}

type Maker = (random: Random) => SimulatedRule

const edge: Maker = (random) => ({
  timeClass: 'A',
  parts: {
    id: 'edge',
    topic: topicOf,
    when: 'payload.v > 50',
    ...(random.chance(0.5) ? { clear: { when: 'payload.v < 30' } } : {}),
    then: [publish(random, 'edge', { is: 'up' })],
    resolved: [publish(random, 'edge', { is: 'down' })],
  },
})

const count: Maker = (random) => ({
  timeClass: 'A',
  parts: {
    id: 'count',
    topic: topicOf,
    window: { over: 30 * 86_400_000, of: 'payload.v', min: 1 },
    then: [publish(random, 'count', { n: '{{ window.count }}', sum: '{{ window.sum }}' })],
  },
})

const countAll: Maker = (random) => ({
  timeClass: 'A',
  parts: {
    id: 'count-all',
    topic: ['in/+d', 'cfg/+d'],
    key: {},
    window: { over: 30 * 86_400_000, of: 'payload.id', min: 1 },
    then: [publish(random, 'count-all', { n: '{{ window.count }}', last: '{{ window.last }}' })],
  },
})

const chain: Maker = (random) => ({
  timeClass: 'A',
  parts: {
    id: 'chain',
    topic: 'in/#rest',
    key: { d: 'payload.d' },
    then: [
      {
        publish: {
          topic: 'out/chain',
          payload: { rule: 'chain', id: '{{ payload.id }}', after: '{{ prev.payload.id }}' },
          broker: random.chance(0.3) ? 'cloud' : 'default',
        },
      },
    ],
  },
})

/** With one of these no message leaves everything as it was. */
const busy: ReadonlySet<Maker> = new Set([count, countAll, chain])

const timeless: readonly Maker[] = [
  count,
  countAll,
  chain,
  (random) => ({
    timeClass: 'A',
    parts: {
      id: 'route',
      topic: topicOf,
      when: 'payload.v > 20',
      then: [
        publish(random, 'route', { v: '{{ payload.v }}' }),
        ...(random.chance(0.5) ? [publish(random, 'route', { twice: 'yes' })] : []),
      ],
    },
  }),
  (random) => ({
    timeClass: 'A',
    looksAround: true,
    parts: {
      id: 'look',
      topic: topicOf,
      with: { cfg: { topic: 'cfg/+d' } },
      then: [publish(random, 'look', { limit: '{{ with.cfg.payload.limit }}' })],
    },
  }),
  (random) => ({
    timeClass: 'A',
    parts: {
      id: 'limit',
      topic: topicOf,
      with: { cfg: { topic: 'cfg/+d' }, all: { topic: 'cfg/+other' } },
      when: 'payload.v > with.cfg.payload.limit',
      then: [publish(random, 'limit', { is: 'up', all: "{{ with.all | map: 'payload.id' }}" })],
      resolved: [publish(random, 'limit', { is: 'down' })],
    },
  }),
  (random) => ({
    timeClass: 'A',
    parts: {
      id: 'by-kind',
      topic: topicOf,
      decode: 'json',
      key: { k: 'payload.k' },
      when: 'payload.v > 60',
      alert: { severity: 'warning', summary: 'kind {{ payload.k }}' },
      then: [publish(random, 'by-kind', { k: '{{ payload.k }}' })],
    },
  }),
  () => ({
    timeClass: 'A',
    parts: {
      id: 'keep',
      topic: topicOf,
      when: 'payload.v > 30',
      then: [{ log: { file: 'keep.csv', columns: ['id', 'v'] } }],
    },
  }),
  () => ({
    timeClass: 'A',
    parts: {
      id: 'keep-edges',
      topic: topicOf,
      when: 'payload.v > 70',
      then: [{ log: { file: 'edges.ndjson', columns: ['id', 'd'] } }],
      resolved: [{ log: { file: 'edges.ndjson', columns: ['id', 'v'] } }],
    },
  }),
  (random) => ({
    timeClass: 'A',
    parts: {
      id: 'presses',
      topic: 'press/+d',
      window: { over: 30 * 86_400_000, of: 'payload', min: 1 },
      then: [
        {
          publish: {
            topic: 'out/{{ d }}',
            payload: { rule: 'presses', id: '{{ window.count }}' },
            broker: random.chance(0.3) ? 'cloud' : 'default',
          },
        },
      ],
    },
  }),
  (random) => ({
    timeClass: 'A',
    parts: {
      id: 'far',
      broker: 'cloud',
      topic: 'far/+d',
      when: 'payload.v > 40',
      then: [publish(random, 'far', { is: 'up' })],
      resolved: [publish(random, 'far', { is: 'down' })],
    },
  }),
]

export const holdMs = 1_500
export const clearHoldMs = 1_000
export const silenceMs = 6_000

function timedRules(random: Random): SimulatedRule[] {
  return [
    {
      timeClass: 'B',
      parts: {
        id: 'hold',
        topic: topicOf,
        when: 'payload.v > 40',
        for: holdMs,
        ...(random.chance(0.5) ? { clear: { for: clearHoldMs } } : {}),
        then: [publish(random, 'hold', { is: 'up' })],
        resolved: [publish(random, 'hold', { is: 'down' })],
      },
    },
    {
      timeClass: 'B',
      parts: {
        id: 'silent',
        topic: topicOf,
        absent: { for: silenceMs },
        alert: { severity: 'warning', summary: '{{ d }} is silent' },
      },
    },
    {
      timeClass: 'B',
      parts: {
        id: 'sometimes',
        topic: topicOf,
        throttle: 700,
        then: [publish(random, 'sometimes', {})],
      },
    },
  ]
}

/** So many of the guests overlap the others' filters: reloads change which copy of a message counts. */
export const overlappingGuests = 3

const guests: readonly RuleParts[] = [
  { id: 'guest-all', topic: 'in/#', then: [{ publish: { topic: 'extra/all', payload: 'x' } }] },
  { id: 'guest-a', topic: 'in/a', then: [{ publish: { topic: 'extra/a', payload: 'x' } }] },
  { id: 'guest-first', topic: '+/a', then: [{ publish: { topic: 'extra/first', payload: 'x' } }] },
  {
    id: 'guest-other',
    topic: 'elsewhere/+x',
    when: 'payload.v > 1',
    alert: { severity: 'info', summary: 'x' },
  },
]

// ---- what devices send

function messages(random: Random, lengthMs: number, timed: boolean, alike: boolean): Happening[] {
  const count = random.whole(15, 70)
  const bursts = random.chance(0.7)
  // A topic is retained always or never: else a replay would bring back what a later message has replaced.
  const keeps = random.chance(0.5)
  const sent: Happening[] = []
  const emptied = new Set<string>()
  let atMs = 0
  for (let id = 1; id <= count; id++) {
    if (!bursts || random.chance(0.15)) atMs = Math.floor((id * lengthMs) / count)
    const d = random.pick(devices)
    const send = (broker: BrokerName, topic: string, payload: unknown, retain = false) => {
      const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
      sent.push({ kind: 'send', atMs, broker, message: { topic, payload: text, qos: 1, retain } })
    }
    const v = random.whole(0, 99)
    const what = random.next()
    if (what < 0.04) send('default', `in/${d}`, `{"id": ${id}, broken`)
    else if (what < 0.07 && !emptied.has(d)) {
      // One of a device: MQTT has nothing to tell a second one under the same packet identifier from the first.
      emptied.add(d)
      send('default', `in/${d}`, '')
    } else if (what < 0.1) send('default', `in/${d}`, { id, d })
    else if (what < 0.2 && alike) send('default', `press/${d}`, '1')
    else if (what < 0.2) send('default', `cfg/${d}`, { id, limit: v }, keeps)
    else if (what < 0.3) send('cloud', `far/${d}`, { id, d, v })
    else if (what < 0.33) send('default', `elsewhere/${d}`, { id, v })
    else
      send('default', `in/${d}`, { id, d, v, ...(random.chance(0.9) ? { k: random.pick(['x', 'y']) } : {}) })
  }
  // The last word of every device is clear, so that a state over time ends in one way only.
  if (timed) {
    for (const [index, d] of devices.entries()) {
      const payload = JSON.stringify({ id: lastWords + index, d, v: random.pick([0, 99]), k: 'x' })
      const message: DeviceMessage = { topic: `in/${d}`, payload, qos: 1, retain: false }
      sent.push({ kind: 'send', atMs: lengthMs, broker: 'default', message })
    }
  }
  return sent
}

// ---- what breaks

/** After these a broker sends messages again. */
const bringsAgain: ReadonlySet<string> = new Set(['crash', 'stop', 'cut', 'away', 'forget'])

function faults(random: Random, lengthMs: number): Happening[] {
  const overlaps = random.chance(0.2)
  const level = random.pick([0, 1, 3, 6])
  const kinds = ['crash', 'stop', 'cut', 'away', 'disk', 'log', 'reload', 'jump'] as const
  const wanted = kinds.filter((kind) => random.chance(kind === 'crash' || kind === 'cut' ? 0.7 : 0.25))
  const broken: Happening[] = []
  for (const kind of wanted) {
    for (let count = random.whole(0, level); count > 0; count--) {
      // Most break where something is going on, the rest anywhere.
      const when: When = random.chance(0.7)
        ? { touch: random.whole(1, 400) }
        : { atMs: random.whole(0, lengthMs) }
      broken.push({ ...when, ...fault(random, kind, overlaps) })
    }
  }
  if (random.chance(0.04)) broken.push({ kind: 'forget', broker: 'default', atMs: random.whole(0, lengthMs) })
  return broken
}

function fault(
  random: Random,
  kind: 'crash' | 'stop' | 'cut' | 'away' | 'disk' | 'log' | 'reload' | 'jump',
  overlaps: boolean,
) {
  const broker: BrokerName = random.chance(0.7) ? 'default' : 'cloud'
  const forMs = random.pick([5, 100, 1_500, 8_000])
  switch (kind) {
    case 'crash':
    case 'stop':
      return { kind, downMs: random.pick([0, 20, 2_000, 9_000]) }
    case 'cut':
      return { kind, broker, link: random.pick(['ingest', 'outgoing', 'both'] as const) }
    case 'away':
      return { kind, broker, forMs }
    case 'disk':
      return { kind, trouble: random.pick(['full', 'io'] as const), forMs: Math.min(forMs, 1_500) }
    case 'log':
      return { kind, forMs }
    case 'reload':
      return {
        kind,
        guests: guests.flatMap((_, index) =>
          random.chance(0.5) && (overlaps || index >= overlappingGuests) ? [index] : [],
        ),
      }
    case 'jump':
      return { kind, byMs: random.pick([-3_600_000, -20_000, 20_000, 7_200_000]) }
  }
}
