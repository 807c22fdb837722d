/** `tocsin run`: what it refuses before it starts, and the built-in broker. */
import { writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { freePort } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt-client.ts'
import { makeDirectory, startTocsin, tocsin } from '../support/tocsin.ts'

const cleanup: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo()
})

const rules = `rules:
  - { id: echo, topic: in/+name, then: [{ publish: { topic: "out/{{ name }}", payload: "{{ payload }}" } }] }
`

function directoryWith(brokers: string): string {
  const directory = makeDirectory({ 'rules.yaml': `${brokers}${rules}settings: { storage: memory }\n` })
  cleanup.push(async () => directory.remove())
  return directory.path
}

test('without a broker it is refused with a code and where that is explained', async () => {
  const directory = directoryWith('')
  const { code, stderr, stdout } = await tocsin(['run', directory])
  expect(code).toBe(1)
  expect(stdout).toBe('')
  expect(stderr).toBe(`error: No broker is configured in ${directory}.
  ${directory}
  help: Add \`brokers: { default: { url: "mqtt://localhost:1883" } }\` to a file there, or try \`tocsin demo\`, which brings a broker of its own.
  see docs/ERRORS.md#config-no-broker

1 error in 1 file
`)
})

test('`url: embedded` brings a broker, which says what it does not keep', async () => {
  const port = await freePort()
  const directory = directoryWith(`brokers: { default: { url: "embedded:${port}" } }\n`)
  const running = startTocsin(['run', directory], { cwd: directory })
  cleanup.push(() => running.kill())
  const note = await running.line(/^Built-in broker on 127\.0\.0\.1:/)
  expect(note.msg).toContain('in memory')
  await running.line('subscribed')
  const device = await connectClient(`mqtt://127.0.0.1:${port}`)
  cleanup.push(() => device.end())
  await device.subscribe('out/+')
  await device.publish('in/a', 'hello')
  expect((await device.message('out/a')).payload).toBe('hello')
  const asked = await tocsin(['status', directory, '--format', 'json'])
  expect(asked.code, asked.stderr).toBe(0)
  expect(await running.stop()).toBe(0)
})

test('a wish to stop that comes as two signals is one: it finishes what is in hand', async () => {
  const directory = directoryWith(`brokers: { default: { url: "embedded:${await freePort()}" } }\n`)
  const running = startTocsin(['run', directory], { cwd: directory })
  cleanup.push(() => running.kill())
  await running.line('subscribed')
  running.signal('SIGINT')
  expect(await running.stop()).toBe(0)
  expect((await running.line('stopped')).level).toBe('info')
})

test('the built-in broker takes no other port than its own', async () => {
  const server = net.createServer()
  const port = await freePort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  cleanup.push(() => new Promise((resolve) => server.close(resolve)))
  const directory = directoryWith(`brokers: { default: { url: "embedded:${port}" } }\n`)
  for (const command of ['run', 'demo']) {
    const { code, stdout, stderr } = await tocsin([command, directory], { cwd: directory })
    expect(code).toBe(1)
    expect(`${stdout}${stderr}`).toContain(`127.0.0.1:${port}: the port is taken.`)
    expect(`${stdout}${stderr}`).toContain(`embedded:${port + 1}`)
  }
})

test('a receiver that could not be reached is a reason not to run, and none to check', async () => {
  const directory = directoryWith(`brokers: { default: { url: "mqtt://127.0.0.1:1" } }
receivers: { ops: { email: { to: [ops@example.com] } } }
policies: { default: { steps: [{ notify: ops }] } }
`)
  const { code, stderr } = await tocsin(['run', directory], { cwd: directory })
  expect(code).toBe(1)
  expect(stderr).toContain(
    'error: The receiver `ops` cannot be reached: `email` cannot be sent: there is no `smtp` below `settings`.',
  )
  expect(stderr).toContain('see docs/ERRORS.md#receiver-undeliverable')
  expect((await tocsin(['check', directory])).code).toBe(0)
})

test('an edit that adds a receiver whom nothing reaches yet is not taken: its alerts would be lost', async () => {
  const brokers = `brokers: { default: { url: "embedded:${await freePort()}" } }\n`
  const directory = directoryWith(brokers)
  const running = startTocsin(['run', directory], { cwd: directory })
  cleanup.push(() => running.kill())
  await running.line('subscribed')
  const people = `receivers: { ops: { email: { to: [ops@example.com] } } }
policies: { default: { steps: [{ notify: ops }] } }
`
  const edit = (settings: string) =>
    writeFileSync(
      path.join(directory, 'rules.yaml'),
      `${brokers}${rules}${people}settings: { ${settings} }\n`,
    )
  edit('storage: memory, smtp: inbox')
  const refused = await running.line('the edited rules were not taken: the old ones keep running')
  expect(refused.notes).toEqual([
    'The receiver `ops` cannot be reached until Tocsin is started again: changes under `settings` take effect then.',
  ])
  expect(await running.stop()).toBe(0)
  // Started again, it is reached; and who has no account at all is no better with a running Tocsin than at a start.
  const again = startTocsin(['run', directory], { cwd: directory })
  cleanup.push(() => again.kill())
  await again.line('subscribed')
  writeFileSync(
    path.join(directory, 'more.yaml'),
    'receivers: { phone: { sms: { to: ["+15550100"] } } }\npolicies: { other: { steps: [{ notify: phone }] } }\n',
  )
  const { notes } = await again.line('the edited rules were not taken: the old ones keep running')
  expect(notes).toEqual([
    expect.stringMatching(/`phone` cannot be reached: .*there is no `twilio`.*twilio: inbox/),
  ])
  expect(await again.stop()).toBe(0)
})

test('counts are said as people say them', async () => {
  const one = directoryWith('')
  expect((await tocsin(['check', one])).stdout).toBe(`${one}: 1 rule in 1 file is ready to run.\n`)
})
