/**
 * What a mail server that takes 30 s for each mail costs the line: latency from a reading to what a rule publishes of
 * it, while alerts open that are told by mail, beside a server that takes them at once. Both at the same time, so that
 * whatever else the machine does meets both. Run `node bench/slow-channel.ts`.
 */
import { cpus } from 'node:os'
import { SMTPServer } from 'smtp-server'
import type { Mosquitto } from '../test/support/mosquitto.ts'
import { makeDirectory, startTocsin } from '../test/support/tocsin.ts'
import { waitFor } from '../test/support/wait-for.ts'
import { Flood, type Out } from './support/flood.ts'
import { spread } from './support/process.ts'
import { benchBroker, listener } from './support/runs.ts'

const rounds = Number(process.argv[2] ?? 5)
const seconds = 10
const readingsPerSecond = 500
const alertsPerSecond = 5
const slowMs = 30_000
const limitMs = 60_000

const rules = `
receivers: { ops: { email: { to: [a@example.com, b@example.com, c@example.com] } } }
policies: { default: { group_by: [device], steps: [{ notify: [ops] }] } }
rules:
  - id: route
    topic: sensors/+device/data
    when: payload.n >= 0
    then: [{ publish: { topic: "bench/{{ device }}", payload: "{{ payload.n }}" } }]
  - id: hot
    topic: hot/+device
    when: payload > 35
    alert: { severity: critical, summary: "{{ device }} is hot", policy: default }
`

interface Figures {
  readonly p50: number
  readonly p99: number
  readonly mails: number
}

interface Subject {
  measure(round: number): Promise<Figures>
  end(): Promise<void>
}

async function open(broker: Mosquitto, mailMs: number): Promise<Subject> {
  let mails = 0
  const timers = new Set<NodeJS.Timeout>()
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData(stream, _session, callback) {
      stream.resume()
      stream.on('end', () => {
        const timer = setTimeout(() => {
          timers.delete(timer)
          mails += 1
          callback()
        }, mailMs)
        timers.add(timer)
      })
    },
  })
  smtp.on('error', () => {})
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve))
  const address = smtp.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const directory = makeDirectory({
    'rules/rules.yaml': `brokers: { default: { url: "${broker.url}", client_id: bench-tocsin } }
settings:
  storage: tocsin.db
  http: { listen: off }
  smtp: { url: "smtp://127.0.0.1:${port}", from: tocsin@example.com }
${rules}`,
  })
  const running = startTocsin(['run', 'rules', '--log-level', 'error'], { cwd: directory.path })
  const ear = await listener(broker)
  const arrivedAt: number[] = []
  const put = ear.heard.put.bind(ear.heard)
  ear.heard.put = (...items) => {
    put(...items)
    for (const { payload } of items) arrivedAt[Number(payload)] = performance.now()
    ear.heard.items.length = 0
  }
  const flood = await Flood.connect(broker.port)
  await waitFor(
    'Tocsin to listen',
    async () => {
      await flood.send([{ topic: 'sensors/probe/data', payload: '{"n":0}' }])
      return arrivedAt[0] !== undefined
    },
    limitMs,
  )
  const count = seconds * readingsPerSecond
  const run = async (alerts: string) => {
    const outs: Out[] = []
    const numbers: number[] = []
    for (let n = 1; n <= count; n++) {
      numbers[outs.length] = n
      outs.push({ topic: `sensors/d${n % 500}/data`, payload: `{"n":${n}}` })
      if (n % (readingsPerSecond / alertsPerSecond) === 0)
        outs.push({ topic: `hot/${alerts}${n}`, payload: '40' })
    }
    arrivedAt.length = 1
    const sentAt: number[] = []
    await flood.pace(outs, readingsPerSecond + alertsPerSecond, (index) => {
      const n = numbers[index]
      if (n !== undefined) sentAt[n] = performance.now()
    })
    await waitFor('all readings', () => Object.keys(arrivedAt).length > count, limitMs)
    return sentAt.map((at, n) => (arrivedAt[n] ?? Number.NaN) - at).filter((ms) => !Number.isNaN(ms))
  }
  const quantile = (sorted: readonly number[], fraction: number) =>
    sorted[Math.floor(sorted.length * fraction)] ?? Number.NaN
  return {
    async measure(round) {
      mails = 0
      const latencies = (await run(`r${round}x`)).sort((a, b) => a - b)
      return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), mails }
    },
    async end() {
      flood.end()
      await ear.end()
      for (const timer of timers) clearTimeout(timer)
      await running.kill()
      smtp.close()
      directory.remove()
      await broker.close()
    },
  }
}

console.log(
  `${process.version}, ${cpus().length} cores (${cpus()[0]?.model}); ${readingsPerSecond} readings/s and ` +
    `${alertsPerSecond} alerts/s to three addresses for ${seconds} s, ${rounds} rounds; median (min–max)`,
)
const names = ['at once', '30 s a mail'] as const
const subjects = [await open(await benchBroker(), 0), await open(await benchBroker(), slowMs)]
const figures: Figures[][] = [[], []]
// The first round warms up, and lets mails pile up.
for (let round = 0; round <= rounds; round++) {
  const measured = await Promise.all(subjects.map((subject) => subject.measure(round)))
  if (round === 0) continue
  for (const [index, one] of measured.entries()) figures[index]?.push(one)
}
for (const [index, name] of names.entries()) {
  const of = (key: keyof Figures) => figures[index]?.map((figure) => figure[key]) ?? []
  console.log(
    `${name}: p50 ${spread(of('p50'), 2)} ms, p99 ${spread(of('p99'), 2)} ms, ${spread(of('mails'), 0)} mails`,
  )
}
const [fast = [], slow = []] = figures
for (const key of ['p50', 'p99'] as const) {
  const ratios = slow.map((figure, round) => figure[key] / (fast[round]?.[key] ?? Number.NaN))
  console.log(`${key} of the slow one against the other in the same round: ${spread(ratios, 2)}`)
}
for (const subject of subjects) await subject.end()
process.exit(0)
