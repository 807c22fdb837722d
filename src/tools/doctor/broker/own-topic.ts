/** Sends messages to itself: whether it may publish, whether what is granted also arrives, and how long that takes. */
import { randomBytes } from 'node:crypto'
import type { MqttClient } from 'mqtt'
import { connectPlain } from '../../../mqtt/plain-client.ts'
import { reasonWords } from '../../../mqtt/reason-words.ts'
import type { Finding, Tell } from '../finding.ts'
import { withLimit } from '../limit.ts'
import { type BrokerWorld, doctorTopics } from './broker-world.ts'
import { asStranger, type Login } from './login.ts'
import type { Way } from './way.ts'

export interface OwnTopic {
  /** Whether a message came back. */
  readonly roundTrip: boolean
  /** What `$SYS/broker/version` says; null when it says nothing. */
  readonly software: string | null
  /** What is retained on the status topic of Tocsin. */
  readonly status: string | null
}

const roundTrips = 7
const roundTripLimitMs = 2_500
/** Slower than this, alerts and answers are noticeably late. */
const slowMs = 250
const verySlowMs = 1_000
export const softwareTopic = '$SYS/broker/version'

export async function checkOwnTopic(
  world: BrokerWorld,
  { protocolVersion }: Login,
  way: Way,
  tell: Tell,
): Promise<OwnTopic> {
  const { settings } = world
  const skip = (checks: readonly string[], what: string) => {
    for (const check of checks) tell({ check, state: 'skipped', what })
  }
  const made = await connectPlain({
    ...asStranger(settings),
    protocol: protocolVersion === 5 ? '5' : '3.1.1',
  })
  if (!made.ok) {
    const { message, help } = made.failure
    tell({
      check: 'publish',
      state: 'fail',
      what: `The broker does not let us in a second time: ${message}`,
      next: help,
    })
    return { roundTrip: false, software: null, status: null }
  }
  const { client, closed } = made
  const topic = `${doctorTopics}${randomBytes(8).toString('hex')}`
  const retained = new Map<string, string>()
  let arrived: (payload: string) => void = () => {}
  client.on('message', (from, payload) => {
    if (from === topic) arrived(payload.toString())
    else retained.set(from, payload.toString().slice(0, 200))
  })
  const seen = (roundTrip: boolean): OwnTopic => ({
    roundTrip,
    software: retained.get(softwareTopic) ?? null,
    status: settings.statusTopic === null ? null : (retained.get(settings.statusTopic) ?? null),
  })
  const gone = closed.then(() => 'gone' as const)
  try {
    const filters = settings.statusTopic === null ? [topic] : [topic, settings.statusTopic]
    const granted = await withLimit(roundTripLimitMs, Promise.race([subscribe(client, filters), gone]))
    if (granted.ok && granted.value !== 'gone' && (granted.value[0] ?? 0) >= 0x80) {
      const what = `The broker refused to let us hear ${topic}: ${reasonWords(granted.value[0] ?? 0)}.`
      tell({ check: 'round trip', state: 'fail', what, ...readAdvice(settings.username) })
    }
    const attempt = async (qos: 0 | 1): Promise<{ ms: number; came: boolean; code: number | 'gone' }> => {
      const payload = randomBytes(4).toString('hex')
      const came = new Promise<'came'>((resolve) => {
        arrived = (heard) => {
          if (heard === payload) resolve('came')
        }
      })
      const beganMs = performance.now()
      const code = await withLimit(
        roundTripLimitMs,
        Promise.race([publish(client, topic, payload, qos), gone]),
      )
      const answered = code.ok ? code.value : 'gone'
      if (answered === 'gone' || answered >= 0x80) return { ms: 0, came: false, code: answered }
      const back = await withLimit(roundTripLimitMs, Promise.race([came, gone]))
      return { ms: performance.now() - beganMs, came: back.ok && back.value === 'came', code: answered }
    }
    const first = await attempt(1)
    if (first.code === 'gone' || first.code >= 0x80) {
      const why = first.code === 'gone' ? 'it ended the connection' : reasonWords(first.code)
      tell({
        check: 'publish',
        state: 'fail',
        what: `The broker does not let ${nameOf(settings.username)} publish to ${doctorTopics}…: ${why}.`,
        cause: 'Its access list (`acl_file` of Mosquitto) does not allow it.',
        next: `Allow it what Tocsin needs: ${aclLines(settings.username)}`,
      })
      skip(['round trip'], 'Not tried: nothing could be published.')
      return seen(false)
    }
    if (!first.came) {
      // A refused publish is acknowledged like any other there (MQTT 3.1.1, 3.3.5).
      const isSilent = protocolVersion === 4
      if (!isSilent) tell({ check: 'publish', state: 'ok', what: `May publish to ${doctorTopics}….` })
      tell({
        check: 'round trip',
        state: 'fail',
        what: `A message to ${doctorTopics}… was acknowledged and did not come back within ${roundTripLimitMs / 1_000} s.`,
        ...readAdvice(settings.username, isSilent),
      })
      return seen(false)
    }
    tell({ check: 'publish', state: 'ok', what: `May publish to ${doctorTopics}….` })
    const times: number[] = []
    for (let trip = 0; trip < roundTrips; trip++) {
      const { came, ms } = await attempt(1)
      if (!came) break
      times.push(ms)
      if (ms > verySlowMs) break
    }
    const plain = await attempt(0)
    tell(latencyFinding({ times, tcpMs: way.tcpMs, qos0Ms: plain.came ? plain.ms : null }))
    // Last, as some brokers end the connection of who asks for it. What is retained comes before what is sent later.
    await withLimit(roundTripLimitMs, Promise.race([subscribe(client, [softwareTopic]), gone]))
    await attempt(0)
    return seen(true)
  } finally {
    client.end(true)
  }
}

