/**
 * Hears what a broker has, and says nothing: one connection with a random client id and a session that ends with
 * it, made anew when it is lost. Messages are acknowledged as they come; whoever listens may miss some.
 */
import { randomBytes } from 'node:crypto'
import {
  acceptor,
  changes,
  type PlannedSubscription,
  planSubscriptions,
  type SubscriptionRecord,
  type SubscriptionWant,
} from '../../core/topics/subscriptions.ts'
import { type BrokerOptions, resolveOptions } from '../../mqtt/connect-options.ts'
import type { Connection } from '../../mqtt/connection.ts'
import { newCounters } from '../../mqtt/counters.ts'
import { Line } from '../../mqtt/line.ts'
import { ProtocolChoice } from '../../mqtt/protocol-choice.ts'
import { subscribeAll, unsubscribeAll } from '../../mqtt/subscriber.ts'
import type { InboundMessage, LinkState } from '../../ports/broker.ts'
import type { Clock } from '../../ports/clock.ts'

export interface ListenerSink {
  /** Each message once, although subscriptions overlap. */
  messages(batch: readonly InboundMessage[]): void
  link(state: LinkState): void
  /** The broker has answered to what was subscribed. */
  subscribed(granted: number, refused: readonly { readonly filter: string; readonly message: string }[]): void
}

export interface Listener {
  /** What to hear from now on. */
  want(wants: readonly SubscriptionWant[]): void
  /** Disconnects within the limit. */
  stop(limitMs: number): Promise<void>
}

const nothingSubscribed: SubscriptionRecord = { subscriptions: [], nextId: 1 }

/** Connects, and hears what is wanted. Throws a TypeError when the URL cannot be used. */
export function startListener(
  options: Omit<BrokerOptions, 'clientId' | 'statusTopic'>,
  wants: readonly SubscriptionWant[],
  { clock, random }: { readonly clock: Clock; readonly random: () => number },
  sink: ListenerSink,
): Listener {
  const settings = resolveOptions({
    // Whoever watches wants to see when the broker is back.
    reconnect: { minMs: 500, maxMs: 5_000, jitter: 0.3 },
    ...options,
    statusTopic: null,
    // A 3.1.1 broker need not take client ids of more than 23 characters [MQTT-3.1.3-5]; the line adds four.
    clientId: `tocsin-w-${randomBytes(5).toString('hex')}`,
  })
  let wanted = wants
  let subscribed = nothingSubscribed
  let accepts: (topic: string, ids: readonly number[] | null) => boolean = () => true
  /** Subscribing takes its turn: two at once would not know of each other. */
  let turn = Promise.resolve()

  const follow = (connection: Connection, version: 4 | 5) => {
    turn = turn.then(async () => {
      if (line.online !== connection) return
      const plan = planSubscriptions(wanted, version, subscribed)
      const { subscribe, unsubscribe } = changes(subscribed, plan)
      subscribed = plan
      accepts = plan.accepts
      const requests = subscribe.map(({ fresh, ...one }) => ({
        ...one,
        retainHandling: fresh ? (0 as const) : (2 as const),
      }))
      const outcomes = await subscribeAll(connection.client, requests)
      if (line.online !== connection) return
      const refused = outcomes.filter(({ granted, temporary }) => !granted && temporary !== true)
      const lost = new Set(refused.map(({ filter }) => filter))
      const granted: PlannedSubscription[] = plan.subscriptions.filter(({ filter }) => !lost.has(filter))
      // A refused filter claims nothing.
      if (lost.size > 0) accepts = acceptor(granted)
      sink.subscribed(
        granted.length,
        refused.map(({ filter, message = 'The broker refused it.' }) => ({ filter, message })),
      )
      await unsubscribeAll(connection.client, unsubscribe)
    })
  }

  let versionForPlan: 4 | 5 = 5
  const line = new Line(
    // The outgoing kind of line starts clean, and this one has nothing to send.
    {
      options: settings,
      role: 'outgoing',
      choice: new ProtocolChoice(settings.protocol),
      clock,
      random,
      counters: newCounters(),
    },
    {
      up: (connection, { subscriptionIdentifiers }) => {
        versionForPlan = subscriptionIdentifiers ? 5 : 4
        subscribed = nothingSubscribed
        follow(connection, versionForPlan)
      },
      messages: (batch) => {
        for (const message of batch) line.online?.gate.acknowledge(message)
        const kept = batch.filter(({ topic, subscriptionIds }) => accepts(topic, subscriptionIds))
        if (kept.length > 0) sink.messages(kept)
      },
      link: (state) => sink.link(state),
      down: () => {},
      puback: () => {},
      drain: () => {},
    },
  )
  line.start()

  return {
    want(next) {
      wanted = next
      const connection = line.online
      if (connection !== null) follow(connection, versionForPlan)
    },
    async stop(limitMs) {
      const cancel = clock.setTimer(clock.now() + limitMs, () => line.cut())
      await line.stop()
      cancel()
    },
  }
}
