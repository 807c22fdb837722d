/** The engine in a virtual world, with rules written as in a file, which can be edited while it runs. */
import { actions } from '../../src/actions/index.ts'
import { problemReport } from '../../src/cli/problem-report.ts'
import { programOf } from '../../src/cli/service.ts'
import { loadConfiguration } from '../../src/config/load.ts'
import type { Program } from '../../src/core/program.ts'
import { decoders } from '../../src/decoders/index.ts'
import { createStore } from '../../src/stores/index.ts'
import type { Published } from '../../src/tools/test/virtual-world.ts'
import { VirtualWorld } from '../../src/tools/test/virtual-world.ts'
import { makeDirectory } from './tocsin.ts'

export interface OpenWorld {
  readonly world: VirtualWorld
  /** The rules are edited and loaded again. */
  edit(yaml: string): Promise<void>
  send(topic: string, payload?: unknown, more?: { qos?: 0 | 1; retain?: boolean }): Promise<void>
  /** `topic payload` of what was published since this was last asked. */
  published(): string[]
  /** `rule key state` of what is not inactive. */
  states(): Promise<string[]>
}

export async function openWorld(yaml: string, startMs = Date.UTC(2026, 0, 1)): Promise<OpenWorld> {
  const world = new VirtualWorld({
    program: programFrom(yaml),
    brokers: ['default'],
    store: createStore('memory'),
    startMs,
  })
  await world.start()
  return {
    world,
    edit: (next) => world.reload(programFrom(next)),
    send: (topic, payload, more = {}) => world.send({ topic, payload: bytes(payload), ...more }),
    published: () => world.take().publish.map(textOf),
    states: async () =>
      (await world.states()).map(
        ({ rule, key, state }) => `${rule} ${Object.values(key).join(',')} ${state}`,
      ),
  }
}

export function programFrom(yaml: string): Program {
  const directory = makeDirectory({ 'rules.yaml': yaml })
  const loaded = loadConfiguration(directory.path, { env: {}, actions, decoders, zone: 'UTC' })
  directory.remove()
  if (loaded.configuration === null) throw new Error(problemReport(loaded.problems, { colour: false }))
  return programOf(loaded.configuration, { decoders })
}

function bytes(payload: unknown): Uint8Array {
  if (payload === undefined) return new Uint8Array()
  return Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))
}

function textOf({ message }: Published): string {
  return `${message.topic} ${Buffer.from(message.payload).toString()}`
}
