/**
 * Requests and answers beside a real Mosquitto, against a responder written by hand with MQTT.js, in the same run:
 * 50 clients with 1,000 requests in flight between them, each answered once and with its own data. The way back is
 * measured from the publish to the answer. Run `node bench/requests.ts`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import path from 'node:path'
import type { Mosquitto } from '../test/support/mosquitto.ts'
import { Crowd } from './support/crowd.ts'
import { cpuUs, spread } from './support/process.ts'
import { benchBroker, startEngine } from './support/runs.ts'

const rounds = 5
const clients = 50
const inFlight = 1_000
const requests = 20_000
/** So few at once that nothing queues. */
const calm = { inFlight: 20, requests: 4_000 }
const limitMs = 60_000

interface Subject {
  readonly name: 'tocsin' | 'responder'
  readonly pid: number
  end(): Promise<void>
}

const rules =
  'rules: [{ id: answers, topic: request, respond: { status: success, result: "{{ payload.data }}" } }]'

async function startRule(broker: Mosquitto): Promise<Subject> {
  const engine = await startEngine(broker, rules, 'tocsin.db')
  return { name: 'tocsin', pid: engine.running.pid, end: () => engine.end() }
}

async function startResponder(broker: Mosquitto): Promise<Subject> {
  const script = path.join(import.meta.dirname, 'support/responder.ts')
  const child = spawn(process.execPath, [script, broker.url], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return {
    name: 'responder',
    pid: child.pid ?? 0,
    async end() {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

interface Figures {
  readonly rate: number
  readonly cpu: number
  readonly p50: number
  readonly p99: number
  readonly calmP50: number
  readonly calmP99: number
}

async function measure(subject: Subject, crowd: Crowd): Promise<Figures> {
  await crowd.ask(requests / 10, inFlight, limitMs)
  const before = { cpu: cpuUs(subject.pid), at: performance.now() }
  const full = await crowd.ask(requests, inFlight, limitMs)
  const tookMs = performance.now() - before.at
  const cpu = (cpuUs(subject.pid) - before.cpu) / requests
  const few = await crowd.ask(calm.requests, calm.inFlight, limitMs)
  return {
    rate: (requests / tookMs) * 1000,
    cpu,
    p50: quantile(full, 0.5),
    p99: quantile(full, 0.99),
    calmP50: quantile(few, 0.5),
    calmP99: quantile(few, 0.99),
  }
}

function quantile(latencies: readonly number[], fraction: number): number {
  const sorted = latencies.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length * fraction)] ?? Number.NaN
}

console.log(
  `${process.version}, ${cpus().length} cores (${cpus()[0]?.model}); ${clients} clients, ${inFlight} requests in flight, ${rounds} rounds in turn; median (min–max)`,
)
const figures = { tocsin: [], responder: [] } as Record<Subject['name'], Figures[]>
for (let round = 0; round < rounds; round++) {
  for (const start of round % 2 === 0 ? [startRule, startResponder] : [startResponder, startRule]) {
    const broker = await benchBroker()
    const subject = await start(broker)
    const crowd = await Crowd.connect(broker.url, clients)
    figures[subject.name].push(await measure(subject, crowd))
    await crowd.end()
    await subject.end()
    await broker.close()
  }
}
const of = (name: Subject['name'], key: keyof Figures) => figures[name].map((figure) => figure[key])
for (const name of ['tocsin', 'responder'] as const) {
  console.log(
    `${name}: ${spread(of(name, 'rate'), 0)} requests/s, ${spread(of(name, 'cpu'))} µs of CPU each, ` +
      `p50 ${spread(of(name, 'p50'), 1)} ms, p99 ${spread(of(name, 'p99'), 1)} ms; ` +
      `with ${calm.inFlight} in flight p50 ${spread(of(name, 'calmP50'), 2)} ms, p99 ${spread(of(name, 'calmP99'), 2)} ms`,
  )
}
for (const key of ['p99', 'calmP99'] as const) {
  const ratios = figures.tocsin.map(
    (figure, round) => figure[key] / (figures.responder[round]?.[key] ?? Number.NaN),
  )
  console.log(`${key} against the responder, round by round: ${spread(ratios, 2)}`)
}
