/** From receivers and accounts as they are configured to what the core and the engine know of them. */
import type { Account, Configuration } from '../config/configuration.ts'
import type { AlertingDefinition, ReceiverAddress } from '../core/alerts/alerting.ts'
import { makeCalendar } from '../core/calendar.ts'
import { sliceId } from '../core/state.ts'
import { findZone } from '../core/zone.ts'
import { createInbox, type Keep } from '../engine/inbox.ts'
import type { Channel, ChannelConnection } from '../ports/channel.ts'

/** What goes to the inbox instead of to people: everything, what has no account, or what the settings say. */
export type InboxUse = 'all' | 'missing' | 'written'

/** Every address of every receiver, with what its channel needs to reach it. */
export class Addresses {
  readonly #targets = new Map<string, unknown>()
  readonly receivers = new Map<string, readonly ReceiverAddress[]>()

  constructor(configuration: Configuration, channels: readonly Channel[], inbox: InboxUse = 'written') {
    for (const { name, channels: places } of configuration.receivers.values()) {
      const addresses = places.flatMap(({ channel: channelName, target }): ReceiverAddress[] => {
        const channel = channels.find((one) => one.name === channelName)
        if (channel === undefined) throw new Error(`no channel is named ${channelName}`)
        const account = accountOf(configuration, channel, inbox)
        const terms = channel.terms?.(account?.kind === 'account' ? account.account : null, target)
        return channel.targets(target).map((one) => {
          this.#targets.set(sliceId(name, channelName, one.address), one.target)
          return {
            channel: channelName,
            address: one.address,
            caps: terms?.caps ?? null,
            price: terms?.price ?? null,
            // What is only kept has arrived.
            confirms: channel.capabilities.reportsDelivery && account?.kind === 'account',
            keepsStatus: terms?.keepsStatus ?? false,
          }
        })
      })
      this.receivers.set(name, addresses)
    }
  }

  /** Null when the receiver has no such address. */
  target(receiver: string, channel: string, address: string): unknown {
    return this.#targets.get(sliceId(receiver, channel, address)) ?? null
  }
}

export function alertingDefinition(configuration: Configuration, addresses: Addresses): AlertingDefinition {
  const { policies, inhibits, calendars, settings, brokers } = configuration
  return {
    policies: [...policies.values()],
    inhibits,
    receivers: addresses.receivers,
    calendars: new Map(
      [...calendars].map(([name, definition]) => {
        const zone = findZone(definition.zone)
        if (zone === null) throw new Error(`there is no time zone ${definition.zone}`)
        return [name, makeCalendar(definition, zone)]
      }),
    ),
    zone: settings.zone,
    broker: brokers.has('default') ? 'default' : ([...brokers.keys()][0] ?? null),
  }
}

/** One connection for each channel that has an account or an inbox. */
export function connectChannels(
  configuration: Configuration,
  channels: readonly Channel[],
  inbox: InboxUse,
  keep: Keep,
  nowMs: () => number,
): ReadonlyMap<string, ChannelConnection<unknown>> {
  const connections = new Map<string, ChannelConnection<unknown>>()
  for (const channel of channels) {
    const account = accountOf(configuration, channel, inbox)
    if (account?.kind === 'inbox') connections.set(channel.name, createInbox(channel, keep))
    else if (account !== undefined) connections.set(channel.name, channel.connect(account.account, { nowMs }))
  }
  return connections
}

/** Numbers that are configured: answers from others are not listened to. */
export function smsNumbers(configuration: Configuration, channels: readonly Channel[]): ReadonlySet<string> {
  const sms = channels.find(({ name }) => name === 'sms')
  const targets = [...configuration.receivers.values()].flatMap((receiver) =>
    receiver.channels.filter(({ channel }) => channel === 'sms').map(({ target }) => target),
  )
  return new Set(targets.flatMap((target) => sms?.targets(target).map(({ address }) => address) ?? []))
}

export function accountOf(
  configuration: Configuration,
  channel: Channel,
  inbox: InboxUse = 'written',
): Account | undefined {
  if (inbox === 'all') return { kind: 'inbox' }
  if (channel.accountName === null) return { kind: 'account', account: null }
  const written = configuration.settings.accounts[channel.accountName]
  return written ?? (inbox === 'missing' ? { kind: 'inbox' } : undefined)
}
