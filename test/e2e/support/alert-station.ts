/** Everything an alert meets on its way to people: a broker, a mail server, Twilio's stand-in, the real program between. */
import path from 'node:path'
import { freePort, type MailStation, openMailStation } from '../../channels/email/mail-station.ts'
import { startMosquitto } from '../../support/mosquitto.ts'
import { connectClient, type TestClient } from '../../support/mqtt-client.ts'
import { makeDirectory, type Running, startTocsin } from '../../support/tocsin.ts'
import { type TwilioMessage, TwilioServer, twilioAccount } from '../../support/twilio.ts'
import { Inbox } from '../../support/wait-for.ts'

/** Who is told: numbers that end in 01 to 04. */
export const [ops, manager, porter, owner] = ['+15550101', '+15550102', '+15550103', '+15550104'] as const

export interface AlertStation {
  readonly running: Running
  readonly device: TestClient
  readonly mail: MailStation
  readonly twilio: TwilioServer
  /** What Twilio took, as it came. */
  readonly texts: Inbox<TwilioMessage>
  /** Of Tocsin's own listener. */
  readonly url: string
  readonly directory: string
  readonly brokerUrl: string
  reads(device: string, temperature: number): Promise<void>
  /** A person answers by text message; `signature` instead of Twilio's own. Gives status and body. */
  answers(from: string, text: string, signature?: string): Promise<{ status: number; text: string }>
  /** Twilio tells what became of a message. */
  reports(sid: string, status: string, errorCode?: number): Promise<number>
  /** Asks by MQTT, and gives the answer. */
  asks(verb: string, input?: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>>
  /** What the retained topic of the alert of a device says; undefined when it was never seen, null when cleared. */
  alertOf(device: string): Record<string, unknown> | null | undefined
  /** The program dies, and is started anew on the same directory. */
  restart(): Promise<void>
  close(): Promise<void>
}

export interface StationOptions {
  /** Lines below `policies`. */
  readonly policies: string
  readonly rules?: string
  /** One more line below `settings.twilio`. */
  readonly twilio?: string
}

export const overheating = `
rules:
  - id: overheating
    topic: sensors/+device/data
    value: payload.temperature
    when: value > 35
    for: 300ms
    clear: { when: value < 33 }
    alert: { severity: critical, summary: "{{ device }} is at {{ value }} °C" }
`

export async function openAlertStation(options: StationOptions): Promise<AlertStation> {
  const [mosquitto, mail, twilio, port] = await Promise.all([
    startMosquitto(),
    openMailStation(),
    TwilioServer.start(),
    freePort(),
  ])
  const url = `http://127.0.0.1:${port}`
  const texts = new Inbox<TwilioMessage>()
  twilio.onTaken = (message) => texts.put(message)
  const directory = makeDirectory({
    'tocsin.yaml': `
brokers: { default: { url: "${mosquitto.url}", client_id: tocsin-e2e } }
settings:
  storage: tocsin.db
  smtp: { url: "smtp://127.0.0.1:${mail.port}", from: "Tocsin <tocsin@example.com>" }
  twilio:
    account_sid: ${twilioAccount.accountSid}
    auth_token: ${twilioAccount.authToken}
    from: "+15550000000"
    base_url: ${twilio.url}
    public_url: ${url}
    ${options.twilio ?? ''}
  http: { listen: "127.0.0.1:${port}", public_url: "${url}" }
  respond_to: [response/#, answers/#]
receivers:
  ops-email: { email: { to: [ops@example.com] } }
  ops-sms: { sms: { to: ["${ops}"] } }
  manager-sms: { sms: { to: ["${manager}"] } }
  porter-sms: { sms: { to: ["${porter}"] } }
  owner-sms: { sms: { to: ["${owner}"] } }
policies:
${options.policies}
${options.rules ?? overheating}
`,
  })
  const start = async () => {
    const started = startTocsin(['run', directory.path], { cwd: directory.path })
    await started.line('subscribed')
    return started
  }
  let running = await start().catch(async (error: unknown) => {
    await Promise.all([mosquitto.close(), mail.close(), twilio.stop()])
    directory.remove()
    throw error
  })
  const device = await connectClient(mosquitto.url, { protocolVersion: 5 })
  await device.subscribe('tocsin/alerts/#')
  await device.subscribe('response/#')
  let asked = 0
  const post = (target: string, body: string, signature: string) =>
    fetch(target, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature },
      body,
    })
  return {
    get running() {
      return running
    },
    ...{ device, mail, twilio, texts, url },
    directory: directory.path,
    brokerUrl: mosquitto.url,
    reads: (name, temperature) => device.publish(`sensors/${name}/data`, JSON.stringify({ temperature })),
    async answers(from, text, signature) {
      const callback = twilio.inbound(`${url}/twilio/inbound`, from, text)
      const response = await post(callback.url, callback.body, signature ?? callback.signature)
      return { status: response.status, text: await response.text() }
    },
    async reports(sid, status, errorCode) {
      const callback = twilio.report(sid, status, errorCode)
      return (await post(callback.url, callback.body, callback.signature)).status
    },
    async asks(verb, input = {}) {
      asked += 1
      const id = `q${asked}`
      await device.publish(`tocsin/request/${verb}`, JSON.stringify({ ...input, request_id: id }))
      return JSON.parse((await device.message(`response/${id}`)).payload) as Record<string, unknown>
    },
    alertOf(name) {
      const told = device.heard.items
        .filter(({ topic }) => topic.startsWith('tocsin/alerts/'))
        .map(({ topic, payload }) => ({
          topic,
          view: payload === '' ? null : (JSON.parse(payload) as Record<string, unknown>),
        }))
      const ofDevice = ({ view }: { view: Record<string, unknown> | null }) =>
        view !== null && (view.key as Record<string, unknown>).device === name
      const topic = told.find(ofDevice)?.topic
      return told.findLast((one) => one.topic === topic)?.view
    },
    async restart() {
      await running.kill()
      running = await start()
    },
    async close() {
      await running.kill()
      await device.end()
      await Promise.all([mosquitto.close(), mail.close(), twilio.stop()])
      directory.remove()
    },
  }
}

/** The file in which a station keeps its state. */
export function databaseOf(station: Pick<AlertStation, 'directory'>): string {
  return path.join(station.directory, 'tocsin.db')
}
