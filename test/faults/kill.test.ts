/** `kill -9` of the real program at every step of a delivery: none is lost, at most one comes twice for each kill. */
import { afterAll, describe, expect, test } from 'vitest'
import type { Stage } from '../channels/email/mail-station.ts'
import { type AlertStation, openAlertStation, ops, overheating } from '../e2e/support/alert-station.ts'
import { hasMosquitto } from '../support/mosquitto.ts'
import { waitFor } from '../support/wait-for.ts'

const undo: (() => Promise<unknown>)[] = []
afterAll(async () => {
  await Promise.all(undo.map((one) => one()))
})

async function open(receiver: string): Promise<AlertStation> {
  const station = await openAlertStation({
    policies: `  default: { group_by: [device], steps: [{ notify: [${receiver}] }] }`,
    rules: overheating,
  })
  undo.push(() => station.close())
  return station
}

const limitMs = 15_000

describe.skipIf(!hasMosquitto)('killed in the middle', { timeout: 60_000 }, () => {
  test.concurrent('of a mail, at every stage: all come', async () => {
    const station = await open('ops-email')
    const { mail } = station
    const stages: readonly Stage[] = ['connect', 'mail', 'rcpt', 'data']
    for (const stage of stages) {
      mail.answers = { [stage]: 'hang' }
      mail.reached.clear()
      await station.reads(`g-${stage}`, 40)
      await waitFor('the server to keep it waiting', () => mail.reached.has(stage), limitMs)
      mail.answers = {}
      await station.restart()
      mail.dropAll()
      await mail.mails.first(
        `the mail that was cut at ${stage}`,
        ({ mail: { subject } }) => subject?.includes(`g-${stage} `) === true,
        limitMs,
      )
    }
    await noneWaits(station)
    const copies = stages.map(
      (stage) => mail.mails.items.filter(({ mail: { subject } }) => subject?.includes(`g-${stage} `)).length,
    )
    expect(copies).toEqual([1, 1, 1, expect.toSatisfy((count) => count === 1 || count === 2)])
    // Copies are known by their id.
    expect(new Set(mail.mails.items.map(({ mail: { messageId } }) => messageId)).size).toBe(stages.length)
  })

  test.concurrent('of a text, before and after Twilio took it: all come', async () => {
    const station = await open('ops-sms')
    const { twilio } = station
    for (const when of ['before-taking', 'after-taking'] as const) {
      twilio.behave({ kind: 'hangs', when })
      const asked = twilio.requests.items.length
      await station.reads(when, 40)
      await twilio.requests.count(asked + 1, limitMs)
      twilio.behave({ kind: 'takes' })
      await station.restart()
      await station.texts.first(`the text about ${when}`, ({ body }) => body.includes(`${when} is`), limitMs)
      await noneWaits(station)
    }
    const about = station.texts.items.map(({ to, body }) => `${to} ${/\w+-taking/.exec(body)?.[0]}`)
    expect(about).toEqual([`${ops} before-taking`, `${ops} after-taking`])
  })
})

async function noneWaits(station: AlertStation): Promise<void> {
  await waitFor(
    'all deliveries to be sent',
    async () => {
      const { data } = (await station.asks('deliveries', { state: ['queued', 'leased'], limit: 10 })) as {
        data: { items: unknown[] }
      }
      return data.items.length === 0
    },
    limitMs,
  )
}
