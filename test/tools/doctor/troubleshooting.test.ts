/** What docs/troubleshooting.md shows is what the doctor says: every block is made anew and compared. */
import { spawnSync } from 'node:child_process'
import net from 'node:net'
import path from 'node:path'
import mqtt from 'mqtt'
import { expect, test } from 'vitest'
import { examplesOf, root } from '../../docs/pages.ts'
import { freePort, startMosquitto } from '../../support/mosquitto.ts'
import { connectClient } from '../../support/mqtt-client.ts'
import { makeDirectory } from '../../support/tocsin.ts'
import { openClinic, quietRules } from './clinic.ts'

const page = 'docs/troubleshooting.md'
const blocks = new Map(
  examplesOf(page)
    .filter(({ kind }) => kind === 'doctor')
    .map(({ argument, text }) => [argument, text]),
)

/** Line breaks, times and the port are not what it is about. */
function plain(text: string, port: number): string {
  return text
    .replaceAll(`:${port}`, ':1883')
    .replace(/\b([Pp]ort) \d+/g, '$1 1883')
    .replace(/\d+(\.\d+)? ms/g, 'N ms')
    .replace(/ \(N ms\)/g, '')
    .replace(/\d tries/, 'some tries')
    .replace(/\s+/g, ' ')
}

async function compare(
  name: string,
  clinic: ReturnType<typeof openClinic>,
  port: number,
  ...flags: string[]
) {
  const shown = blocks.get(name) ?? 'no such block'
  const { text } = await clinic.run('--listen', '1s', ...flags)
  expect(plain(text, port)).toContain(plain(shown, 1883).trim())
  blocks.delete(name)
  clinic.remove()
}

test.concurrent('connection refused', async () => {
  const port = await freePort()
  await compare('refused', openClinic(quietRules(`{ url: "mqtt://localhost:${port}" }`)), port)
})

test.concurrent('authentication failed', async () => {
  const mosquitto = await startMosquitto({ users: { tocsin: 'right' } })
  const broker = `{ url: "mqtt://localhost:${mosquitto.port}", username: tocsin, password: wrong-word }`
  await compare('credentials', openClinic(quietRules(broker)), mosquitto.port)
  await mosquitto.close()
})

test.concurrent('messages not received', async () => {
  const mosquitto = await startMosquitto({
    users: { tocsin: 'right', device: 'own' },
    acl: ['user tocsin', 'topic readwrite #', 'user device', 'topic readwrite #'],
  })
  const device = await connectClient(mosquitto.url, { username: 'device', password: 'own' })
  await device.publish('sensor/g1/data', '{"temperature": 21}', { retain: true })
  const broker = `{ url: "${mosquitto.url}", username: tocsin, password: right }`
  await compare('topics', openClinic(quietRules(broker)), mosquitto.port)

  const deaf = await startMosquitto({ users: { tocsin: 'right' }, acl: ['user tocsin', 'topic write #'] })
  const unheard = `{ url: "${deaf.url}", username: tocsin, password: right }`
  await compare('access', openClinic(quietRules(unheard)), deaf.port)
  await device.end()
  await deaf.close()
  await mosquitto.close()
})

test.concurrent('high latency', async () => {
  const mosquitto = await startMosquitto()
  const slow = await startSlowWay(mosquitto.port, 160)
  const clinic = openClinic(quietRules(`{ url: "mqtt://127.0.0.1:${slow.port}" }`))
  await compare('latency', clinic, slow.port)
  slow.close()
  await mosquitto.close()
})

test.concurrent('two with one client id, and a Mosquitto that loses messages', async () => {
  const mosquitto = await startMosquitto()
  const other = await mqtt.connectAsync(mosquitto.url, { clientId: 'tocsin-1', reconnectPeriod: 50 })
  await compare(
    'taken',
    openClinic(quietRules(`{ url: "${mosquitto.url}", client_id: tocsin-1 }`)),
    mosquitto.port,
  )
  await other.endAsync(true)
  const conf = makeDirectory({ 'mosquitto.conf': `listener ${mosquitto.port}\n` })
  const file = path.join(conf.path, 'mosquitto.conf')
  const clinic = openClinic(quietRules(`{ url: "${mosquitto.url}" }`))
  const shown = blocks.get('settings') ?? 'no such block'
  const { text } = await clinic.run('--listen', '1s', '--mosquitto-conf', file)
  const said = plain(text, mosquitto.port).replaceAll(file, '/etc/mosquitto/mosquitto.conf')
  expect(said).toContain(plain(shown, 1883).trim())
  blocks.delete('settings')
  clinic.remove()
  conf.remove()
  await mosquitto.close()
})

test('every block of the page was compared', () => {
  expect([...blocks.keys()]).toEqual([])
})

test('the program itself', async () => {
  const port = await freePort()
  const rules = makeDirectory({
    'rules.yaml': quietRules(`{ url: "mqtt://127.0.0.1:${port}" }`).replaceAll('DATA', 'data'),
  })
  const words = [path.join(root, 'src/main.ts'), 'doctor', rules.path, '--format', 'json']
  const { status, stdout } = spawnSync(process.execPath, words, {
    cwd: rules.path,
    encoding: 'utf8',
    timeout: 30_000,
  })
  const { findings, summary } = JSON.parse(stdout) as {
    findings: { check: string }[]
    summary: { fail: number }
  }
  expect([status, summary.fail]).toEqual([1, 1])
  expect(findings.map(({ check }) => check)).toContain('connection')
  rules.remove()
})

/** A way to a port of this machine on which everything takes longer, in both directions. */
async function startSlowWay(to: number, delayMs: number): Promise<{ port: number; close(): void }> {
  const server = net.createServer((near) => {
    const far = net.connect(to, '127.0.0.1')
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (bytes) => setTimeout(() => into.writable && into.write(bytes), delayMs))
      from.on('close', () => setTimeout(() => into.destroy(), delayMs))
      from.on('error', () => {})
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () => void server.close(),
  }
}
