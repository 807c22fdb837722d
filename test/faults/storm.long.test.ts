/** A hundred thousand alerts in a minute, each a conversation of its own: few texts, an exact digest, bounded memory. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, expect, test } from 'vitest'
import { createStore } from '../../src/stores/index.ts'
import { makeDirectory } from '../support/tocsin.ts'
import { TwilioServer, twilioAccount } from '../support/twilio.ts'
import { FaultWorld, hour, minute } from './support/fault-world.ts'

const undo: (() => Promise<unknown> | unknown)[] = []
afterAll(async () => {
  for (const one of undo.reverse()) await one()
})

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
function heapMiB(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 2 ** 20
}

const alerts = 100_000
const perBatch = 1_000
const perHour = 20

test('texts within the cap, the exact number of those held back, memory bounded', {
  timeout: 900_000,
}, async () => {
  const twilio = await TwilioServer.start()
  undo.push(() => twilio.stop())
  const directory = makeDirectory({})
  undo.push(() => directory.remove())
  const store = createStore(`${directory.path}/tocsin.db`)
  const world = await FaultWorld.open({
    store,
    yaml: `
settings:
  twilio:
    account_sid: ${twilioAccount.accountSid}
    auth_token: ${twilioAccount.authToken}
    from: "+15550000000"
    base_url: ${twilio.url}
    caps: { number: { hour: ${perHour} } }
receivers: { ops: { sms: { to: ["+15550101"] } } }
policies: { default: { group_by: [device], steps: [{ notify: [ops] }], resolved: false } }
rules:
  - id: hot
    topic: sensors/+device/data
    max_keys: 200000
    when: payload.temperature > 35
    alert: { severity: critical, summary: "{{ device }} is hot" }
`,
  })
  undo.push(() => store.close())
  undo.push(() => world.end())
  const startedAt = performance.now()
  const heap: number[] = [heapMiB()]
  for (let sent = 0; sent < alerts; sent += perBatch) {
    const devices = Array.from({ length: perBatch }, (_, index) => [`d${sent + index}`, 40] as const)
    await world.reads(Object.fromEntries(devices))
    await world.advance((minute * perBatch) / alerts)
    if ((sent + perBatch) % 20_000 === 0) heap.push(heapMiB())
  }
  const seconds = (performance.now() - startedAt) / 1000
  expect(twilio.messages).toHaveLength(perHour)
  await world.until(hour - minute)
  expect(twilio.messages).toHaveLength(perHour)
  await world.until(hour + 2 * minute)
  const digests = twilio.messages.slice(perHour).map(({ body }) => body)
  expect(digests).toHaveLength(1)
  expect(digests[0]).toContain(`${alerts - perHour} notifications were not sent`)
  // All is over, and a while after nothing is kept of it.
  for (let sent = 0; sent < alerts; sent += perBatch) {
    const devices = Array.from({ length: perBatch }, (_, index) => [`d${sent + index}`, 20] as const)
    await world.reads(Object.fromEntries(devices))
  }
  await world.advance(2 * hour)
  const after = heapMiB()
  console.log(
    `${alerts} alerts in ${seconds.toFixed(0)} s; heap ${heap.map((size) => size.toFixed(0)).join(', ')} MiB ` +
      `at every 20,000, ${after.toFixed(0)} MiB after; digest: ${digests[0]}`,
  )
  const [before = 0] = heap
  expect(((Math.max(...heap) - before) / alerts) * 1024).toBeLessThan(5)
  // What is left is the state of each key, which is kept for its next message.
  expect(((after - before) / alerts) * 1024).toBeLessThan(1.6)
  for (const prefix of ['alert/', 'group/', 'ackcode/', 'told/']) {
    expect(await store.scan(prefix, null, 10)).toEqual({ ok: true, value: [] })
  }
})
