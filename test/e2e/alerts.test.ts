/** Alerts from a hot reading to the people told of it, and back: the real program between real parts. */
import { existsSync } from 'node:fs'
import net from 'node:net'
import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ArrivedMail } from '../channels/email/mail-station.ts'
import { hasMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt-client.ts'
import { makeDirectory, startTocsin, tocsin } from '../support/tocsin.ts'
import { twilioSignature } from '../support/twilio.ts'
import { waitFor, within } from '../support/wait-for.ts'
import {
  type AlertStation,
  databaseOf,
  manager,
  openAlertStation,
  ops,
  overheating,
  owner,
  porter,
} from './support/alert-station.ts'

const undo: (() => Promise<unknown> | unknown)[] = []
afterAll(async () => {
  await Promise.all(undo.map((one) => one()))
})

/** Stories in one world: each about devices and numbers of its own. */
const rules = `${overheating}
  - id: flood
    topic: floods/+device
    when: payload == "wet"
    for: 100ms
    alert: { severity: critical, summary: "{{ device }} is under water", policy: texts }
`
const policies = `
  default:
    group_by: [rule, device]
    steps:
      - { notify: [ops-email] }
      - { after: 1s, notify: [ops-sms] }
      - { after: 3s, notify: [manager-sms] }
  texts:
    group_by: [rule, device]
    steps:
      - { notify: [porter-sms] }
      - { after: 1h, notify: [owner-sms] }
      - { after: 2h, notify: [ops-email] }
`

async function open(): Promise<AlertStation> {
  const station = await openAlertStation({ policies, rules })
  undo.push(() => station.close())
  return station
}

const textTo = (station: AlertStation, number: string, about: RegExp, limitMs = 15_000) =>
  station.texts.first(
    `a text to ${number} about ${about}`,
    ({ to, body }) => to === number && about.test(body),
    limitMs,
  )
const mailAbout = (station: AlertStation, about: RegExp, limitMs = 15_000) =>
  station.mail.mails.first(`a mail about ${about}`, ({ mail }) => about.test(mail.text ?? ''), limitMs)
const textsAbout = (station: AlertStation, number: string, about: string) =>
  station.texts.items.filter(({ to, body }) => to === number && body.includes(about))

function linkIn({ mail }: ArrivedMail): string {
  const link = /https?:\/\/127\.0\.0\.1:\d+\/ack\/[\w-]+/.exec(mail.text ?? '')?.[0]
  if (link === undefined) throw new Error(`no link in ${mail.text}`)
  return link
}

const codeIn = (text: string) => /Reply ACK ([0-9A-F]+)/.exec(text)?.[1] ?? ''

describe.skipIf(!hasMosquitto)('an alert', () => {
  let station: AlertStation
  beforeAll(async () => {
    station = await open()
    // The first text message is slow: Twilio's library is loaded for it.
    await station.asks('notify-test', { receiver: 'owner-sms', by: 'ada' })
    await textTo(station, owner, /./)
  }, 30_000)

  test.concurrent('goes by mail, then by text; the answer to it leaves the manager alone; both hear of the end', async () => {
    await station.reads('kiln', 36.2)
    await waitFor('pending, retained', () => station.alertOf('kiln')?.state === 'pending')
    const mail = await mailAbout(station, /kiln is at 36\.2 °C/)
    expect(mail).toMatchObject({ from: 'tocsin@example.com', to: ['ops@example.com'] })
    expect(mail.mail.subject).toContain('kiln is at 36.2 °C')
    expect(mail.mail.html).toContain('kiln is at 36.2 °C')
    expect(mail.mail.html).toContain(linkIn(mail))
    expect(station.alertOf('kiln')).toMatchObject({ state: 'firing', severity: 'critical', ack: null })

    const text = await textTo(station, ops, /kiln/)
    expect(text.body).toMatch(/^CRITICAL kiln is at 36\.2 .*Reply ACK [0-9A-F]{3,}$/)
    const code = codeIn(text.body)
    const answer = await station.answers(ops, `ack ${code.toLowerCase()}`)
    expect(answer.status).toBe(200)
    expect(answer.text).toContain(`<Message>Acknowledged ${code}: kiln is at 36.2`)
    await waitFor('the ack on its topic', () => {
      const ack = station.alertOf('kiln')?.ack as { by: string; via: string } | null | undefined
      return ack?.by === ops && ack.via === 'sms'
    })

    // Whoever is not acknowledged gets as far as the manager: by then this one would have got there too.
    await station.reads('oven', 50)
    await textTo(station, manager, /oven/)
    expect(textsAbout(station, manager, 'kiln')).toEqual([])

    await station.reads('kiln', 20)
    const end = await mailAbout(station, /RESOLVED[\s\S]*kiln/)
    expect(end.mail.subject).toBe(`Re: ${mail.mail.subject}`)
    expect(end.mail.references).toEqual(mail.mail.references)
    expect(end.mail.inReplyTo).toBe(mail.mail.inReplyTo)
    expect(end.mail.messageId).not.toBe(mail.mail.messageId)
    expect(end.mail.text).not.toContain('/ack/')
    await textTo(station, ops, /^RESOLVED kiln/)
    await waitFor('the topic to be cleared', () => station.alertOf('kiln') === null)
    expect(textsAbout(station, manager, 'kiln')).toEqual([])
    const trail = await station.asks('audit', { limit: 100 })
    expect(JSON.stringify(trail.data)).toContain('acked')
    expect(await retainedOf(station, 'kiln')).toEqual([])
  })

  test.concurrent('is acknowledged by the link in the mail: looking changes nothing, the button does', async () => {
    await station.reads('vat', 40)
    const link = linkIn(await mailAbout(station, /vat/))
    const token = link.split('/').at(-1) ?? ''
    expect(Buffer.from(token, 'base64url').length * 8).toBeGreaterThanOrEqual(128)
    for (let looks = 0; looks < 3; looks++) {
      const page = await fetch(link)
      expect(page.status).toBe(200)
      expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(await page.text()).toContain('<button>Acknowledge</button>')
    }
    expect((await fetch(link, { method: 'HEAD' })).status).toBeLessThan(500)
    const forged = `${token.startsWith('A') ? 'B' : 'A'}${token.slice(1)}`
    for (const wrong of [forged, 'A'.repeat(27), 'x']) {
      const url = `${station.url}/ack/${wrong}`
      expect((await fetch(url)).status).toBe(404)
      expect((await fetch(url, { method: 'POST' })).status).toBe(404)
    }
    expect(station.alertOf('vat')).toMatchObject({ state: 'firing', ack: null })
    const done = await fetch(link, { method: 'POST' })
    expect(done.status).toBe(200)
    expect(await done.text()).toContain('Acknowledged')
    await waitFor('the ack', () => station.alertOf('vat')?.ack)
    expect(station.alertOf('vat')).toMatchObject({ ack: { via: 'email' } })
    expect(JSON.stringify(station.running.lines.items) + station.running.stderr()).not.toContain(token)

    // The link is good for this conversation alone.
    await station.reads('vat', 20)
    await mailAbout(station, /RESOLVED[\s\S]*vat/)
    expect(await (await fetch(link)).text()).toContain('nothing left to acknowledge')
    await station.reads('mill', 50)
    await mailAbout(station, /mill/)
    expect(await (await fetch(link, { method: 'POST' })).text()).toContain('nothing left to acknowledge')
    await textTo(station, ops, /mill/)
    expect(station.alertOf('mill')).toMatchObject({ ack: null })
  })

  test.concurrent('is not acknowledged by a forger, nor by a stranger with a genuine signature', async () => {
    await station.reads('tank', 40)
    const { body } = await textTo(station, ops, /tank/)
    const code = codeIn(body)
    const inbound = `${station.url}/twilio/inbound`
    const other = twilioSignature(inbound, { From: ops, Body: `ACK ${code}` }, 'another token')
    for (const signature of ['', 'AAAA', other]) {
      expect((await station.answers(ops, `ACK ${code}`, signature)).status).toBe(403)
    }
    const stranger = await station.answers('+15550666', `ACK ${code}`)
    expect(stranger.status).toBe(200)
    expect(stranger.text).not.toContain('Message>')
    expect((await station.answers(ops, 'ACK FFFFF')).text).toContain('no open alert')
    await textTo(station, manager, /tank/)
    expect(station.alertOf('tank')).toMatchObject({ state: 'firing', ack: null })
    expect((await station.answers(manager, `Ack: ${code}.`)).text).toContain(`Acknowledged ${code}`)
    expect((await station.answers(ops, `ACK ${code}`)).text).toContain(`already acknowledged by ${manager}`)
  })

  test.concurrent('goes to the next at once when a text does not arrive, or its reader wants none', async () => {
    const floods = (device: string) => station.device.publish(`floods/${device}`, 'wet')
    await floods('cellar')
    const first = await textTo(station, porter, /cellar/)
    const forged = await fetch(String(first.statusCallback), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': 'AAAA' },
      body: `MessageSid=${first.sid}&MessageStatus=undelivered`,
    })
    expect(forged.status).toBe(403)
    expect(textsAbout(station, owner, 'cellar')).toEqual([])
    expect(await station.reports(first.sid, 'undelivered', 30003)).toBe(204)
    const second = await textTo(station, owner, /cellar/)
    expect(await station.reports(second.sid, 'delivered')).toBe(204)

    // STOP: nothing more to that number; the next step comes at once instead.
    expect((await station.answers(porter, 'STOP')).status).toBe(200)
    await floods('shaft')
    await textTo(station, owner, /shaft/)
    expect(textsAbout(station, porter, 'shaft')).toEqual([])
    expect((await station.answers(porter, 'START')).status).toBe(200)
    await floods('garage')
    await textTo(station, porter, /garage/)
  })

  test.concurrent('is listed, acknowledged, silenced and resolved by MQTT request, in both conventions', async () => {
    await station.reads('drum', 40)
    await waitFor('firing', () => station.alertOf('drum')?.state === 'firing')
    const alert = String(station.alertOf('drum')?.alert)
    const listed = await station.asks('alerts', { match: { device: 'drum' } })
    expect(listed).toMatchObject({ status: 'success' })
    expect(JSON.stringify(listed.data)).toContain(alert)
    expect(await station.asks('ack', { alert, by: 'ada' })).toMatchObject({ status: 'success' })
    await waitFor('the ack', () => station.alertOf('drum')?.ack)
    expect(station.alertOf('drum')).toMatchObject({ ack: { by: 'ada', via: 'mqtt' } })
    const unknown = await station.asks('ack', { alert: 'overheating/ffff0000', by: 'ada' })
    expect(unknown).toMatchObject({ status: 'error' })

    // Response topic and correlation data, as MQTT 5 has them.
    const client = await mqtt.connectAsync(station.brokerUrl, { protocolVersion: 5 })
    undo.push(() => client.endAsync(true))
    await client.subscribeAsync('answers/me', { qos: 1 })
    const answer = new Promise<{ payload: string; correlation: string }>((resolve) => {
      client.once('message', (_topic, payload, packet) =>
        resolve({ payload: payload.toString(), correlation: String(packet.properties?.correlationData) }),
      )
    })
    await client.publishAsync('tocsin/request/resolve', JSON.stringify({ alert, by: 'ada' }), {
      qos: 1,
      properties: { responseTopic: 'answers/me', correlationData: Buffer.from('c-1') },
    })
    const { payload, correlation } = await within(20_000, 'the answer', answer)
    expect(correlation).toBe('c-1')
    expect(JSON.parse(payload)).toMatchObject({ status: 'success' })
    await waitFor('the topic to be cleared', () => station.alertOf('drum') === null)

    const silence = { match: { device: 'loom' }, for: '1h', by: 'ada', comment: 'repair' }
    expect(await station.asks('silence', silence)).toMatchObject({ status: 'success' })
    await station.reads('loom', 50)
    await station.reads('press', 60)
    await textTo(station, manager, /press/)
    expect(station.alertOf('loom')).toMatchObject({ state: 'firing', silenced: expect.any(String) })
    expect(station.mail.mails.items.filter(({ mail }) => mail.text?.includes('loom'))).toEqual([])
    expect(station.texts.items.filter(({ body }) => body.includes('loom'))).toEqual([])
  })

  test.concurrent('outlives a crash of the program: the next step comes, and once', async () => {
    const own = await open()
    await own.reads('kiln', 40)
    await mailAbout(own, /kiln/)
    await waitFor('the mail to be noted as sent', async () =>
      JSON.stringify((await own.asks('deliveries')).data).includes('"sent"'),
    )
    expect(existsSync(databaseOf(own))).toBe(true)
    await own.restart()
    await textTo(own, ops, /kiln/)
    const text = await textTo(own, manager, /kiln/)
    // Without a code it is the latest that one was told of.
    expect((await own.answers(manager, 'Ack.')).text).toContain(`Acknowledged ${codeIn(text.body)}`)
    await own.reads('kiln', 20)
    await mailAbout(own, /RESOLVED[\s\S]*kiln/)
    await textTo(own, manager, /^RESOLVED/)
    await textTo(own, ops, /^RESOLVED/)
    expect(own.mail.mails.items).toHaveLength(2)
    expect(own.texts.items.map(({ to }) => to).sort()).toEqual([ops, ops, manager, manager])
  })
})

