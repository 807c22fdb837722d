/**
 * Whether Tocsin's client id is free: two clients with one id push each other off for ever. A Tocsin that runs is left
 * alone; else the id is taken up for a moment, in a way that loses nothing of what waits in its session.
 */
import { durationText } from '../../../core/templates/duration-text.ts'
import { type DownCause, explainFailure } from '../../../mqtt/link-failure.ts'
import { connectPlain } from '../../../mqtt/plain-client.ts'
import type { RuleView } from '../../../ports/control.ts'
import { rulesListed } from '../ask-running.ts'
import type { Finding, Tell } from '../finding.ts'
import { withLimit } from '../limit.ts'
import type { BrokerWorld } from './broker-world.ts'
import { dropSession, holdSession } from './held-session.ts'
import { asStranger, type Login, loginLimitMs } from './login.ts'
import { contextOf } from './way.ts'

const check = 'client id'
/** Reason code of a DISCONNECT (3.14.2.1). */
const sessionTakenOver = 0x8e

/** `status`: what is retained on Tocsin's status topic. */
export async function checkClientId(
  world: BrokerWorld,
  { protocolVersion }: Login,
  status: string | null,
  tell: Tell,
): Promise<void> {
  const { settings, name } = world
  const id = `"${settings.clientId}"`
  const running = await world.running
  const here = running.answers ? running.status.brokers.find((broker) => broker.name === name) : undefined
  if (running.answers && (here !== undefined || running.broker === name)) {
    const { version, uptime_seconds } = running.status
    if (here?.receives === false) {
      tell({
        check,
        state: 'warn',
        what: `Tocsin ${version} runs, but is not connected here now: ${here.problem ?? 'it does not say why'}`,
        next: '`tocsin status` shows how it goes on.',
      })
      return
    }
    const runs = `Tocsin ${version} runs here, for ${durationText(uptime_seconds * 1_000)}`
    const untried = `${id} was not tried, as that would push it off`
    if (sameRules(world, running.rules)) tell({ check, state: 'ok', what: `${runs}: ${untried}.` })
    else {
      tell({
        check,
        state: 'warn',
        what: `${runs}, with other rules than these; ${untried}.`,
        cause: 'It is another Tocsin, or could not take over the rules as they are now.',
        next: 'See its log; if it is another one, give this one a client_id of its own.',
      })
    }
    return
  }
  if (status === 'online') {
    tell({
      check,
      state: 'warn',
      what: `${settings.statusTopic ?? ''} says that a Tocsin is online, but it answers no requests: ${id} was not tried, as that could push it off.`,
      cause:
        'It runs without answering (`respond_to`, the access list), or the broker kept an old word of it.',
      next: 'Ask it with `tocsin status`. If none runs, start it: the word is renewed then.',
    })
    return
  }
  tell(await take(world, protocolVersion))
}

/** Whether the rules on this broker have the same ids; where there are more than are listed, nobody knows. */
function sameRules({ name, listeners }: BrokerWorld, rules: readonly RuleView[]): boolean {
  const here = new Set(listeners.filter(({ triggers }) => triggers).map(({ rule }) => rule))
  const there = new Set(rules.filter(({ broker }) => broker === name).map(({ id }) => id))
  const same = here.size === there.size && [...here].every((id) => there.has(id))
  return same || rules.length >= rulesListed
}

async function take(world: BrokerWorld, protocolVersion: 4 | 5): Promise<Finding> {
  const settings = { ...world.settings, connectTimeoutMs: loginLimitMs }
  const id = `"${settings.clientId}"`
  const held = await holdSession({ settings, protocolVersion, clock: world.clock })
  if (!held.ok) {
    const { message, help } = explainFailure(held.cause, contextOf(world))
    return { check, state: 'fail', what: message, next: help }
  }
  const ended = await withLimit(world.watchMs, held.down)
  if (ended.ok) {
    // Whoever came has the session now: it is not touched.
    const lost = await otherReason(ended.value, world)
    if (lost !== null) return lost
    return {
      check,
      state: 'fail',
      what: `Another client uses the client id ${id}: the broker gave it our place after a moment.`,
      cause:
        'A second Tocsin, or another program with the same id; each pushes the other off, again and again.',
      next: 'Give every one of them a client_id of its own, or stop the one that should not run.',
    }
  }
  const waiting = held.came()
  if (!held.sessionPresent) await dropSession(settings, protocolVersion)
  held.connection.abandon({ kind: 'closed' })
  await held.down
  const kept = !held.sessionPresent
    ? ''
    : waiting > 0
      ? ' The broker keeps messages for it; they are still there.'
      : ' The broker keeps a session for it.'
  return { check, state: 'ok', what: `${id} is used by nobody else.${kept}` }
}

/**
 * MQTT 5 can say that another client came; else the connection just ends, and it was another client unless the
 * broker is gone altogether.
 */
async function otherReason(cause: DownCause, world: BrokerWorld): Promise<Finding | null> {
  if (cause.kind === 'disconnect' && cause.code === sessionTakenOver) return null
  if (cause.kind === 'closed' || cause.kind === 'socket') {
    const made = await connectPlain(asStranger(world.settings))
    if (made.ok) {
      made.client.end(true)
      return null
    }
  }
  const { message, help } = explainFailure(cause, { ...contextOf(world), wasOnline: true })
  return { check, state: 'fail', what: message, next: help }
}
