/** Mosquitto with the very files of deploy/mosquitto; only paths, port and user are put in their places. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import mqtt, { type IClientOptions, type IConnackPacket, type MqttClient } from 'mqtt'
import { freePort, hasMosquitto } from '../support/mosquitto.ts'
import { Inbox, waitFor, within } from '../support/wait-for.ts'

/** MOSQUITTO names another broker to try the files with, MOSQUITTO_PERSIST_SQLITE its plugin. */
const program = process.env.MOSQUITTO ?? '/usr/sbin/mosquitto'
const plugin = process.env.MOSQUITTO_PERSIST_SQLITE ?? '/usr/lib/mosquitto_persist_sqlite.so'
const shipped = path.resolve(import.meta.dirname, '../../deploy')

export const canRun = hasMosquitto || process.env.MOSQUITTO !== undefined
/** Whether this broker can keep its sessions as docker-compose.yml has it. */
export const hasSqlite = canRun && existsSync(plugin)
export const persistence = hasSqlite ? 'persistence-2.1' : 'persistence-2.0'

export interface Guest {
  readonly client: MqttClient
  readonly greeting: IConnackPacket
  /** All it was sent, as `topic text`. */
  readonly heard: Inbox<string>
}

export interface ShippedMosquitto {
  readonly directory: string
  readonly log: string
  /** Connects with the password that make-secrets.sh gave the user; a refused connection throws. */
  connect(user: string | null, options?: IClientOptions): Promise<Guest>
  /** mqtt:// at 127.0.0.1. */
  readonly url: string
  /** The password that make-secrets.sh gave the user. */
  passwordOf(user: string): string
  kill(): Promise<void>
  /** Ends it properly: what it knows is saved. */
  stop(): Promise<void>
  start(): Promise<void>
  close(): Promise<void>
}

/** `mosquitto` and `make-secrets.sh` both write what they have to say to the standard error or output. */
export function makeSecrets(directory: string, ...users: readonly string[]): string {
  const run = spawnSync(path.join(shipped, 'make-secrets.sh'), users, {
    env: { ...process.env, SECRETS_DIRECTORY: directory },
    encoding: 'utf8',
  })
  if (run.status !== 0)
    throw new Error(`make-secrets.sh ended with ${run.status}: ${run.stdout}${run.stderr}`)
  return run.stdout + run.stderr
}

export async function startShippedMosquitto(): Promise<ShippedMosquitto> {
  const directory = mkdtempSync(path.join(tmpdir(), 'shipped-mosquitto-'))
  const place = (name: string) => path.join(directory, name)
  const port = await freePort()
  const fill = (file: string) =>
    readFileSync(path.join(shipped, 'mosquitto', file), 'utf8')
      .replaceAll('/run/secrets/', `${place('secrets')}/`)
      .replaceAll('/mosquitto/config/', `${place('config')}/`)
      .replaceAll('/mosquitto/data/', `${place('data')}/`)
      .replace('/usr/lib/mosquitto_persist_sqlite.so', plugin)
      .replace(/^listener 1883$/m, `listener ${port} 127.0.0.1`)

  mkdirSync(place('config/persistence'), { recursive: true })
  mkdirSync(place('data'))
  makeSecrets(place('secrets'), 'device-1', 'device-2')
  const user = execFileSync('id', ['-un'], { encoding: 'utf8' }).trim()
  writeFileSync(place('config/mosquitto.conf'), `user ${user}\n${fill('mosquitto.conf')}`)
  writeFileSync(place('config/acl'), fill('acl'), { mode: 0o600 })
  for (const file of readdirSync(path.join(shipped, 'mosquitto', persistence)))
    writeFileSync(place(`config/persistence/${file}`), fill(`${persistence}/${file}`))

  let child: ChildProcess | null = null
  let log = ''
  const passwordOf = (name: string) => readFileSync(place(`secrets/${name}_password.txt`), 'utf8').trim()

  const start = async () => {
    const started = spawn(program, ['-c', place('config/mosquitto.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child = started
    started.stderr.on('data', (text: Buffer) => {
      log = (log + text.toString()).slice(-20_000)
    })
    await waitFor('mosquitto to accept connections', async () => {
      if (started.exitCode !== null) throw new Error(`mosquitto ended with ${started.exitCode}:\n${log}`)
      return await new Promise<boolean>((resolve) => {
        const socket = net.connect(port, '127.0.0.1')
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
        socket.once('connect', () => socket.destroy())
      })
    })
  }
  const end = async (signal: 'SIGKILL' | 'SIGTERM') => {
    const ending = child
    child = null
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return
    const gone = new Promise((resolve) => ending.once('exit', resolve))
    ending.kill(signal)
    await within(20_000, 'mosquitto to end', gone)
  }

  await start()
  return {
    directory,
    get log() {
      return log
    },
    connect: async (user, options = {}) => {
      const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, {
        protocolVersion: 5,
        reconnectPeriod: 0,
        ...(user === null ? {} : { username: user, password: passwordOf(user) }),
        ...options,
      })
      // Listening from the first: what waited for a session comes right after the greeting.
      const heard = new Inbox<string>()
      client.on('message', (topic, payload) => heard.put(`${topic} ${payload.toString()}`))
      const greeted = new Promise<IConnackPacket>((resolve, reject) => {
        client.once('connect', resolve)
        client.on('error', reject)
      })
      const greeting = await within(20_000, `${user ?? 'nobody'} to be let in`, greeted).catch(
        (error: unknown) => {
          client.end(true)
          throw error
        },
      )
      return { client, greeting, heard }
    },
    url: `mqtt://127.0.0.1:${port}`,
    passwordOf,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    start,
    close: async () => {
      await end('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
