/** Carries out log effects: lines in order, gathered into one write per file, with a bound on open files. */
import type { LogEffect } from '../core/effect.ts'
import { logFileNameFault } from '../core/log-file-name.ts'
import { failureOf, type LogOutcome, permanent, temporary } from './log-failure.ts'
import { createLogFile, type LogFile } from './log-file.ts'
import { csvLine, ndjsonLine } from './log-line.ts'
import { prepareDirectory } from './open-inside.ts'

export interface LogWriterLimits {
  /** Files held open at once; the one unused for longest is closed for the next. */
  readonly openFiles: number
  /** Lines given to `write` that are not on disk yet; more are refused as temporary. */
  readonly waitingLines: number
  readonly lineBytes: number
  /** Files whose columns and size are remembered; must not be less than `openFiles`. */
  readonly knownFiles: number
}

export const defaultLogWriterLimits: LogWriterLimits = {
  openFiles: 256,
  waitingLines: 100_000,
  lineBytes: 1_048_576,
  knownFiles: 10_000,
}

export interface LogWriterOptions {
  /** Made when it does not exist. May itself be a symbolic link; nothing below it may. */
  readonly directory: string
  /** Whether lines are on the disk itself when `write` resolves (one fdatasync per file and call). Default true. */
  readonly fsync?: boolean
  readonly limits?: Partial<LogWriterLimits>
}

export interface LogWriter {
  /**
   * One outcome per effect, in order. Calls made while others are being written are gathered into one round.
   * After a failure the later lines of the same file in the round fail too, so that lines never change places.
   */
  write(effects: readonly LogEffect[]): Promise<readonly LogOutcome[]>
  /** To be called when the rules have changed: files may then take other columns (the old file is rotated). */
  reconfigured(): void
  /** Waits for what was given to `write` and closes the files. `write` must not be called afterwards. */
  close(): Promise<void>
}

/** Files written side by side: the disk takes what waits for it together. */
const filesAtOnce = 16

const written: LogOutcome = { ok: true }

