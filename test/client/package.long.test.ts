/** The client as it is installed: packed, unpacked below node_modules, run by plain Node, and typed. */
import { execFile } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import mqtt from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts'

const run = promisify(execFile)
const root = path.resolve(import.meta.dirname, '../..')
const project = mkdtempSync(path.join(tmpdir(), 'tocsin-client-'))
const file = (name: string, text: string) => writeFileSync(path.join(project, name), text)
/** Without what vitest adds, such as conditions and loaders. */
const env = { PATH: process.env.PATH ?? '', HOME: project }

let mosquitto: Mosquitto
let responder: mqtt.MqttClient
beforeAll(async () => {
  mosquitto = await startMosquitto()
  responder = await mqtt.connectAsync(mosquitto.url, { protocolVersion: 5 })
  responder.on('message', (_topic, payload, { properties }) => {
    const { n } = JSON.parse(payload.toString())
    responder.publish(properties?.responseTopic ?? '', JSON.stringify({ twice: n * 2 }))
  })
  await responder.subscribeAsync('ask/twice', { qos: 1 })

  await run('npm', ['pack', '--silent', '--pack-destination', project], { cwd: root })
  const [tarball = ''] = readdirSync(project).filter((name) => name.endsWith('.tgz'))
  const home = path.join(project, 'node_modules/tocsin')
  mkdirSync(home, { recursive: true })
  await run('tar', ['-xzf', path.join(project, tarball), '--strip-components=1', '-C', home])
  const { dependencies } = JSON.parse(readFileSync(path.join(home, 'package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) {
    const place = path.join(project, 'node_modules', name)
    mkdirSync(path.dirname(place), { recursive: true })
    symlinkSync(path.join(root, 'node_modules', name), place)
  }
  file('package.json', '{"type":"module"}')
})
afterAll(async () => {
  await responder.endAsync(true)
  await mosquitto.close()
  rmSync(project, { recursive: true, force: true })
})

const use = `
const client = await connect({ url: process.argv[2] })
const answer = await client.request('ask/twice', { n: 4 })
const failure = await client.request('ask/+').catch((error) => error)
console.log(JSON.stringify([answer.twice, failure instanceof RequestError, failure.code]))
await client.close()
`
const expected = '[8,true,"bad-request"]\n'

test('plain JavaScript imports it', async () => {
  file('use.js', `import { connect, RequestError } from 'tocsin/client'\n${use}`)
  const { stdout, stderr } = await run(process.execPath, ['--no-strip-types', 'use.js', mosquitto.url], {
    cwd: project,
    env,
  })
  expect({ stdout, stderr }).toEqual({ stdout: expected, stderr: '' })
})

test('CommonJS requires it', async () => {
  file('use.cjs', `const { connect, RequestError } = require('tocsin/client')\n;(async () => {${use}})()`)
  const { stdout } = await run(process.execPath, ['use.cjs', mosquitto.url], { cwd: project, env })
  expect(stdout).toBe(expected)
})

test('TypeScript knows its types, and nothing else is needed for them', async () => {
  file(
    'typed.ts',
    `import { type Client, connect, RequestError, request } from 'tocsin/client'
const client: Client = await connect({ url: 'mqtt://h', protocol: '5', tls: { ca: '' } })
const answer = await client.request<{ twice: number }>('ask/twice', { n: 1 }, { timeoutMs: 5 })
export const twice: number = answer.twice
export const unknown: unknown = await request('mqtt://h', 'ask/twice')
export function code(error: unknown): 'timeout' | null {
  return error instanceof RequestError && error.code === 'timeout' ? error.code : null
}
// @ts-expect-error No code of that name.
export const wrong = (error: RequestError) => error.code === 'tmeout'
// @ts-expect-error The answer is not known to have it.
export const missing = (await client.request('ask/twice')).twice
`,
  )
  const page = readFileSync(path.join(root, 'docs/requests.md'), 'utf8')
  file('example.ts', /```ts\n([\s\S]*?)```/.exec(page)?.[1] ?? '')
  file(
    'tsconfig.json',
    JSON.stringify({
      compilerOptions: {
        strict: true,
        noEmit: true,
        target: 'es2022',
        module: 'nodenext',
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        types: [],
        lib: ['es2022', 'dom'],
      },
      files: ['typed.ts', 'example.ts'],
    }),
  )
  const tsc = path.join(root, 'node_modules/.bin/tsc')
  const { stdout } = await run(tsc, ['-p', project], { cwd: project }).catch((error) => error)
  expect(stdout).toBe('')
})

test('in the checkout the source is found by the same name', async () => {
  const { stdout } = await run(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { connect, RequestError } from 'tocsin/client'\n${use.replace('argv[2]', 'argv[1]')}`,
      mosquitto.url,
    ],
    { cwd: root, env },
  )
  expect(stdout).toBe(expected)
})
