/** Tocsin as a process of its own beside a real Mosquitto, for measuring from outside. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Mosquitto, startMosquitto } from '../../test/support/mosquitto.ts'
import { connectClient, type TestClient } from '../../test/support/mqtt-client.ts'
import { makeDirectory, type Running, startTocsin } from '../../test/support/tocsin.ts'

export function benchBroker(): Promise<Mosquitto> {
  return startMosquitto({
    lines: ['max_inflight_messages 1000', 'max_queued_messages 0', 'log_type error', 'sys_interval 0'],
  })
}

export interface Engine {
  readonly running: Running
  readonly directory: string
  /** Ends it and removes its directory. */
  end(): Promise<void>
}

/** Resolves when it has subscribed. `storage` is relative to its directory, or `memory`. */
export async function startEngine(
  broker: Mosquitto,
  rules: string,
  storage: string,
  clientId = 'tocsin-bench',
  directory = makeDirectory({}).path,
): Promise<Engine> {
  const brokers = `
brokers: { default: { url: "${broker.url}", client_id: ${clientId} } }
settings: { storage: ${storage} }
`
  mkdirSync(path.join(directory, 'rules'), { recursive: true })
  writeFileSync(path.join(directory, 'rules/rules.yaml'), rules)
  writeFileSync(path.join(directory, 'rules/broker.yaml'), brokers)
  const running = startTocsin(['run', 'rules'], { cwd: directory })
  await running.line('subscribed', 60_000)
  return {
    running,
    directory,
    async end() {
      await running.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** A client that hears what the engine publishes below `bench/`. */
export async function listener(broker: Mosquitto): Promise<TestClient> {
  const client = await connectClient(broker.url)
  await client.subscribe('bench/#')
  return client
}
