/** Runs the doctor in this process on a directory of rules, with all its real parts. */
import path from 'node:path'
import { actions } from '../../../src/actions/index.ts'
import { channels } from '../../../src/channels/index.ts'
import { runCli } from '../../../src/cli/cli.ts'
import { type DoctorOptions, doctorSections } from '../../../src/cli/doctor-sections.ts'
import type { Parts, Surroundings } from '../../../src/cli/parts.ts'
import { load, Service } from '../../../src/cli/service.ts'
import { decoders } from '../../../src/decoders/index.ts'
import { createLogWriter } from '../../../src/files/log-writer.ts'
import { startEmbeddedBroker } from '../../../src/mqtt/embedded-broker.ts'
import { createBroker } from '../../../src/mqtt/index.ts'
import { createStore } from '../../../src/stores/index.ts'
import { type PlacedFinding, runSections } from '../../../src/tools/doctor/finding.ts'
import { createPing } from '../../../src/web/ping.ts'
import { startWebServer } from '../../../src/web/server.ts'
import { realClock } from '../../support/real-clock.ts'
import { makeDirectory } from '../../support/tocsin.ts'

const parts: Parts = {
  version: '0.0.0-test',
  actions,
  decoders,
  channels,
  clock: realClock,
  createBroker,
  startEmbeddedBroker,
  createStore,
  createLogWriter,
  startWebServer,
  createPing,
}

export interface Clinic {
  readonly path: string
  file(name: string): string
  /** Every finding, in order. */
  examine(options?: Partial<DoctorOptions>): Promise<Findings>
  /** As `tocsin doctor`: what it prints, 100 columns wide, and its exit code. */
  run(...flags: string[]): Promise<{ code: number; text: string; errors: string }>
  /** A Tocsin that runs with these rules, in this process. */
  startTocsin(): Promise<Service>
  remove(): void
}

export class Findings {
  readonly all: readonly PlacedFinding[]

  constructor(all: readonly PlacedFinding[]) {
    this.all = all
  }

  /** The finding of a check, of which there is one. */
  of(check: string): PlacedFinding {
    const found = this.every(check)
    const [first] = found
    if (first === undefined || found.length > 1)
      throw new Error(`${found.length} findings of ${check}: ${JSON.stringify(this.all, null, 1)}`)
    return first
  }

  every(check: string): readonly PlacedFinding[] {
    return this.all.filter((finding) => finding.check === check)
  }

  get failed(): readonly string[] {
    return this.all.filter(({ state }) => state === 'fail').map(({ check }) => check)
  }

  get warned(): readonly string[] {
    return this.all.filter(({ state }) => state === 'warn').map(({ check }) => check)
  }
}

/** `DATA` in the text stands for a directory that is removed with the clinic. */
export function openClinic(text: string, env: Readonly<Record<string, string>> = {}): Clinic {
  const directory = makeDirectory({})
  const rules = makeDirectory({ 'rules.yaml': text.replaceAll('DATA', directory.path) })
  const surroundings = (write: (text: string) => void, fail: (text: string) => void): Surroundings => ({
    env,
    stdout: Object.assign(Object.create(process.stdout), {
      write: (said: string) => write(said),
      isTTY: false,
      columns: 100,
    }),
    stderr: Object.assign(Object.create(process.stderr), {
      write: (said: string) => fail(said),
      isTTY: false,
    }),
    stdin: process.stdin,
    zone: 'UTC',
    stopRequested: () => new Promise(() => {}),
    onHangup: () => () => {},
  })
  const nothing = () => {}
  return {
    path: rules.path,
    file: (name) => path.join(directory.path, name),
    async examine(options = {}) {
      const around = surroundings(nothing, nothing)
      const loaded = load(rules.path, parts, around)
      const told: PlacedFinding[] = []
      const wanted = {
        listenMs: 300,
        watchMs: 300,
        thorough: false,
        mosquittoConf: path.join(directory.path, 'no-mosquitto.conf'),
        ...options,
      }
      await runSections(doctorSections(rules.path, loaded, wanted, parts, around), 30_000, (finding) =>
        told.push(finding),
      )
      return new Findings(told)
    },
    async run(...flags) {
      let text = ''
      let errors = ''
      const around = surroundings(
        (said) => {
          text += said
        },
        (said) => {
          errors += said
        },
      )
      const code = await runCli(['doctor', rules.path, ...flags], '0.0.0-test', parts, around)
      return { code, text, errors }
    },
    async startTocsin() {
      const around = surroundings(nothing, nothing)
      const { configuration, problems } = load(rules.path, parts, around)
      if (configuration === null) throw new Error(problems.map(({ message }) => message).join('; '))
      const observer = new Proxy({}, { get: () => nothing }) as ConstructorParameters<
        typeof Service
      >[1]['observer'] extends (...given: never[]) => infer O
        ? O
        : never
      const service = new Service(
        configuration,
        { directory: rules.path, observer: () => observer, reloaded: nothing },
        parts,
        around,
      )
      const failure = await service.start()
      if (failure !== null) throw new Error(failure.message)
      return service
    },
    remove() {
      directory.remove()
      rules.remove()
    },
  }
}

/** Rules with nothing around them that could be wrong. */
export function quietRules(broker: string, more = ''): string {
  return `
brokers: { default: ${broker} }
settings: { storage: DATA/tocsin.db, log_directory: DATA/logs, http: { listen: "127.0.0.1:0" } }
rules:
  - id: overheating
    topic: sensors/+device/data
    when: payload.temperature > 35
    then: [{ publish: { topic: "sensors/{{ device }}/alert", payload: hot } }]
${more}`
}
