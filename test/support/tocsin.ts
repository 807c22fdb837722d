/** The real program for end-to-end tests: commands that end, and programs that run until they are stopped. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable, Writable } from 'node:stream'
import { runCli } from '../../src/cli/cli.ts'
import { parts, version } from '../../src/compose.ts'
import { Inbox, within } from './wait-for.ts'

const root = path.resolve(import.meta.dirname, '../..')

export interface LogLine {
  readonly level: string
  readonly msg: string
  readonly [field: string]: unknown
}

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A directory with the given files; the caller removes it. */
export function makeDirectory(files: Readonly<Record<string, string>>): { path: string; remove(): void } {
  const directory = mkdtempSync(path.join(tmpdir(), 'tocsin-'))
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(directory, name)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  return { path: directory, remove: () => rmSync(directory, { recursive: true, force: true }) }
}

/** Runs a command to its end, in this process: starting one costs more than most commands. */
export async function tocsin(
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string; input?: string; isTTY?: boolean } = {},
): Promise<Finished> {
  const stdout = new Collected(options.isTTY === true)
  const stderr = new Collected(options.isTTY === true)
  const leave = enter(options.cwd ?? root)
  const running = runCli(args, version, parts, {
    env: options.env ?? {},
    stdout,
    stderr,
    stdin: Readable.from(options.input === undefined ? [] : [Buffer.from(options.input)]),
    zone: 'UTC',
    stopRequested: () => new Promise(() => {}),
    onHangup: () => () => {},
  })
  const code = await within(40_000, `tocsin ${args.join(' ')} to end`, running).finally(leave)
  return { code, stdout: stdout.text, stderr: stderr.text }
}

/** Commands that run side by side are in the same directory. */
let inside = 0
const home = process.cwd()

function enter(directory: string): () => void {
  inside++
  if (process.cwd() !== directory) process.chdir(directory)
  return () => {
    if (--inside === 0) process.chdir(home)
  }
}

class Collected extends Writable {
  text = ''
  readonly isTTY: boolean

  constructor(isTTY: boolean) {
    super()
    this.isTTY = isTTY
  }

  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    this.text += String(chunk)
    done()
  }
}

export interface Running {
  readonly lines: Inbox<LogLine>
  readonly stderr: () => string
  readonly pid: number
  /** The first line, old or new, with this message. */
  line(msg: string | RegExp, limitMs?: number): Promise<LogLine>
  signal(name: NodeJS.Signals): void
  /** Asks it to stop, and gives its exit code. */
  stop(): Promise<number | null>
  /** As a crash would. */
  kill(): Promise<void>
}

/** Starts a command that keeps running; its JSON lines come one by one. */
export function startTocsin(
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Running {
  const child = launch(args, options)
  const lines = new Inbox<LogLine>()
  let rest = ''
  let stderr = ''
  child.stdout?.on('data', (chunk) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    lines.put(...parts.filter((part) => part.startsWith('{')).map((part) => JSON.parse(part) as LogLine))
  })
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  const end = ended(child)
  return {
    lines,
    stderr: () => stderr,
    pid: child.pid ?? 0,
    line: (msg, limitMs = 20_000) =>
      lines.first(
        `the line "${msg}"; stderr: ${stderr}`,
        (line) => (typeof msg === 'string' ? line.msg === msg : msg.test(line.msg)),
        limitMs,
      ),
    signal: (name) => void child.kill(name),
    stop() {
      child.kill('SIGTERM')
      return within(10_000, 'tocsin to stop', end)
    },
    async kill() {
      child.kill('SIGKILL')
      await end
    },
  }
}

function launch(
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string },
): ChildProcess {
  return spawn(process.execPath, [path.join(root, 'src/main.ts'), ...args], {
    cwd: options.cwd ?? root,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TZ: 'UTC', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)))
}
