/** A configuration directory for one test, loaded with the real actions and decoders. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { actions } from '../../src/actions/index.ts'
import { channels } from '../../src/channels/index.ts'
import { problemReport } from '../../src/cli/problem-report.ts'
import { type LoadDependencies, type LoadedConfiguration, loadConfiguration } from '../../src/config/load.ts'
import { decoders } from '../../src/decoders/index.ts'

type Env = Readonly<Record<string, string>>

export class Workspace {
  readonly directory: string

  constructor(files: Readonly<Record<string, string | Uint8Array>> = {}) {
    this.directory = mkdtempSync(join(tmpdir(), 'tocsin-config-'))
    onTestFinished(() => rmSync(this.directory, { recursive: true, force: true }))
    for (const [name, content] of Object.entries(files)) this.write(name, content)
  }

  write(name: string, content: string | Uint8Array): void {
    const path = join(this.directory, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }

  path(name: string): string {
    return join(this.directory, name)
  }

  load(env: Env = {}, more: Partial<LoadDependencies> = {}): LoadedConfiguration {
    return loadConfiguration(this.directory, {
      env,
      actions,
      decoders,
      channels,
      zone: 'Europe/Berlin',
      ...more,
    })
  }

  /** What people see, with paths as if the directory were `rules`. */
  report(env: Env = {}, more: Partial<LoadDependencies> = {}): string {
    return problemReport(this.load(env, more).problems, { colour: false }).replaceAll(this.directory, 'rules')
  }
}

/** `file:line:column code` of each problem. */
export function places(loaded: LoadedConfiguration, directory: string): string[] {
  return loaded.problems.map(
    ({ file, line, column, code }) =>
      `${file.replace(directory, '').replace(/^\//, '')}:${line}:${column} ${code}`,
  )
}

/** A rule that is good but for the lines given, which stand at line 4. */
export function ruleWith(lines: string): string {
  return `rules:
  - id: hot
    topic: sensors/+device/data
    ${lines}
    then:
      - publish: { topic: out, payload: x }
`
}

export const goodRule = ruleWith('when: payload.temperature > 35')
