/** The program and its sign of life: real broker, real web server, and an address that is in no log. */
import http from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { startMosquitto } from '../support/mosquitto.ts'
import { makeDirectory, startTocsin } from '../support/tocsin.ts'
import { Inbox } from '../support/wait-for.ts'

const cleanup: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo()
})

const rules = `
settings:
  storage: memory
  http: { listen: off }
  watch: { heartbeat: { url: "\${env:MONITOR}", every: 10s } }
brokers: { default: { url: "\${env:URL}" } }
rules:
  - { id: copy, topic: in/+x, then: [{ publish: { topic: out, payload: "{{ x }}" } }] }
`

/** Answers as `status` says, and keeps what was asked for. */
async function startMonitor(status: number) {
  const asked = new Inbox<string>()
  const server = http.createServer((request, response) => {
    asked.put(`${request.method} ${request.url}`)
    response.writeHead(status).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanup.push(() => new Promise((resolve) => server.close(resolve)))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { asked, url: `http://127.0.0.1:${port}/ping/0123-secret-4567` }
}

async function start(monitor: string) {
  const mosquitto = await startMosquitto()
  cleanup.push(() => mosquitto.close())
  const directory = makeDirectory({ 'rules.yaml': rules })
  cleanup.push(async () => directory.remove())
  const running = startTocsin(['run', directory.path, '--log-level', 'debug'], {
    env: { URL: mosquitto.url, MONITOR: monitor },
    cwd: directory.path,
  })
  cleanup.push(() => running.kill())
  await running.line('subscribed')
  return running
}

test('reaches the monitor while all is well, and its address stays secret', async () => {
  const monitor = await startMonitor(200)
  const running = await start(monitor.url)
  expect(await monitor.asked.first('a sign of life', () => true, 15_000)).toBe('GET /ping/0123-secret-4567')
  expect(await running.stop()).toBe(0)
  expect(JSON.stringify(running.lines.items) + running.stderr()).not.toContain('0123-secret')
})

test('that fails is logged, without the address', async () => {
  const monitor = await startMonitor(404)
  const running = await start(monitor.url)
  const line = await running.line(/did not reach the outside monitor/, 15_000)
  expect(line).toMatchObject({ level: 'error', kind: 'heartbeat' })
  expect(line.msg).toContain('it answered with status 404')
  expect(await running.stop()).toBe(0)
  expect(JSON.stringify(running.lines.items) + running.stderr()).not.toContain('0123-secret')
})
