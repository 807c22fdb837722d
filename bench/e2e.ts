/**
 * From publish to alert beside a real Mosquitto, against the router that tutorials write by hand, in the same run:
 * messages per second, CPU per message and latency, by the number of rules. Run `node bench/e2e.ts`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import path from 'node:path'
import type { Mosquitto } from '../test/support/mosquitto.ts'
import { connectClient } from '../test/support/mqtt-client.ts'
import { makeDirectory, startTocsin } from '../test/support/tocsin.ts'
import { Inbox, waitFor } from '../test/support/wait-for.ts'
import { Flood, type Out } from './support/flood.ts'
import { cpuUs, memoryMiB, spread } from './support/process.ts'
import { benchBroker } from './support/runs.ts'

const rounds = 3
const paceRate = 2_000
const paceSeconds = 3
/** One message in so many trips, and says which one it was. */
const tripEvery = { flood: 100, pace: 20 }
const limitMs = 120_000

/** By the number of rules: the hand-written router gets slower with each, so it is given fewer messages. */
const sizes = [
  { rules: 1, ours: 60_000, router: 60_000 },
  { rules: 100, ours: 60_000, router: 20_000 },
  { rules: 1_000, ours: 60_000, router: 2_000 },
  { rules: 10_000, ours: 60_000, router: 200 },
]

interface Subject {
  readonly name: 'tocsin' | 'router'
  readonly pid: number
  end(): Promise<void>
}

async function startTocsinWith(broker: Mosquitto, rules: number): Promise<Subject> {
  const list = Array.from(
    { length: rules },
    (_, index) =>
      `  - { id: r${index}, topic: g${index}/sensors/+device/data, when: payload.temperature > 35, then: [{ publish: { topic: "g${index}/sensors/{{ device }}/alert", payload: { type: high_temp, value: "{{ payload.temperature }}" } } }] }`,
  )
  const head = `brokers: { default: { url: "${broker.url}", client_id: bench-tocsin } }\nsettings: { storage: tocsin.db }\n`
  const directory = makeDirectory({ 'rules/rules.yaml': `${head}rules:\n${list.join('\n')}\n` })
  const running = startTocsin(['run', 'rules', '--log-level', 'info'], { cwd: directory.path })
  await running.line('subscribed', limitMs)
  return {
    name: 'tocsin',
    pid: running.pid,
    async end() {
      await running.stop()
      directory.remove()
    },
  }
}

