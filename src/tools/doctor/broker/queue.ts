/** Tries with a throw-away session how many messages the broker lets wait for a client that is away. */
import { randomBytes } from 'node:crypto'
import { connectPlain } from '../../../mqtt/plain-client.ts'
import type { Finding, Tell } from '../finding.ts'
import { withLimit } from '../limit.ts'
import { type BrokerWorld, doctorTopics } from './broker-world.ts'
import { dropSession, holdSession } from './held-session.ts'
import { asStranger, type Login } from './login.ts'
import { subscribe } from './own-topic.ts'

const check = 'queue'
/** A few more than Mosquitto keeps unless told otherwise. */
const messages = 1_200
const stepLimitMs = 8_000
/** When nothing has come for so long, nothing more will. */
const quietMs = 700
const sessionSeconds = 120

export async function checkQueue(
  world: BrokerWorld,
  { protocolVersion }: Login,
  roundTrip: boolean,
  tell: Tell,
): Promise<void> {
  if (!roundTrip) {
    tell({ check, state: 'skipped', what: 'Not tried: no message comes back.' })
    return
  }
  const settings = { ...asStranger(world.settings), sessionExpirySeconds: sessionSeconds }
  try {
    tell(await tried(world, protocolVersion, settings))
  } finally {
    await withLimit(stepLimitMs, dropSession(settings, protocolVersion))
  }
}

async function tried(
  { clock }: BrokerWorld,
  protocolVersion: 4 | 5,
  settings: ReturnType<typeof asStranger>,
): Promise<Finding> {
  const topic = `${doctorTopics}${randomBytes(8).toString('hex')}`
  const failed = {
    check,
    state: 'skipped',
    what: 'It could not be tried: the connection was lost on the way.',
  } as const
  const away = await holdSession({ settings, protocolVersion, clock })
  if (!away.ok) return failed
  const granted = await withLimit(stepLimitMs, subscribe(away.connection.client, [topic]))
  away.connection.abandon({ kind: 'closed' })
  await away.down
  if (!granted.ok || (granted.value[0] ?? 0x80) >= 0x80) return failed

  const sender = await connectPlain({
    ...asStranger(settings),
    protocol: protocolVersion === 5 ? '5' : '3.1.1',
  })
  if (!sender.ok) return failed
  const sent = await withLimit(
    stepLimitMs,
    Promise.race([
      Promise.all(
        Array.from({ length: messages }, () =>
          sender.client.publishAsync(topic, 'x', { qos: 1 }).then(() => true),
        ),
      ).catch(() => null),
      sender.closed.then(() => null),
    ]),
  )
  sender.client.end(true)
  if (!sent.ok || sent.value === null) return failed

  const { promise: settled, resolve } = Promise.withResolvers<void>()
  let quiet = setTimeout(resolve, quietMs)
  const back = await holdSession({
    settings,
    protocolVersion,
    clock,
    acknowledges: true,
    heard(count) {
      clearTimeout(quiet)
      if (count >= messages) resolve()
      else quiet = setTimeout(resolve, quietMs)
    },
  })
  if (!back.ok) return failed
  await withLimit(stepLimitMs, Promise.race([settled, back.down]))
  clearTimeout(quiet)
  const came = back.came()
  back.connection.abandon({ kind: 'closed' })
  await back.down
  const count = came.toLocaleString('en')
  if (came >= messages) {
    return {
      check,
      state: 'ok',
      what: `All of ${messages.toLocaleString('en')} messages waited for a client that was away.`,
    }
  }
  return {
    check,
    state: 'warn',
    what: `Of ${messages.toLocaleString('en')} messages for a client that was away, ${count} were kept; the others were acknowledged and dropped.`,
    cause: 'The broker bounds what waits: `max_queued_messages` of Mosquitto is 1,000 unless set.',
    next: 'Write `max_queued_messages 500000` into its configuration; docs/operations.md says what it takes.',
  }
}
