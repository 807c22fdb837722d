/** The Broker port over MQTT: an ingest line that keeps a session and receives, an outgoing line that publishes. */
import type { OutboundMessage } from '../core/message.ts'
import type {
  Broker,
  BrokerSink,
  InboundMessage,
  PublishOutcome,
  SubscriptionOutcome,
  SubscriptionRequest,
} from '../ports/broker.ts'
import type { Clock } from '../ports/clock.ts'
import { type BrokerOptions, resolveOptions } from './connect-options.ts'
import { type Counters, newCounters } from './counters.ts'
import { Line } from './line.ts'
import { ProtocolChoice } from './protocol-choice.ts'
import { Publisher } from './publisher.ts'
import { subscribeAll, unsubscribeAll } from './subscriber.ts'

export interface BrokerDeps {
  readonly clock: Clock
  /** From 0 (included) to 1 (excluded), for the jitter of reconnects. */
  readonly random: () => number
}

export interface MqttBroker extends Broker {
  readonly counters: Readonly<Counters>
}

/** Makes a broker that is not connected yet. Throws a TypeError when the URL cannot be used. */
export function createBroker(options: BrokerOptions, { clock, random }: BrokerDeps): MqttBroker {
  const settings = resolveOptions(options)
  const counters = newCounters()
  const shared = { options: settings, choice: new ProtocolChoice(settings.protocol), clock, random, counters }
  const publisher = new Publisher(settings, clock, counters)
  let sink: BrokerSink | null = null
  let paused = false
  let stopping = false

  const status = (text: 'online' | 'offline'): OutboundMessage | null =>
    settings.statusTopic === null
      ? null
      : { topic: settings.statusTopic, payload: Buffer.from(text), qos: 1, retain: true }

  const ingest = new Line(
    { ...shared, role: 'ingest' },
    {
      up: (connection) => {
        if (paused) connection.gate.holdReading()
      },
      messages: (batch) => sink?.messages(batch),
      link: (state) => sink?.link(state),
      down: () => {},
      puback: () => {},
      drain: () => {},
    },
  )

  // The will is on the outgoing line because that line publishes `online` too: on one connection the broker
  // keeps the order of will, reconnect and `online`, on two it could end with `offline` while we are up.
  const outgoing = new Line(
    { ...shared, role: 'outgoing' },
    {
      up: (connection, greeting) => {
        publisher.up(connection, greeting)
        const online = status('online')
        if (online !== null) void publisher.publish(online)
      },
      messages: () => {},
      link: (state) => sink?.outgoing?.(state),
      down: (cause) => publisher.down(cause),
      puback: (packetId, reasonCode) => publisher.puback(packetId, reasonCode),
      drain: () => publisher.pump(),
    },
  )

  return {
    name: settings.name,
    counters,

    start(newSink: BrokerSink): void {
      sink = newSink
      stopping = false
      ingest.start()
      outgoing.start()
    },

    subscribe(requests: readonly SubscriptionRequest[]): Promise<readonly SubscriptionOutcome[]> {
      return subscribeAll(ingest.online?.client ?? null, requests)
    },

    unsubscribe(filters: readonly string[]): Promise<void> {
      return unsubscribeAll(ingest.online?.client ?? null, filters)
    },

    acknowledge(message: InboundMessage): void {
      const done = ingest.online?.gate.acknowledge(message) ?? false
      if (!done) counters.acknowledgementsDropped++
    },

    pause(): void {
      paused = true
      ingest.online?.gate.holdReading()
    },

    resume(): void {
      paused = false
      ingest.online?.gate.resumeReading()
    },

    renew(): void {
      ingest.online?.abandon({ kind: 'stalled' })
    },

    publish(message: OutboundMessage): Promise<PublishOutcome> {
      return publisher.publish(message)
    },

    get canPublish(): boolean {
      return publisher.online && !stopping
    },

    async stop(limitMs: number): Promise<void> {
      if (sink === null) return
      sink = null
      stopping = true
      let cancel = () => {}
      const limit = new Promise<void>((resolve) => {
        cancel = clock.setTimer(clock.now() + limitMs, resolve)
      })
      const ending = async () => {
        const offline = status('offline')
        const ingestClosed = ingest.stop()
        if (offline !== null && publisher.online) await Promise.race([publisher.publish(offline), limit])
        await Promise.all([ingestClosed, outgoing.stop()])
      }
      const ended = ending()
      const cut = limit.then(() => {
        ingest.cut()
        outgoing.cut()
      })
      await Promise.race([ended, cut.then(() => ended)])
      cancel()
    },
  }
}