async function startRouter(broker: Mosquitto, rules: number): Promise<Subject> {
  const routes = Array.from({ length: rules }, (_, index) => ({
    pattern: `g${index}/sensors/+/data`,
    alert: `g${index}/sensors/{device}/alert`,
  }))
  const directory = makeDirectory({ 'routes.json': JSON.stringify(routes) })
  const script = path.join(import.meta.dirname, 'support/router.ts')
  const child = spawn(process.execPath, [script, path.join(directory.path, 'routes.json'), broker.url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return {
    name: 'router',
    pid: child.pid ?? 0,
    async end() {
      child.kill('SIGTERM')
      await once(child, 'exit')
      directory.remove()
    },
  }
}

let number = 0

/** What trips bears a value of its own, so that each alert tells which message it answers. */
function messages(count: number, rules: number, every: number): { outs: Out[]; trips: Map<number, number> } {
  const trips = new Map<number, number>()
  const outs = Array.from({ length: count }, (_, index) => {
    number++
    const isTrip = index % every === every - 1 || index === count - 1
    const temperature = isTrip ? 40 + number / 1e7 : 15 + (index % 1_000) / 100
    if (isTrip) trips.set(temperature, index)
    const topic = `g${index % rules}/sensors/dev${index % 1_000}/data`
    return {
      topic,
      payload: `{"timestamp":${1_760_000_000_000 + index},"temperature":${temperature},"humidity":40}`,
    }
  })
  return { outs, trips }
}

async function measure(broker: Mosquitto, subject: Subject, rules: number, count: number) {
  const listener = await connectClient(broker.url)
  const alerts = new Inbox<{ value: number; atMs: number }>()
  const hear = (items: typeof listener.heard.items) => {
    const fresh = items.splice(0)
    alerts.put(
      ...fresh.map(({ payload }) => ({
        value: (JSON.parse(payload) as { value: number }).value,
        atMs: performance.now(),
      })),
    )
  }
  const put = listener.heard.put.bind(listener.heard)
  listener.heard.put = (...items) => {
    put(...items)
    hear(listener.heard.items)
  }
  await listener.subscribe('+/sensors/+/alert')
  const flood = await Flood.connect(broker.port)

  const whole = messages(count, rules, tripEvery.flood)
  const before = { cpu: cpuUs(subject.pid), at: performance.now() }
  await flood.send(whole.outs)
  await waitFor('all alerts of the flood', () => alerts.items.length >= whole.trips.size, limitMs)
  const rate = (count / (performance.now() - before.at)) * 1000
  const cpu = (cpuUs(subject.pid) - before.cpu) / count
  if (
    alerts.items.length !== whole.trips.size ||
    !alerts.items.every(({ value }) => whole.trips.has(value))
  ) {
    throw new Error(`${subject.name} raised ${alerts.items.length} alerts instead of ${whole.trips.size}`)
  }
  alerts.clear()

  const latencies: number[] = []
  // Where the router is overrun at this rate a latency says nothing.
  if (rate > 1.5 * paceRate) {
    const paced = messages(paceRate * paceSeconds, rules, tripEvery.pace)
    const sentAt: number[] = []
    await flood.pace(paced.outs, paceRate, (index) => {
      sentAt[index] = performance.now()
    })
    await waitFor('all alerts', () => alerts.items.length >= paced.trips.size, limitMs)
    for (const { value, atMs } of alerts.items) {
      const index = paced.trips.get(value)
      if (index !== undefined) latencies.push(atMs - (sentAt[index] ?? Number.NaN))
    }
    latencies.sort((a, b) => a - b)
  }
  flood.end()
  await listener.end()
  return { rate, cpu, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
}

function quantile(sorted: readonly number[], fraction: number): number {
  return sorted[Math.floor(sorted.length * fraction)] ?? Number.NaN
}

console.log(
  `${process.version}, ${cpus().length} cores (${cpus()[0]?.model}); QoS 1, ${rounds} rounds in turn; median (min–max)`,
)
console.log(`latency at ${paceRate} messages/s; every row without a lost, doubled or made-up alert`)
for (const size of sizes) {
  const figures = { tocsin: [], router: [] } as Record<Subject['name'], Awaited<ReturnType<typeof measure>>[]>
  const peaks = { tocsin: 0, router: 0 }
  for (let round = 0; round < rounds; round++) {
    for (const start of [startTocsinWith, startRouter]) {
      const broker = await benchBroker()
      const subject = await start(broker, size.rules)
      const count = subject.name === 'tocsin' ? size.ours : size.router
      await measure(broker, subject, size.rules, Math.ceil(count / 10))
      figures[subject.name].push(await measure(broker, subject, size.rules, count))
      peaks[subject.name] = Math.max(peaks[subject.name], memoryMiB(subject.pid).peak)
      await subject.end()
      await broker.close()
    }
  }
  console.log(`\n${size.rules.toLocaleString('en')} rules`)
  for (const name of ['tocsin', 'router'] as const) {
    const of = (key: 'rate' | 'cpu' | 'p50' | 'p99') => figures[name].map((figure) => figure[key])
    console.log(
      `  ${name}: ${spread(of('rate'), 0)} messages/s, ${spread(of('cpu'))} µs of CPU a message, ` +
        `p50 ${spread(of('p50'), 2)} ms, p99 ${spread(of('p99'), 2)} ms, at most ${peaks[name]} MiB`,
    )
  }
}
