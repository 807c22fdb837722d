/**
 * What durability costs: the same QoS 1 messages through the whole program beside a real Mosquitto, with its state on
 * disk (SQLite) and in memory, in rounds that take turns; then a million live keys. `node bench/durability.ts`, or
 * with `rates` or `keys` for one half; TMPDIR should lie on the disk that matters.
 */
import { cpus } from 'node:os'
import type { Mosquitto } from '../test/support/mosquitto.ts'
import { Flood, type Out } from './support/flood.ts'
import { cpuUs, median, memoryMiB, spread } from './support/process.ts'
import { benchBroker, type Engine, listener, startEngine } from './support/runs.ts'

const rounds = 3
const messagesPerRound = 60_000
const devices = 1_000
const keys = 1_000_000
const keysPerFlood = 50_000

type Storage = 'memory' | 'sqlite'

/** Each engine hears topics of its own, so that the other rests meanwhile. */
function rulesFor(storage: Storage): string {
  return `
rules:
  - { id: limit, topic: ${storage}/plain/+device, when: payload.temperature > 35, then: [{ publish: { topic: "bench/{{ device }}" } }] }
  - { id: held, topic: ${storage}/held/+device, when: payload.temperature > 35, for: 2m, then: [{ publish: { topic: "bench/{{ device }}" } }] }
  - { id: change, topic: ${storage}/change/+device, max_keys: ${keys * 2}, when: payload.temperature - prev.payload.temperature > 30, then: [{ publish: { topic: "bench/{{ device }}" } }] }
  - { id: end, topic: ${storage}/end/+run, then: [{ publish: { topic: "bench/end/{{ run }}" } }] }
`
}

const kinds = [
  { name: 'no state, nothing trips', prefix: 'plain' },
  { name: 'a state is read, nothing changes', prefix: 'held' },
  { name: 'every message changes a state', prefix: 'change' },
] as const

interface Figures {
  readonly cpu: number[]
  readonly brokerCpu: number[]
  readonly rate: number[]
}

let runs = 0

/** Half the devices of the fleet in the lesson, with numbers that move as theirs do. */
function message(prefix: string, index: number, device = index % devices): Out {
  const temperature = (15 + ((index * 7_919) % 1_000) / 100).toFixed(2)
  const payload = `{"timestamp":${1_760_000_000_000 + index},"temperature":${temperature},"humidity":${30 + (index % 40)}}`
  return { topic: `${prefix}/d${device}`, payload }
}

/** Messages per second until the engine has heard the last one, and what it cost. */
async function measure(broker: Mosquitto, engine: Engine, storage: Storage, messages: readonly Out[]) {
  const alerts = await listener(broker)
  const flood = await Flood.connect(broker.port)
  const run = `r${runs++}`
  const { pid } = engine.running
  const before = { cpu: cpuUs(pid), broker: cpuUs(broker.pid), at: performance.now() }
  await flood.send([...messages, { topic: `${storage}/end/${run}`, payload: '1' }])
  await alerts.message(`bench/end/${run}`, 300_000)
  const seconds = (performance.now() - before.at) / 1000
  const count = messages.length
  const figures = {
    cpu: (cpuUs(pid) - before.cpu) / count,
    brokerCpu: (cpuUs(broker.pid) - before.broker) / count,
    rate: count / seconds,
  }
  flood.end()
  await alerts.end()
  return figures
}

async function compare(broker: Mosquitto): Promise<void> {
  console.log(
    `QoS 1, ${messagesPerRound.toLocaleString('en')} messages a round, ${rounds} rounds in turn; median (min–max)`,
  )
  const engines = {
    memory: await startEngine(broker, rulesFor('memory'), 'memory', 'bench-memory'),
    sqlite: await startEngine(broker, rulesFor('sqlite'), 'tocsin.db', 'bench-sqlite'),
  }
  for (const { name, prefix } of kinds) {
    const figures: Record<Storage, Figures> = {
      memory: { cpu: [], brokerCpu: [], rate: [] },
      sqlite: { cpu: [], brokerCpu: [], rate: [] },
    }
    for (let round = -1; round < rounds; round++) {
      for (const storage of ['memory', 'sqlite'] as const) {
        const messages = Array.from({ length: messagesPerRound }, (_, index) =>
          message(`${storage}/${prefix}`, index + round),
        )
        const measured = await measure(broker, engines[storage], storage, messages)
        // The first round warms up and is not counted.
        if (round < 0) continue
        for (const key of ['cpu', 'brokerCpu', 'rate'] as const) figures[storage][key].push(measured[key])
      }
    }
    console.log(`\n${name}`)
    for (const storage of ['memory', 'sqlite'] as const) {
      const { cpu, brokerCpu, rate } = figures[storage]
      console.log(
        `  ${storage}: ${spread(cpu)} µs of CPU a message, ${spread(rate, 0)} messages/s (Mosquitto: ${spread(brokerCpu)} µs)`,
      )
    }
    const ratio = median(figures.sqlite.cpu) / median(figures.memory.cpu)
    console.log(`  on disk costs ${ratio.toFixed(2)} times the CPU of in memory`)
  }
  for (const [storage, engine] of Object.entries(engines)) {
    console.log(`peak memory, ${storage}: ${memoryMiB(engine.running.pid).peak} MiB`)
    await engine.end()
  }
}

/** Fills a database through the engine, then starts the engine on it again. */
async function liveKeys(broker: Mosquitto): Promise<void> {
  console.log(`\n${keys.toLocaleString('en')} live keys`)
  let engine = await startEngine(broker, rulesFor('sqlite'), 'tocsin.db', 'bench-keys')
  const startedAt = performance.now()
  for (let first = 0; first < keys; first += keysPerFlood) {
    const messages = Array.from({ length: keysPerFlood }, (_, index) =>
      message('sqlite/change', first + index, first + index),
    )
    await measure(broker, engine, 'sqlite', messages)
  }
  const filledSeconds = (performance.now() - startedAt) / 1000
  const filled = memoryMiB(engine.running.pid)
  console.log(
    `  made in ${filledSeconds.toFixed(0)} s (${(keys / filledSeconds).toFixed(0)}/s); ${filled.now} MiB, at most ${filled.peak} MiB`,
  )
  for (let start = 0; start < 3; start++) {
    await engine.running.stop()
    const again = performance.now()
    engine = await startEngine(broker, rulesFor('sqlite'), 'tocsin.db', 'bench-keys', engine.directory)
    const seconds = (performance.now() - again) / 1000
    // One flood more, so that what settles after the start counts.
    await measure(
      broker,
      engine,
      'sqlite',
      Array.from({ length: keysPerFlood }, (_, index) => message('sqlite/change', index, index)),
    )
    const { now, peak } = memoryMiB(engine.running.pid)
    console.log(`  started again: ready after ${seconds.toFixed(1)} s; ${now} MiB, at most ${peak} MiB`)
  }
  await engine.end()
}

const [only] = process.argv.slice(2)
console.log(`${process.version}, ${cpus().length} cores (${cpus()[0]?.model})`)
const broker = await benchBroker()
try {
  if (only !== 'keys') await compare(broker)
  if (only !== 'rates') await liveKeys(broker)
} finally {
  await broker.close()
}
