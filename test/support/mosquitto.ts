/** Real Mosquitto brokers for tests: each in a directory of its own, on a free port of 127.0.0.1, ended by its pid. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { waitFor, within } from './wait-for.ts'

export interface MosquittoOptions {
  /** Names and passwords; when given, nobody else is let in. */
  readonly users?: Readonly<Record<string, string>>
  /** Keep sessions and retained messages on disk, over `stop` and `restart`. A `kill` loses what was not saved. */
  readonly persistence?: boolean
  /** Lines of an access control list. */
  readonly acl?: readonly string[]
  /** PEM files for TLS on the main listener. */
  readonly tls?: {
    readonly cert: string
    readonly key: string
    readonly ca?: string
    readonly requireCertificate?: boolean
  }
  /** Adds a WebSocket listener. */
  readonly websockets?: boolean
  /** More lines of the configuration, for the whole broker. */
  readonly lines?: readonly string[]
}

export interface Mosquitto {
  readonly port: number
  /** Null without `websockets`. */
  readonly websocketPort: number | null
  /** mqtt:// or, with TLS, mqtts://, at 127.0.0.1. */
  readonly url: string
  readonly log: string
  /** Of the running process; 0 when it is down. */
  readonly pid: number
  /** Ends it as a crash would: nothing is saved, nobody is told. */
  kill(): Promise<void>
  /** Ends it properly; with `persistence` what it knows is saved. */
  stop(): Promise<void>
  /** Starts it again on the same port, after `kill` or `stop`, or stops it first. */
  restart(): Promise<void>
  /** Ends it, and removes its directory. */
  close(): Promise<void>
}

const programs = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto', '/opt/homebrew/sbin/mosquitto']

/** For tests that cannot do without: `describe.skipIf(!hasMosquitto)`. */
export const hasMosquitto = programs.some((program) => existsSync(program))

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const program = programs.find((candidate) => existsSync(candidate)) ?? 'mosquitto'
  const directory = mkdtempSync(path.join(tmpdir(), 'mosquitto-'))
  const file = (name: string) => path.join(directory, name)
  const port = await freePort()
  const websocketPort = options.websockets === true ? await freePort() : null
  const { users, tls, acl } = options
  const lines = [
    'per_listener_settings false',
    `allow_anonymous ${users === undefined}`,
    'set_tcp_nodelay true',
    'max_queued_messages 100000',
    'log_dest stderr',
    `persistence ${options.persistence === true}`,
    `persistence_location ${directory}/`,
    // A broker started by root changes to this user, and has to write there.
    `user ${process.env.USER ?? 'root'}`,
  ]
  if (users !== undefined) {
    writeFileSync(
      file('passwords'),
      Object.entries(users)
        .map(([name, password]) => `${name}:${password}\n`)
        .join(''),
      {
        mode: 0o600,
      },
    )
    execFileSync('mosquitto_passwd', ['-U', file('passwords')])
    lines.push(`password_file ${file('passwords')}`)
  }
  if (acl !== undefined) {
    writeFileSync(file('acl'), `${acl.join('\n')}\n`, { mode: 0o600 })
    lines.push(`acl_file ${file('acl')}`)
  }
  lines.push(...(options.lines ?? []), `listener ${port} 127.0.0.1`)
  if (tls !== undefined) {
    lines.push(`certfile ${tls.cert}`, `keyfile ${tls.key}`)
    if (tls.ca !== undefined)
      lines.push(`cafile ${tls.ca}`, `require_certificate ${tls.requireCertificate === true}`)
  }
  if (websocketPort !== null) lines.push(`listener ${websocketPort} 127.0.0.1`, 'protocol websockets')
  writeFileSync(file('mosquitto.conf'), `${lines.join('\n')}\n`)

  let child: ChildProcess | null = null
  let log = ''

  const start = async () => {
    const started = spawn(program, ['-c', file('mosquitto.conf')], { stdio: ['ignore', 'ignore', 'pipe'] })
    child = started
    started.stderr.on('data', (text: Buffer) => {
      log = (log + text.toString()).slice(-20_000)
    })
    await waitFor(`mosquitto to accept connections\n${log}`, async () => {
      if (started.exitCode !== null) throw new Error(`mosquitto ended with ${started.exitCode}:\n${log}`)
      return await accepts(port)
    })
  }
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    const ending = child
    child = null
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return
    const gone = new Promise((resolve) => ending.once('exit', resolve))
    ending.kill(signal)
    await within(20_000, 'mosquitto to end', gone)
  }

  await start()
  return {
    port,
    websocketPort,
    url: `${tls === undefined ? 'mqtt' : 'mqtts'}://127.0.0.1:${port}`,
    get log() {
      return log
    },
    get pid() {
      return child?.pid ?? 0
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    restart: async () => {
      await end('SIGTERM')
      await start()
    },
    close: async () => {
      await end('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