/** What the times say, and what slow ones come from. All in ms; `qos0Ms`: the same once with QoS 0. */
export function latencyFinding(seen: {
  readonly times: readonly number[]
  readonly tcpMs: number
  readonly qos0Ms: number | null
}): Finding {
  const sorted = [...seen.times].sort((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)]
  const most = sorted.at(-1)
  const check = 'round trip'
  if (median === undefined || most === undefined) {
    return {
      check,
      state: 'warn',
      what: 'A first message came back, the next one did not.',
      cause: 'The broker is overloaded, or the network loses the connection.',
      next: 'Run this again; look at the load of the broker and at its log.',
    }
  }
  const what = `A message there and back takes ${time(median)} (${sorted.length} tries, at most ${time(most)}).`
  if (median < slowMs && most < verySlowMs) return { check, state: 'ok', what, ms: median }
  const network = seen.tcpMs > median / 4
  const qos = !network && seen.qos0Ms !== null && seen.qos0Ms < median / 3
  const cause = network
    ? `The network: connecting alone takes ${time(seen.tcpMs)}.`
    : qos
      ? `The acknowledgements of QoS 1: with QoS 0 it takes ${time(seen.qos0Ms ?? 0)}. The broker waits for its disk.`
      : `The broker is busy: connecting takes only ${time(seen.tcpMs)}.`
  const next = network
    ? 'Check the network between here and the broker (Wi-Fi, VPN, mobile links), or run Tocsin beside the broker.'
    : qos
      ? 'Check the disk of the broker and how often it saves (`autosave_interval`); docs/operations.md has numbers.'
      : 'Check the load of the broker (`top` on its machine, `$SYS/broker/load/#`), and who sends so much.'
  return { check, state: 'warn', what: `High latency: ${what}`, cause, next, ms: median }
}

function time(ms: number): string {
  return ms < 10 ? `${Math.round(ms * 10) / 10} ms` : `${Math.round(ms)} ms`
}

function nameOf(username: string | undefined): string {
  return username === undefined ? 'a client without a user' : `user "${username}"`
}

function aclLines(username: string | undefined): string {
  return `${username === undefined ? '' : `\`user ${username}\`, `}\`topic readwrite #\`; deploy/mosquitto/acl is an example.`
}

/** `also`: it may as well be the publish that was refused. */
function readAdvice(username: string | undefined, also = false): { cause: string; next: string } {
  const who = nameOf(username)
  return {
    cause: also
      ? `The access list of the broker does not let ${who} publish, or read, there. (With MQTT 3.1.1 nobody is told.)`
      : `The access list of the broker does not let ${who} read. (Mosquitto grants every SUBSCRIBE and then delivers nothing.)`,
    next: `Allow it what Tocsin needs: ${aclLines(username)}`,
  }
}

/** The reason codes of the SUBACK, in order. */
export function subscribe(
  client: MqttClient,
  filters: readonly string[],
  qos: 0 | 1 = 1,
): Promise<readonly number[]> {
  return new Promise((resolve) => {
    client.subscribe([...filters], { qos }, (error, _granted, suback) => {
      const codes = suback?.granted.map((code) => (typeof code === 'number' ? code : 0x80))
      resolve(codes ?? filters.map(() => (error === null ? 0 : 0x80)))
    })
  })
}

/** The reason code of the PUBACK; 0 on MQTT 3.1.1 and with QoS 0, which have none. */
function publish(client: MqttClient, topic: string, payload: string, qos: 0 | 1): Promise<number> {
  return new Promise((resolve) => {
    client.publish(topic, payload, { qos }, (error) => {
      const code = error instanceof Error && 'code' in error ? error.code : null
      // An error without a code is the end of the connection, which is noticed apart.
      if (error === undefined || error === null) resolve(0)
      else if (typeof code === 'number') resolve(code)
    })
  })
}
