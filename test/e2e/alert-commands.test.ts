/** People look after alerts by command, against a real Tocsin on a real Mosquitto, with mails that are kept. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import mqtt from 'mqtt'
import { afterEach, expect, test } from 'vitest'
import type {
  AlertView,
  DeliveryView,
  InboxView,
  NotifiedTestView,
} from '../../src/ports/alerting-control.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { makeDirectory, startTocsin, tocsin } from '../support/tocsin.ts'
import { Inbox } from '../support/wait-for.ts'

const cleanup: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo()
})

/** Many processes take their time on a busy machine. */
const limitMs = 90_000

const rules = (url: string, hookUrl: string) => `
brokers: { default: { url: "${url}", client_id: tocsin-alerts } }
settings: { storage: data/tocsin.db, smtp: inbox, twilio: inbox, http: { listen: off } }
receivers:
  ops-email: { email: { to: [ops@example.com] } }
  ops-sms: { sms: { to: ["+15550100"] } }
  hook: { webhook: { url: "${hookUrl}", allow_private: true, allow_http: true } }
policies:
  default:
    group_by: [rule]
    steps: [{ notify: [ops-email] }, { after: 1h, notify: [ops-sms] }]
    repeat: { every: 1h }
  hooked: { steps: [{ notify: [hook] }], repeat: { every: 1h } }
rules:
  - id: overheating
    topic: sensors/+device
    value: payload.t
    when: value > 35
    alert: { severity: critical, summary: "{{ device }} is at {{ value }} °C" }
  - id: damp
    topic: damp/+device
    when: payload.h > 90
    alert: { severity: warning, summary: "{{ device }} is damp", policy: hooked }
`

