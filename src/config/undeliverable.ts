/** Which receivers could not be reached: their channel has no account. */
import type { Channel } from '../ports/channel.ts'
import type { Configuration } from './configuration.ts'
import { notifiedReceivers } from './receivers-in-use.ts'

export interface Undeliverable {
  readonly receiver: string
  readonly channel: string
  /** Parts of a sentence, as messages of problems are. */
  readonly why: string
  readonly help: string
}

type Accounts = Pick<Channel, 'name' | 'accountName'>

/** Receivers that nobody uses are left out; `inbox` counts as an account. */
export function undeliverable(
  configuration: Pick<Configuration, 'receivers' | 'policies' | 'rules' | 'settings'>,
  channels: readonly Accounts[],
): Undeliverable[] {
  const { receivers, policies, rules, settings } = configuration
  const notified = rules.flatMap(({ definition }) => notifiedReceivers(definition))
  const used = new Set([
    ...[...policies.values()].flatMap(({ steps }) => steps.flatMap(({ notify }) => notify)),
    ...notified.flatMap(({ name }) => name ?? []),
  ])
  const mayBeAny = notified.some(({ name }) => name === null)
  return [...receivers.values()]
    .filter(({ name }) => mayBeAny || used.has(name))
    .flatMap((receiver) =>
      receiver.channels.flatMap(({ channel }) => {
        const fault = deliveryFault(channel, channels, (key) => Object.hasOwn(settings.accounts, key))
        return fault === null ? [] : [{ receiver: receiver.name, channel, ...fault }]
      }),
    )
}

export function deliveryFault(
  channel: string,
  channels: readonly Accounts[],
  hasAccount: (key: string) => boolean,
): Pick<Undeliverable, 'why' | 'help'> | null {
  const key = channels.find(({ name }) => name === channel)?.accountName ?? null
  if (key === null || hasAccount(key)) return null
  return {
    why: `\`${channel}\` cannot be sent: there is no \`${key}\` below \`settings\``,
    help: `write settings: { ${key}: { … } }, or ${key}: inbox, which sends nothing and shows what would be sent`,
  }
}
