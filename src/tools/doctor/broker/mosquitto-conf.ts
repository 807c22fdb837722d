/** Reads what a configuration of Mosquitto says, with the files it includes. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

export interface MosquittoConf {
  /** The last value of each setting, by its name. */
  readonly values: ReadonlyMap<string, string>
  /** Values of `plugin` and `plugin_opt_…` lines, and others that may stand often. */
  readonly plugins: readonly string[]
  /** Where it listens. */
  readonly ports: readonly number[]
  /** Directories that it includes and that cannot be read here: what they say is not known. */
  readonly unread: readonly string[]
}

export type ReadConf =
  | { readonly ok: true; readonly conf: MosquittoConf }
  /** `code`: as of the system, such as ENOENT or EACCES. */
  | { readonly ok: false; readonly code: string }

/** Where Mosquitto listens unless told otherwise. */
const defaultPort = 1883
const filesLimit = 100
const fileLimitBytes = 1_048_576

export function readMosquittoConf(file: string): ReadConf {
  const values = new Map<string, string>()
  const plugins: string[] = []
  const ports: number[] = []
  const unread: string[] = []
  const waiting = [file]
  for (let read = 0; read < waiting.length && read < filesLimit; read++) {
    const name = waiting[read] ?? file
    let text: string
    try {
      text = readFileSync(name, 'utf8').slice(0, fileLimitBytes)
    } catch (error) {
      if (read === 0) return { ok: false, code: codeOf(error) }
      unread.push(name)
      continue
    }
    for (const line of text.split('\n')) {
      const [, key = '', value = ''] = /^\s*([a-z0-9_]+)\s*(.*?)\s*$/.exec(line) ?? []
      if (key === '') continue
      if (key === 'include_dir') waiting.push(...included(value, unread))
      else if (key === 'listener' || key === 'port') ports.push(Number.parseInt(value, 10))
      else if (key === 'plugin' || key === 'global_plugin') plugins.push(value)
      values.set(key, value)
    }
  }
  return { ok: true, conf: { values, plugins, ports: ports.length === 0 ? [defaultPort] : ports, unread } }
}

function included(directory: string, unread: string[]): string[] {
  try {
    const names = readdirSync(directory).filter((name) => name.endsWith('.conf'))
    return names.sort().map((name) => path.join(directory, name))
  } catch {
    unread.push(directory)
    return []
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
