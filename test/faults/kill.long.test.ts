/** The long form: `kill -9` at random moments while alerts open and mails and texts go out. */
import { afterAll, expect, test } from 'vitest'
import { openAlertStation, ops, overheating } from '../e2e/support/alert-station.ts'
import { hasMosquitto } from '../support/mosquitto.ts'
import { waitFor } from '../support/wait-for.ts'

const kills = 30
const everyMs = 40
const undo: (() => Promise<unknown>)[] = []
afterAll(async () => {
  await Promise.all(undo.map((one) => one()))
})

test.skipIf(!hasMosquitto)('killed thirty times: every alert is told by mail and by text', async () => {
  const station = await openAlertStation({
    policies: '  default: { group_by: [device], steps: [{ notify: [ops-email] }, { notify: [ops-sms] }] }',
    rules: overheating,
    twilio: 'caps: { number: { hour: 5000, day: 5000 }, all: { hour: 5000, day: 5000 } }',
  })
  undo.push(() => station.close())
  let sent = 0
  let killing = true
  const flow = (async () => {
    while (killing) {
      await station.reads(`d${sent}x`, 40)
      sent += 1
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  })()
  for (let kill = 0; kill < kills; kill++) {
    const before = station.mail.mails.items.length
    // Some die as soon as something goes out, others in the middle of much.
    await station.mail.mails.until('some mails', (items) => items.length > before + (kill % 7) * 5, 60_000)
    await station.restart()
  }
  killing = false
  await flow
  const mailed = () => station.mail.mails.items.map(({ mail }) => /d\d+x/.exec(mail.subject ?? '')?.[0] ?? '')
  const texted = () => station.texts.items.map(({ body }) => /d\d+x/.exec(body)?.[0] ?? '')
  await waitFor('all mails', () => new Set(mailed()).size === sent, 120_000)
  await waitFor('all texts', () => new Set(texted()).size === sent, 120_000)
  const copies = [mailed().length - sent, texted().length - sent]
  console.log(`${kills} kills, ${sent} alerts: ${copies[0]} mails and ${copies[1]} texts came twice`)
  expect(copies[0]).toBeLessThanOrEqual(kills)
  expect(copies[1]).toBeLessThanOrEqual(kills)
  expect(station.texts.items.every(({ to }) => to === ops)).toBe(true)
})
