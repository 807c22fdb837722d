/** The system's Python with version 1 of paho-mqtt, and programs run with it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { Inbox, within } from './wait-for.ts'

const interpreter = '/usr/bin/python3'
/** `.ci/run` installs python3-paho-mqtt where it is missing. */
export const hasPaho =
  spawnSync(interpreter, ['-c', 'import paho.mqtt as m; exit(not m.__version__.startswith("1."))']).status ===
  0

export interface PythonProgram {
  /** What it prints, line by line. */
  readonly lines: Inbox<string>
  line(text: string): Promise<string>
  /** Ends it, as Ctrl+C (SIGINT) or a crash (SIGKILL) would. */
  end(signal: 'SIGINT' | 'SIGKILL'): Promise<void>
  /** Resolves to its exit code. */
  readonly ended: Promise<number | null>
}

export function startPython(args: readonly string[], cwd: string): PythonProgram {
  const child: ChildProcess = spawn(interpreter, ['-u', ...args], {
    cwd,
    env: { PATH: process.env.PATH, PYTHONUTF8: '1', PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines = new Inbox<string>()
  let rest = ''
  let errors = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    lines.put(...parts)
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-2_000)
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    lines,
    ended,
    line: (text) =>
      lines.first(`${args.join(' ')} to print "${text}"; it said: ${errors}`, (line) => line.includes(text)),
    async end(signal) {
      child.kill(signal)
      await within(10_000, `${args.join(' ')} to end`, ended)
    },
  }
}