export function createLogWriter(options: LogWriterOptions): LogWriter {
  const limits = { ...defaultLogWriterLimits, ...options.limits }
  const fsync = options.fsync ?? true
  /** Files as this process writes them. Both maps are in order of use, the latest last. */
  const files = new Map<string, KnownFile>()
  const openFiles = new Map<string, LogFile>()
  let waiting: Call[] = []
  let waitingLines = 0
  let running: Promise<void> | null = null
  let closed = false

  function write(effects: readonly LogEffect[]): Promise<readonly LogOutcome[]> {
    if (closed) throw new Error('The log writer is closed.')
    if (waitingLines > 0 && waitingLines + effects.length > limits.waitingLines) {
      const refused = temporary(
        'Too many log lines are waiting for the disk; it is slower than the messages.',
      )
      return Promise.resolve(effects.map(() => refused))
    }
    waitingLines += effects.length
    return new Promise((resolve, reject) => {
      waiting.push({ effects, resolve, reject })
      running ??= run()
    })
  }

  async function run(): Promise<void> {
    // What is given in the same turn of the event loop goes into the first round.
    await null
    while (waiting.length > 0) {
      const calls = waiting
      waiting = []
      await writeRound(calls)
    }
    running = null
  }

  async function writeRound(calls: readonly Call[]): Promise<void> {
    const effects = calls.flatMap((call) => call.effects)
    try {
      const outcomes = await writeNow(effects)
      let from = 0
      for (const call of calls) {
        call.resolve(outcomes.slice(from, from + call.effects.length))
        from += call.effects.length
      }
    } catch (error) {
      for (const call of calls) call.reject(error)
    } finally {
      waitingLines -= effects.length
    }
  }

  async function writeNow(effects: readonly LogEffect[]): Promise<readonly LogOutcome[]> {
    const outcomes: LogOutcome[] = effects.map(() => written)
    const byFile = new Map<string, Group>()
    effects.forEach((effect, index) => {
      const layout = layoutOf(effect)
      const refusal = refusalOf(effect, layout)
      if (refusal !== null) {
        outcomes[index] = refusal
        return
      }
      const text = lineOf(effect)
      if (Buffer.byteLength(text) > limits.lineBytes) {
        outcomes[index] = permanent(
          `A line for the log file ${JSON.stringify(effect.file)} is larger than ${limits.lineBytes} bytes.`,
        )
        return
      }
      const group = byFile.get(effect.file)
      if (group === undefined) byFile.set(effect.file, { effect, layout, indexes: [index], lines: [text] })
      else {
        group.indexes.push(index)
        group.lines.push(text)
      }
    })
    const groups = [...byFile.values()]
    // Never more than may be open: the next file would close one that is being written.
    const atOnce = Math.min(filesAtOnce, limits.openFiles)
    for (let from = 0; from < groups.length; from += atOnce) {
      const together: { readonly file: LogFile; readonly group: Group }[] = []
      for (const group of groups.slice(from, from + atOnce)) {
        try {
          together.push({ file: await fileFor(group.effect), group })
        } catch (error) {
          refuse(group, 0, error, outcomes)
        }
      }
      await Promise.all(together.map(({ file, group }) => append(file, group, outcomes)))
    }
    forgetOldest()
    return outcomes
  }

  async function append(file: LogFile, group: Group, outcomes: LogOutcome[]): Promise<void> {
    const { written: done, error } = await file.append(group.lines, group.effect.rotate)
    if (error !== undefined) refuse(group, done, error, outcomes)
  }

  function refuse({ effect, indexes }: Group, done: number, error: unknown, outcomes: LogOutcome[]): void {
    const failure = failureOf(error, effect.file)
    for (const index of indexes.slice(done)) outcomes[index] = failure
  }

  function refusalOf(effect: LogEffect, layout: string): LogOutcome | null {
    const fault = logFileNameFault(effect.file)
    const name = JSON.stringify(effect.file)
    if (fault !== null) return permanent(`The log file name ${name} ${fault}.`)
    const known = files.get(effect.file)
    if (known?.layout === layout) {
      known.settled = true
      return null
    }
    // Two rules that disagree would rotate the file at every line, until all that was kept is gone.
    if (known?.settled === true) {
      return permanent(
        `The log file ${name} is already written with other columns or in another format. Give each its own file.`,
      )
    }
    files.set(effect.file, { layout, settled: true, file: null, outdated: known?.file ?? null })
    return null
  }

  /** A file that `refusalOf` has let through. */
  async function fileFor(effect: LogEffect): Promise<LogFile> {
    const known = files.get(effect.file)
    if (known === undefined) throw new Error(`The log file ${effect.file} is not known.`)
    await known.outdated?.release()
    known.outdated = null
    if (known.file === null) {
      const header = effect.format === 'csv' ? csvLine(effect.columns) : null
      known.file = createLogFile(await prepareDirectory(options.directory), effect.file, header, fsync)
    }
    files.delete(effect.file)
    files.set(effect.file, known)
    openFiles.delete(effect.file)
    while (openFiles.size >= limits.openFiles) await releaseOldest()
    openFiles.set(effect.file, known.file)
    return known.file
  }

  async function releaseOldest(): Promise<void> {
    for (const [name, file] of openFiles) {
      openFiles.delete(name)
      await file.release()
      return
    }
  }

  function forgetOldest(): void {
    for (const name of files.keys()) {
      if (files.size <= limits.knownFiles) return
      if (!openFiles.has(name)) files.delete(name)
    }
  }

  return {
    write,
    reconfigured() {
      for (const known of files.values()) known.settled = false
    },
    async close() {
      closed = true
      await running
      while (openFiles.size > 0) await releaseOldest()
    },
  }
}

interface Call {
  readonly effects: readonly LogEffect[]
  resolve(outcomes: readonly LogOutcome[]): void
  reject(error: unknown): void
}

interface KnownFile {
  readonly layout: string
  /** False after the rules have changed: the next effect may bring other columns. */
  settled: boolean
  file: LogFile | null
  /** The same file under its earlier columns, whose handle is still to be released. */
  outdated: LogFile | null
}

interface Group {
  /** The first of the file in this round: its rotation holds for all. */
  readonly effect: LogEffect
  readonly layout: string
  readonly indexes: number[]
  readonly lines: string[]
}

function layoutOf(effect: LogEffect): string {
  return effect.format === 'csv' ? JSON.stringify(effect.columns) : 'ndjson'
}

function lineOf(effect: LogEffect): string {
  return effect.format === 'csv' ? csvLine(effect.values) : ndjsonLine(effect.columns, effect.values)
}
