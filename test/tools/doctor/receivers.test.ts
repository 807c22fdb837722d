import net from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MailStation, openMailStation } from '../../channels/email/mail-station.ts'
import { freePort } from '../../support/mosquitto.ts'
import { TwilioServer, twilioAccount } from '../../support/twilio.ts'
import { openClinic } from './clinic.ts'

let mail: MailStation
let twilio: TwilioServer
beforeAll(async () => {
  mail = await openMailStation({ users: { tocsin: 'right-word' }, allowInsecureAuth: true })
  twilio = await TwilioServer.start()
})
afterAll(async () => {
  await mail.close()
  await twilio.stop()
})

/** No broker runs: receivers are tried all the same. */
const openWith = (settings: string, receiver: string) =>
  openClinic(`
brokers: { default: { url: "mqtt://127.0.0.1:1" } }
settings: { storage: memory, http: { listen: off }, ${settings} }
receivers: { ops: ${receiver} }
policies: { default: { steps: [{ notify: [ops] }] } }
rules: [{ id: a, topic: a/+b, when: payload > 1, alert: { severity: info, summary: x } }]
`)

const smtp = (password: string, port = mail.port) =>
  openWith(
    `smtp: { host: 127.0.0.1, port: ${port}, username: tocsin, password: ${password}, from: t@example.com }`,
    '{ email: { to: [ops@example.com] } }',
  )

test('a mail login that is accepted, without a mail', async () => {
  const clinic = smtp('right-word')
  const found = (await clinic.examine()).of('email')
  expect(found).toMatchObject({
    state: 'ok',
    what: `The mail server 127.0.0.1:${mail.port} answers, and the login is accepted. Nothing was sent.`,
  })
  expect(mail.reached.has('mail')).toBe(false)
  clinic.remove()
})

test('a wrong password for mails, which does not show', async () => {
  const clinic = smtp('wrong-word')
  const { code, text } = await clinic.run('--format', 'json')
  expect(code).toBe(1)
  const { findings } = JSON.parse(text) as { findings: { check: string; state: string; what: string }[] }
  const found = findings.find(({ check }) => check === 'email')
  expect(found).toMatchObject({ state: 'fail', cause: 'Until then nobody is told by email: ops.' })
  expect(found?.what).toMatch(/does not accept the login \(535 5\.7\.8\); check `username` and `password`/)
  expect(text).not.toContain('wrong-word')
  clinic.remove()
})

test('a mail server that is not there', async () => {
  const clinic = smtp('right-word', await freePort())
  expect((await clinic.examine()).of('email').what).toContain('nobody listens there')
  clinic.remove()
})

const texts = (token: string) =>
  openWith(
    `twilio: { account_sid: ${twilioAccount.accountSid}, auth_token: ${token}, from: "+15550000000", base_url: "${twilio.url}" }`,
    '{ sms: { to: ["+15550101"] } }',
  )

test('Twilio credentials that are right, without a message', async () => {
  const clinic = texts(twilioAccount.authToken)
  const found = await clinic.examine()
  expect(found.of('sms')).toMatchObject({
    state: 'ok',
    what: 'Twilio accepts the credentials, and the account is active. Nothing was sent.',
  })
  expect(found.of('clock').what).toMatch(/as at Twilio\.$/)
  expect(twilio.messages).toEqual([])
  clinic.remove()
})

test('a wrong token, and an account that is suspended, or on trial', async () => {
  const wrong = texts('wrong-token-of-somebody')
  expect((await wrong.examine()).of('sms')).toMatchObject({
    state: 'fail',
    what: 'Twilio refused the credentials; check `account_sid` and `auth_token` in settings.twilio (Twilio error 20003).',
  })
  wrong.remove()
  const clinic = texts(twilioAccount.authToken)
  twilio.account = { status: 'suspended', type: 'Full' }
  expect((await clinic.examine()).of('sms')).toMatchObject({
    state: 'fail',
    what: expect.stringContaining('suspended'),
  })
  twilio.account = { status: 'active', type: 'Trial' }
  expect((await clinic.examine()).of('sms')).toMatchObject({
    state: 'warn',
    next: expect.stringContaining('verified numbers'),
  })
  twilio.account = { status: 'active', type: 'Full' }
  clinic.remove()
})

test('a clock that is far from the one of a provider', async () => {
  const clinic = texts(twilioAccount.authToken)
  twilio.aheadMs = 3_600_000
  expect((await clinic.examine()).of('clock')).toMatchObject({
    state: 'warn',
    what: expect.stringMatching(/(3600|3599|3601) s behind that of Twilio\.$/),
  })
  twilio.aheadMs = 0
  clinic.remove()
})

test('what goes to the inbox is said to, and what has no account too', async () => {
  const kept = openWith('smtp: inbox', '{ email: { to: [ops@example.com] } }')
  expect((await kept.examine()).of('email')).toMatchObject({
    state: 'ok',
    what: expect.stringContaining('nothing is sent'),
  })
  kept.remove()
  const none = openWith('limits: {}', '{ email: { to: [ops@example.com] } }')
  expect((await none.examine()).of('email')).toMatchObject({
    state: 'fail',
    what: 'ops cannot be reached: there is no `settings.smtp`.',
  })
  none.remove()
})

test('webhooks are tried as far as their server, and only their host shows', async () => {
  const server = net.createServer((socket) => socket.end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const hook = (at: number) =>
    openWith(
      'limits: {}',
      `{ webhook: { url: "http://127.0.0.1:${at}/secret-path-of-it", allow_http: true, allow_private: true } }`,
    )
  const clinic = hook(port)
  const { text } = await clinic.run('--format', 'json')
  expect(text).toContain(`ops: 127.0.0.1:${port} answers.`)
  expect(text).not.toContain('secret-path')
  clinic.remove()
  server.close()
  const gone = hook(port)
  expect((await gone.examine()).of('webhook').what).toBe(`ops: nothing answers at 127.0.0.1:${port}.`)
  gone.remove()
})
