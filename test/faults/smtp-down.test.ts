/** The mail server is away for ten minutes while fifty alerts a minute open: mails catch up, texts are on time. */
import { afterEach, expect, test } from 'vitest'
import { createMemoryStore } from '../../src/stores/memory/memory-store.ts'
import { freePort, type MailStation, openMailStation } from '../channels/email/mail-station.ts'
import { TwilioServer, twilioAccount } from '../support/twilio.ts'
import { FaultWorld, minute, second } from './support/fault-world.ts'

const undo: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one()
})

const perMinute = 50
const minutes = 10

test('all arrive within two minutes of its return, and no text waits for a mail', {
  timeout: 60_000,
}, async () => {
  const port = await freePort()
  const twilio = await TwilioServer.start()
  undo.push(() => twilio.stop())
  const world = await FaultWorld.open({
    store: createMemoryStore(),
    yaml: `
settings:
  smtp: { url: "smtp://127.0.0.1:${port}", from: tocsin@example.com }
  twilio:
    account_sid: ${twilioAccount.accountSid}
    auth_token: ${twilioAccount.authToken}
    from: "+15550000000"
    base_url: ${twilio.url}
    caps: { number: { hour: 5000, day: 5000 }, all: { hour: 5000, day: 5000 } }
receivers:
  ops-email: { email: { to: [ops@example.com] } }
  ops-sms: { sms: { to: ["+15550101"] } }
policies:
  default:
    group_by: [device]
    steps: [{ notify: [ops-email] }, { after: 5m, notify: [ops-sms] }]
rules:
  - id: hot
    topic: sensors/+device/data
    when: payload.temperature > 35
    alert: { severity: critical, summary: "{{ device }} is hot" }
`,
  })
  undo.push(() => world.end())
  const texts: { about: string; atMs: number }[] = []
  twilio.onTaken = ({ body }) => texts.push({ about: deviceIn(body), atMs: world.elapsedMs })

  const openedMs = new Map<string, number>()
  for (let alert = 0; alert < perMinute * minutes; alert++) {
    const device = `d${alert}x`
    openedMs.set(device, world.elapsedMs)
    await world.reads({ [device]: 40 })
    await world.advance(minute / perMinute)
  }
  expect(world.elapsedMs).toBe(minutes * minute)
  expect(texts.length).toBeGreaterThan(0)

  const mails: { about: string; atMs: number }[] = []
  const station = await startMail(port)
  undo.push(() => station.close())
  const returnedMs = world.elapsedMs
  const taken = (count: number) => {
    for (const { mail } of station.mails.items.slice(mails.length, count))
      mails.push({ about: deviceIn(mail.subject ?? ''), atMs: world.elapsedMs })
  }
  while (world.elapsedMs < returnedMs + 2 * minute) {
    await world.advance(second)
    taken(station.mails.items.length)
  }
  expect(mails.length).toBe(perMinute * minutes)
  expect(mails.map(({ about }) => about)).toEqual([...openedMs.keys()])
  const lastMs = Math.max(...mails.map(({ atMs }) => atMs)) - returnedMs
  expect(lastMs).toBeLessThanOrEqual(2 * minute)

  await world.until(minutes * minute + 5 * minute)
  const late = texts.map(({ about, atMs }) => atMs - (openedMs.get(about) ?? 0) - 5 * minute)
  expect(new Set(texts.map(({ about }) => about)).size).toBe(perMinute * minutes)
  expect(texts.length).toBe(perMinute * minutes)
  expect(Math.min(...late)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...late)).toBeLessThanOrEqual(second)
  expect((await world.deliveries()).every(({ state }) => state === 'sent')).toBe(true)
})

const deviceIn = (text: string) => /d\d+x/.exec(text)?.[0] ?? text

function startMail(port: number): Promise<MailStation> {
  return openMailStation({ maxClients: 50 }, port)
}
