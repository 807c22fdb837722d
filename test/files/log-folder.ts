/** A log directory of its own for each test, and short words for what is written to it. */
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import type { LogEffect } from '../../src/core/effect.ts'
import { createLogWriter, type LogWriter, type LogWriterOptions } from '../../src/files/log-writer.ts'

export interface LogFolder {
  readonly path: string
  /** Beside the log directory, outside of it. */
  readonly outside: string
  /** A writer that the end of the test closes. */
  writer(options?: Partial<LogWriterOptions>): LogWriter
  /** With plain line ends, which are easier to read in tests. */
  read(file: string): Promise<string>
  /** As it is on the disk. */
  bytes(file: string): Promise<string>
  lines(file: string): Promise<string[]>
}

export function useLogFolder(): LogFolder {
  let base = ''
  let writers: LogWriter[] = []
  beforeEach(async () => {
    base = await realpath(await mkdtemp(join(tmpdir(), 'tocsin-files-')))
  })
  afterEach(async () => {
    for (const writer of writers) await writer.close()
    writers = []
    await rm(base, { recursive: true, force: true })
  })
  const folder: LogFolder = {
    get path() {
      return join(base, 'log')
    },
    get outside() {
      return base
    },
    writer(options) {
      const writer = createLogWriter({ directory: folder.path, fsync: false, ...options })
      writers.push(writer)
      return writer
    },
    read: async (file) => (await folder.bytes(file)).replaceAll('\r\n', '\n'),
    bytes: (file) => readFile(join(folder.path, file), 'utf8'),
    lines: async (file) => (await folder.read(file)).split('\n').slice(0, -1),
  }
  return folder
}

const tenMebibytes = 10 * 1_048_576

export function csv(
  file: string,
  record: Record<string, LogEffect['values'][number]>,
  rotate = { sizeBytes: tenMebibytes, keep: 5 },
): LogEffect {
  return {
    kind: 'log',
    file,
    format: 'csv',
    columns: Object.keys(record),
    values: Object.values(record),
    rotate,
  }
}

export function ndjson(file: string, record: Record<string, LogEffect['values'][number]>): LogEffect {
  return { ...csv(file, record), format: 'ndjson' }
}