/** What a newcomer finds on the alerts' topics. */
async function retainedOf(station: AlertStation, device: string): Promise<unknown[]> {
  const newcomer = await connectClient(station.brokerUrl)
  undo.push(() => newcomer.end())
  await newcomer.subscribe('tocsin/alerts/#')
  // What is retained comes before what is sent from now on.
  await newcomer.subscribe('fence')
  await newcomer.publish('fence', 'x')
  await newcomer.message('fence')
  return newcomer.heard.items.filter(({ payload }) => payload.includes(`"device":"${device}"`))
}

describe.skipIf(!hasMosquitto)('tocsin run', () => {
  const files = (settings: string) => ({
    'tocsin.yaml': `
brokers: { default: { url: "mqtt://127.0.0.1:1" } }
settings: { storage: memory, ${settings} }
receivers: { ops: { email: { to: [ops@example.com] } }, chat: { sms: { to: ["+15550100"] } } }
policies: { default: { steps: [{ notify: [ops] }, { after: 5m, notify: [chat] }] } }
rules: [{ id: hot, topic: a/+b, when: payload > 1, for: 1m, alert: { severity: critical, summary: hot } }]
`,
  })

  test.concurrent('refuses a policy whose receivers could not be reached, in words', async () => {
    const directory = makeDirectory(files('http: { listen: off }'))
    undo.push(() => directory.remove())
    const { code, stderr } = await tocsin(['run', directory.path], { cwd: directory.path })
    expect(code).toBe(1)
    expect(stderr).toContain('The receiver `ops` cannot be reached')
    expect(stderr).toContain('The receiver `chat` cannot be reached')
    expect(stderr).toContain('smtp: inbox')
    expect(stderr).toContain('twilio: inbox')
  })

  test.concurrent('starts when they write `inbox`', async () => {
    const directory = makeDirectory(files('http: { listen: off }, smtp: inbox, twilio: inbox'))
    undo.push(() => directory.remove())
    const running = startTocsin(['run', directory.path], { cwd: directory.path })
    undo.push(() => running.kill())
    await running.lines.first('that the broker is not there', ({ level }) => level === 'error', 15_000)
    expect(await running.stop()).toBe(0)
  })

  test.concurrent('says so when the address of its listener is taken', async () => {
    const server = net.createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    undo.push(() => server.close())
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const settings = `http: { listen: "127.0.0.1:${port}" }, smtp: inbox, twilio: inbox`
    const directory = makeDirectory(files(settings))
    undo.push(() => directory.remove())
    const { code, stderr, stdout } = await tocsin(['run', directory.path], { cwd: directory.path })
    expect(code).toBe(1)
    expect(stdout + stderr).toContain(`127.0.0.1:${port} is taken by another program`)
  })
})