/** A server that answers with what it is told to. */
async function startHook() {
  const asked = new Inbox<string>()
  const behaviour = { status: 410 }
  const server = createServer((request, response) => {
    asked.put(request.url ?? '')
    request.resume()
    response.writeHead(behaviour.status).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanup.push(() => new Promise((resolve) => server.close(resolve)))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, behaviour, asked }
}

async function start() {
  const mosquitto = await startMosquitto({ persistence: true })
  cleanup.push(() => mosquitto.close())
  const hook = await startHook()
  const directory = makeDirectory({ 'rules/all.yaml': rules(mosquitto.url, hook.url) })
  cleanup.push(async () => directory.remove())
  const options = { cwd: directory.path, env: { USER: 'ann' } }
  const running = startTocsin(['run', 'rules'], options)
  cleanup.push(() => running.kill())
  await running.line('subscribed')
  const client = await mqtt.connectAsync(mosquitto.url, { reconnectPeriod: 0 })
  cleanup.push(() => client.endAsync(true))
  const publish = (topic: string, payload: object) =>
    client.publishAsync(topic, JSON.stringify(payload), { qos: 1 })
  const run = (...args: string[]) => tocsin(args, options)
  const json = async <T>(...args: string[]): Promise<T> => {
    const { code, stdout, stderr } = await run(...args, '--format', 'json')
    if (code !== 0) throw new Error(`${args.join(' ')}: ${code} ${stdout}${stderr}`)
    return JSON.parse(stdout) as T
  }
  const alerts = async (...args: string[]) =>
    (await json<{ items: readonly AlertView[] }>('alerts', ...args)).items
  return { running, publish, run, json, alerts, hook }
}

test('alerts are listed, acknowledged, silenced and resolved, and what would have been mailed is kept', {
  timeout: limitMs,
}, async () => {
  const { running, publish, run, json, alerts } = await start()
  expect(await run('alerts')).toEqual({
    code: 0,
    stdout: 'Nothing is wrong: no alert is open.\n',
    stderr: '',
  })
  await publish('sensors/g1', { t: 36 })
  const mail = { channel: 'email', to: 'ops@example.com', subject: 'g1 is at 36 °C' }
  expect(await running.line('kept instead of sent')).toMatchObject(mail)
  await publish('sensors/g2', { t: 41 })

  const [g2, g1] = await alerts()
  expect([g1?.key, g2?.key]).toEqual([{ device: 'g1' }, { device: 'g2' }])
  const short = g1?.name.slice(0, 'overheating/12345678'.length) ?? ''
  expect(await run('ack', short)).toEqual({ code: 0, stdout: `Acknowledged: ${g1?.name}\n`, stderr: '' })
  const again = await run('ack', 'rules', g1?.name ?? '', '--by', 'Bob')
  expect([again.code, again.stdout]).toEqual([0, `${g1?.name} is acknowledged already.\n`])
  const { stdout } = await run('alerts', 'rules')
  expect(stdout).toMatch(/^SEVERITY +STATE +SINCE +ALERT +CODE +NOTE +SUMMARY\n/)
  expect(stdout).toMatch(new RegExp(`critical +firing +\\S+ +${short} +\\S+ +acked by ann +g1 is at 36 °C`))
  expect((await run('ack', g2?.ack_code ?? '', '--by', 'Bob')).code).toBe(0)
  expect((await alerts()).map((one) => one.acked?.by).sort()).toEqual(['Bob', 'ann'])

  const words = ['rules', 'device=g1', 'device=g2', '--for', '2h', '--comment', 'painting']
  const silence = await json<{ id: string }>('silence', ...words)
  expect(silence).toMatchObject({
    match: { device: ['g1', 'g2'] },
    by: 'ann',
    comment: 'painting',
    alerts: 2,
  })
  expect((await run('silences')).stdout).toMatch(/ann +device=g1 device=g2 +painting/)
  const ended = { code: 0, stdout: `Silence ${silence.id} has ended.\n`, stderr: '' }
  expect(await run('unsilence', silence.id)).toEqual(ended)

  expect((await run('resolve', short)).stdout).toContain(`Resolved: ${g1?.name}`)
  expect((await alerts('--match', 'device=/^g/')).map(({ key }) => key.device)).toEqual(['g2'])
  expect((await alerts('--all')).map(({ state }) => state)).toEqual(['firing', 'resolved'])

  // What was kept is there when nobody answers, too.
  expect((await json<{ items: InboxView[] }>('inbox')).items.at(-1)).toMatchObject(mail)
  await running.stop()
  const later = await run('inbox', '--timeout', '1s')
  expect([later.code, later.stderr]).toEqual([0, 'No Tocsin answers; this is from data/tocsin.db.\n'])
  expect(later.stdout).toContain('  Subject: g1 is at 36 °C\n')
})

test('what is wrong is told in words, with exit codes that scripts can use', {
  timeout: limitMs,
}, async () => {
  const { run } = await start()
  const wrong: readonly [args: string[], told: RegExp][] = [
    [['ack', 'overheatin/12345678'], /^1 No rule .*"overheatin" is running. Did you mean overheating\?\n$/],
    [['ack', 'rules', '4F7'], /^1 There is nothing to acknowledge under 4F7.\n$/],
    [['ack'], /^2 /],
    [['resolve', 'rules', 'a/b', 'c'], /^2 Write one alert/],
    [['silence', 'device=g1'], /^2 .*--for/],
    [['silence', 'device=g1', '--for', 'soon'], /^2 .*Write a duration/s],
    [['silence', 'device=/(/', '--for', '2h'], /^1 The pattern/],
    [['unsilence', 's77'], /^1 There is no silence s77.\n$/],
    [['alerts', '--rule', 'overheat'], /^1 No rule with the id "overheat"/],
    [['notify-test', 'ops-emial'], /^1 No receiver .*"ops-emial". Did you mean ops-email\?\n$/],
    [['deliveries', 'retry', 'nothing'], /^1 There is no dead delivery nothing.\n$/],
  ]
  for (const [args, told] of wrong) {
    const { code, stdout, stderr } = await run(...args)
    expect(`${code} ${stdout}${stderr}`).toMatch(told)
  }
})

test('a delivery that died is shown with its reason, and sent again', { timeout: limitMs }, async () => {
  const { running, publish, run, json, hook } = await start()
  await publish('damp/cellar', { h: 99 })
  await hook.asked.count(1)
  const dead = async () => (await json<{ items: DeliveryView[] }>('deliveries', '--dead')).items
  let [one] = await dead()
  // The answer of the server is on its way through Tocsin.
  for (let looks = 0; one === undefined && looks < 20; looks++) [one] = await dead()
  const receiver = { receiver: 'hook', channel: 'webhook', title: 'cellar is damp' }
  expect(one).toMatchObject({ ...receiver, state: 'dead', attempts: 1 })
  expect((await run('deliveries', '--dead')).stdout).toMatch(/dead +hook .*cellar is damp \(127/)
  hook.behaviour.status = 200
  const again = await run('deliveries', 'retry', 'rules', one?.id ?? '', '--by', 'Bob', '--format', 'json')
  expect(again).toEqual({ code: 0, stdout: `{"retried":"${one?.id}"}\n`, stderr: '' })
  await hook.asked.count(2)
  let { stdout } = await run('deliveries')
  for (let looks = 0; !stdout.includes(' sent ') && looks < 20; looks++)
    stdout = (await run('deliveries')).stdout
  expect(stdout).toMatch(/ sent +hook/)
  expect((await run('deliveries', '--dead')).stdout).toBe('No delivery is dead.\n')
  await running.stop()
})

test('a test goes to every address of a receiver, and what became of it decides the exit code', {
  timeout: limitMs,
}, async () => {
  const { run, json, hook } = await start()
  const mailed = { code: 0, stdout: 'email to ops@example.com: delivered\n', stderr: '' }
  expect(await run('notify-test', 'ops-email')).toEqual(mailed)
  const sms = await json<NotifiedTestView>('notify-test', 'rules', 'ops-sms')
  expect(sms.deliveries).toMatchObject([{ address: '+15550100', state: 'delivered', kind: 'test' }])
  const refused = await run('notify-test', 'hook')
  expect([refused.code, refused.stdout]).toEqual([
    1,
    expect.stringMatching(/^webhook to .* could not be sent\./),
  ])
  hook.behaviour.status = 200
  expect((await run('notify-test', 'hook')).code).toBe(0)
  const [newest] = (await json<{ items: InboxView[] }>('inbox')).items
  expect(newest).toMatchObject({ channel: 'sms', text: expect.stringContaining('ann asked for this test') })
})
