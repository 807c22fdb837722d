/** What people do in a step of a test: acknowledge, resolve, silence and speak again. */
import type { About } from '../../core/alerts/events.ts'
import { fingerprintOf } from '../../core/alerts/fingerprint.ts'
import type { Event } from '../../core/event.ts'
import type { Program } from '../../core/program.ts'
import type { TestStep } from './test-schema.ts'
import type { VirtualWorld } from './virtual-world.ts'

export interface Refusal {
  /** The key of the step. */
  readonly key: 'ack' | 'resolve' | 'silence' | 'unsilence'
  readonly message: string
}

type Named = NonNullable<TestStep['resolve']>

const via = 'test'

/** Null when all that the step asks for was done. */
export async function carryOut(
  { ack, resolve, silence, unsilence }: TestStep,
  world: VirtualWorld,
  program: Program,
): Promise<Refusal | null> {
  const ask = async (key: Refusal['key'], event: Event | string): Promise<Refusal | null> => {
    if (typeof event === 'string') return { key, message: event }
    const answer = await world.ask(event)
    if (answer?.ok === true) return null
    return { key, message: answer?.message ?? 'there are no receivers and policies to ask' }
  }
  if (ack !== undefined) {
    const { code, latest, by } = ack
    const about: About | string =
      code !== undefined
        ? { code }
        : latest !== undefined
          ? aboutLatest(latest, program)
          : await aboutAlert(ack, world, program)
    const refusal = await ask('ack', typeof about === 'string' ? about : { type: 'ack', about, by, via })
    if (refusal !== null) return refusal
  }
  if (resolve !== undefined) {
    const { by } = resolve
    const about = await aboutAlert(resolve, world, program)
    const refusal = await ask(
      'resolve',
      typeof about === 'string' ? about : { type: 'resolve', alert: about.alert, by, via },
    )
    if (refusal !== null) return refusal
  }
  if (silence !== undefined) {
    const { match, for: forMs, by, comment } = silence
    const refusal = await ask('silence', { type: 'silence', matcher: match, forMs, by, via, comment })
    if (refusal !== null) return refusal
  }
  if (unsilence === undefined) return null
  const { match, by } = unsilence
  const ids = await world.silences(match)
  if (ids.length === 0) return { key: 'unsilence', message: 'there is no silence with these labels' }
  for (const id of ids) {
    const refusal = await ask('unsilence', { type: 'unsilence', id, by, via })
    if (refusal !== null) return refusal
  }
  return null
}

/** Or in words why it is not known which one is meant. */
async function aboutAlert(
  { rule: id, key, alert }: Named,
  world: VirtualWorld,
  program: Program,
): Promise<{ alert: string } | string> {
  if (alert !== undefined) return { alert }
  const rule = id === undefined ? undefined : program.rule(id)
  if (id === undefined || rule === undefined) return `the rule \`${id}\` does not run in this test`
  const named = (parts: Readonly<Record<string, string>>) => {
    const fingerprint = fingerprintOf(
      id,
      rule.key.names.map((name) => parts[name] ?? ''),
    )
    return { alert: `${id}/${fingerprint}` }
  }
  if (key !== undefined) return named(key)
  const open = (await world.alerts()).filter((one) => one.rule === id && one.state !== 'pending')
  const [only] = open
  if (only === undefined) return `no alert of \`${id}\` fires`
  if (open.length > 1) return `${open.length} alerts of \`${id}\` fire: say which one with \`key\``
  return named(only.key)
}

function aboutLatest(receiver: string, program: Program): About | string {
  const [place] = program.alerting?.addresses(receiver) ?? []
  if (place === undefined) return `there is no receiver \`${receiver}\``
  const { channel, address } = place
  return { latest: { channel, address } }
}
