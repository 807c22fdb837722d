/**
 * Stands in for the ways to reach people: nothing is sent, and what each of them would have read is recorded. A test
 * may say that a channel is down.
 */
import type { Notification } from '../../core/alerts/notification.ts'
import type { Outreach } from '../../engine/notifying.ts'
import type { Channel, ChannelConnection, SendOutcome } from '../../ports/channel.ts'
import type { Clock } from '../../ports/clock.ts'

/** `down`: the provider cannot be reached. `refuses`: it takes nothing. `slow`: every message takes half a minute. */
export const channelConditions = ['up', 'down', 'refuses', 'slow'] as const
export type ChannelCondition = (typeof channelConditions)[number]

export const slowMs = 30_000

/** How the configuration reaches people, as in production. */
export interface Reach {
  /** `account`: null when the settings have none. Tests need none. */
  readonly channels: readonly { readonly channel: Channel; readonly account: unknown }[]
  /** What the channel needs to reach an address of a receiver; null when there is none like it. */
  target(receiver: string, channel: string, address: string): unknown
}

/** One notification that reached somebody. */
export interface Told {
  readonly receiver: string
  readonly channel: string
  readonly to: string
  readonly kind: Notification['kind']
  readonly severity: Notification['severity']
  readonly title: string
  /** As that channel forms it. */
  readonly text: string
}

export interface Recorder {
  told(told: Told): void
  /** An attempt failed, in words. */
  failed(message: string): void
}

/** The target, with the name that connections are not told. */
interface Place {
  readonly receiver: string
  readonly target: unknown
}

export class RecordedChannels {
  readonly #reach: Reach
  readonly #recorder: Recorder
  readonly #conditions = new Map<string, ChannelCondition>()

  constructor(reach: Reach, recorder: Recorder) {
    this.#reach = reach
    this.#recorder = recorder
  }

  set(channel: string, condition: ChannelCondition): void {
    this.#conditions.set(channel, condition)
  }

  /** New connections, as an engine makes them when it starts. */
  connect(clock: Clock): Outreach {
    const { channels } = this.#reach
    return {
      connections: new Map(channels.map((one) => [one.channel.name, this.#connection(one, clock)])),
      target: (receiver, channel, address) => {
        const target = this.#reach.target(receiver, channel, address)
        return target === null ? null : ({ receiver, target } satisfies Place)
      },
    }
  }

  #connection({ channel, account }: Reach['channels'][number], clock: Clock): ChannelConnection<unknown> {
    const { name } = channel
    return {
      parallel: 100,
      send: async ({ deliveryId, notification, target: place }): Promise<SendOutcome> => {
        const { receiver, target } = place as Place
        const condition = this.#conditions.get(name) ?? 'up'
        const fault = faults[condition]
        if (fault !== undefined) {
          this.#recorder.failed(`${receiver} (${name}): ${fault.message}`)
          return { ok: false, ...fault }
        }
        if (condition === 'slow')
          await new Promise<void>((resolve) => clock.setTimer(clock.now() + slowMs, resolve))
        const { to, text } = channel.preview({ deliveryId, notification, target }, account)
        const { kind, severity, title } = notification
        this.#recorder.told({ receiver, channel: name, to, kind, severity, title, text })
        return { ok: true, providerId: null, state: 'delivered' }
      },
      async close() {},
    }
  }
}

const faults: Partial<Record<ChannelCondition, Omit<Extract<SendOutcome, { ok: false }>, 'ok'>>> = {
  down: { kind: 'temporary', reason: 'unreachable', message: 'the channel is down, as the test says' },
  refuses: { kind: 'permanent', reason: 'refused', message: 'the channel refuses it, as the test says' },
}
