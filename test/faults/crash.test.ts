/** The process dies in the middle of a delivery, at each of its steps: none is lost, and at most one comes twice. */
import { afterAll, describe, expect, test } from 'vitest'
import { createMemoryStore } from '../../src/stores/memory/memory-store.ts'
import { type MailStation, openMailStation, type Stage } from '../channels/email/mail-station.ts'
import { TwilioServer, twilioAccount } from '../support/twilio.ts'
import { waitFor } from '../support/wait-for.ts'
import { FaultWorld, minute, second } from './support/fault-world.ts'

const undo: (() => Promise<unknown> | unknown)[] = []
afterAll(async () => {
  await Promise.all(undo.map((one) => one()))
})

const rules = `
rules:
  - id: hot
    topic: sensors/+device/data
    when: payload.temperature > 35
    alert: { severity: critical, summary: "{{ device }} is hot" }
`
/** While a server keeps us waiting, the test goes on after so long. */
const shortMs = 100
const longMs = 10_000

async function withMail(): Promise<{ world: FaultWorld; station: MailStation }> {
  const station = await openMailStation({ maxClients: 50 })
  undo.push(() => station.close())
  const world = await FaultWorld.open({
    store: createMemoryStore(),
    yaml: `
settings: { smtp: { url: "smtp://127.0.0.1:${station.port}", from: tocsin@example.com } }
receivers: { ops: { email: { to: [ops@example.com] } } }
policies: { default: { group_by: [device], steps: [{ notify: [ops] }] } }
${rules}`,
  })
  undo.push(() => world.end())
  return { world, station }
}

const aboutIn = (station: MailStation) =>
  station.mails.items.map(({ mail }) => /g\d/.exec(mail.subject ?? '')?.[0] ?? '')

describe('a mail, when the process dies', () => {
  const stages: readonly Stage[] = ['connect', 'mail', 'rcpt', 'data']

  test.concurrent.each(stages)('at %s', async (stage) => {
    const { world, station } = await withMail()
    station.answers = { [stage]: 'hang' }
    world.patienceMs = shortMs
    await world.reads({ g1: 40, g2: 40 })
    await waitFor('the server to keep us waiting', () => station.reached.has(stage))
    station.answers = {}
    world.patienceMs = longMs
    await world.crash(3 * second)
    station.dropAll()
    // Nobody waits for a lease of the dead.
    await world.advance(second)
    const about = aboutIn(station)
    // Where it had the whole mail, it may or may not have kept it: that one comes twice, and bears the same id.
    expect(about).toEqual(stage === 'data' ? ['g1', 'g1', 'g2'] : ['g1', 'g2'])
    expect(new Set(station.mails.items.map(({ mail }) => mail.messageId)).size).toBe(2)
    expect((await world.deliveries()).map(({ state }) => state)).toEqual(['sent', 'sent'])
  })

  test.concurrent('again and again, at every step in turn', async () => {
    const { world, station } = await withMail()
    for (const [index, stage] of stages.entries()) {
      station.answers = { [stage]: 'hang' }
      station.reached.clear()
      world.patienceMs = shortMs
      await world.reads({ [`g${index}`]: 40 })
      await world.advance(second)
      await waitFor('the server to keep us waiting', () => station.reached.has(stage))
      station.answers = {}
      world.patienceMs = longMs
      await world.crash(second)
      station.dropAll()
    }
    await world.advance(minute)
    const about = aboutIn(station)
    expect([...new Set(about)].sort()).toEqual(['g0', 'g1', 'g2', 'g3'])
    expect(about.length).toBeLessThanOrEqual(4 + stages.length)
  })
})

describe('a text, when the process dies', () => {
  test.concurrent.each(['before-taking', 'after-taking'] as const)('%s', async (when) => {
    const twilio = await TwilioServer.start()
    undo.push(() => twilio.stop())
    const world = await FaultWorld.open({
      store: createMemoryStore(),
      yaml: `
settings:
  twilio:
    account_sid: ${twilioAccount.accountSid}
    auth_token: ${twilioAccount.authToken}
    from: "+15550000000"
    base_url: ${twilio.url}
receivers: { ops: { sms: { to: ["+15550101"] } } }
policies: { default: { steps: [{ notify: [ops] }] } }
${rules}`,
    })
    undo.push(() => world.end())
    twilio.behave({ kind: 'hangs', when })
    world.patienceMs = shortMs
    await world.reads({ g1: 40 })
    await twilio.requests.count(1)
    world.patienceMs = longMs
    twilio.behave({ kind: 'takes' })
    twilio.aheadMs = world.clock.now() - Date.now()
    await world.crash(second)
    await world.advance(3 * minute)
    // Its list of messages is asked, so none comes twice.
    expect(twilio.messages.map(({ body }) => body)).toEqual(['CRITICAL g1 is hot'])
    expect(await world.deliveries()).toMatchObject([{ state: 'sent' }])
  })
})
