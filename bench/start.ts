/**
 * How long it takes to begin: `check` over a thousand rules, and `run` from the start of the process until the broker
 * has answered to the subscriptions, with what Node kept compiled from last time (warm) and without (cold). Run
 * `node bench/start.ts`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { makeDirectory, startTocsin, tocsin } from '../test/support/tocsin.ts'
import { spread } from './support/process.ts'
import { benchBroker } from './support/runs.ts'

const runs = 5

/** Rules as people write them: some without state, some that hold, some with a window. */
function rulesFile(count: number, head = ''): string {
  const rules = Array.from({ length: count }, (_, index) => {
    const topic = `site${index}/sensors/+device/data`
    const publish = `then: [{ publish: { topic: "site${index}/alerts/{{ device }}", payload: { type: high_temp, value: "{{ payload.temperature }}" } } }]`
    const more = ['', 'for: 2m, ', 'window: { over: 5m }, '][index % 3]
    const when =
      index % 3 === 2 ? 'window.count > 10 and payload.temperature > 30' : 'payload.temperature > 35'
    return `  - { id: rule-${index}, topic: ${topic}, when: ${when}, ${more}${publish} }`
  })
  return `${head}rules:\n${rules.join('\n')}\n`
}

async function inTurn(work: (env: Record<string, string>) => Promise<number>): Promise<string> {
  const warm: number[] = []
  const cold: number[] = []
  const kept = mkdtempSync(path.join(tmpdir(), 'compiled-'))
  // The first run fills the cache and is not counted.
  await work({ NODE_COMPILE_CACHE: kept })
  for (let run = 0; run < runs; run++) {
    warm.push(await work({ NODE_COMPILE_CACHE: kept }))
    const empty = mkdtempSync(path.join(tmpdir(), 'compiled-'))
    cold.push(await work({ NODE_COMPILE_CACHE: empty }))
    rmSync(empty, { recursive: true, force: true })
  }
  rmSync(kept, { recursive: true, force: true })
  return `${spread(warm, 0)} ms warm, ${spread(cold, 0)} ms cold`
}

async function benchCheck(count: number): Promise<void> {
  const head = 'brokers: { default: { url: "mqtt://127.0.0.1:1" } }\n'
  const directory = makeDirectory({ 'rules.yaml': rulesFile(count, head) })
  const text = await inTurn(async (env) => {
    const startedAt = performance.now()
    const { code, stdout, stderr } = await tocsin(['check', directory.path], { env })
    if (code !== 0) throw new Error(`check ended with ${code}: ${stdout}${stderr}`)
    return performance.now() - startedAt
  })
  console.log(`check ${count} rules: ${text}`)
  directory.remove()
}

async function benchRun(count: number): Promise<void> {
  const broker = await benchBroker()
  const head = `brokers: { default: { url: "${broker.url}", client_id: bench-start } }\nsettings: { storage: tocsin.db }\n`
  const directory = makeDirectory({ 'rules/rules.yaml': rulesFile(count, head) })
  const text = await inTurn(async (env) => {
    const startedAt = performance.now()
    const running = startTocsin(['run', 'rules'], { env, cwd: directory.path })
    await running.line('subscribed', 30_000)
    const tookMs = performance.now() - startedAt
    await running.stop()
    return tookMs
  })
  console.log(`run ${count} rules, until subscribed: ${text}`)
  directory.remove()
  await broker.close()
}

console.log(`${process.version}; median (min–max) of ${runs} runs, warm and cold in turn`)
await benchCheck(10)
await benchCheck(1_000)
await benchRun(100)
await benchRun(1_000)
