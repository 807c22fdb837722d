/** A broker under test with all it told, so that tests read as a story. */
import { type BrokerOptions, createBroker, type MqttBroker } from '../../src/mqtt/index.ts'
import type { InboundMessage, LinkFailure, LinkState, SubscriptionOutcome } from '../../src/ports/broker.ts'
import { realClock } from '../support/real-clock.ts'
import { Inbox } from '../support/wait-for.ts'

export interface Station {
  readonly broker: MqttBroker
  readonly messages: Inbox<InboundMessage>
  readonly links: Inbox<LinkState>
  readonly outgoing: Inbox<LinkState>
  /** Waits until both lines are up. */
  up(): Promise<void>
  /** The next failure of the ingest link, or one that was told already. */
  failure(reason?: LinkFailure['reason']): Promise<LinkFailure>
  subscribe(...filters: string[]): Promise<readonly SubscriptionOutcome[]>
  publish(topic: string, text: string, qos?: 0 | 1, retain?: boolean): ReturnType<MqttBroker['publish']>
  topics(): string[]
  stop(): Promise<void>
}

const stations: Station[] = []
let count = 0

/** For `afterEach`: stops all that were started. */
export async function stopStations(): Promise<void> {
  await Promise.all(stations.splice(0).map((station) => station.stop()))
}

export interface StationOptions extends Omit<BrokerOptions, 'name' | 'clientId'> {
  readonly clientId?: string
  /** Acknowledge all at once; true unless said otherwise. */
  readonly acknowledge?: boolean
}

export function startStation({ acknowledge = true, ...options }: StationOptions): Station {
  const broker = createBroker(
    {
      name: 'default',
      clientId: `station-${process.pid}-${++count}`,
      statusTopic: null,
      reconnect: { minMs: 10, maxMs: 100, jitter: 0 },
      ...options,
    },
    { clock: realClock, random: () => 0 },
  )
  const messages = new Inbox<InboundMessage>()
  const links = new Inbox<LinkState>()
  const outgoing = new Inbox<LinkState>()
  broker.start({
    messages(batch) {
      messages.put(...batch)
      if (acknowledge) for (const message of batch) broker.acknowledge(message)
    },
    link: (state) => links.put(state),
    outgoing: (state) => outgoing.put(state),
  })
  const isUp = ({ state }: LinkState) => state === 'online'
  const station: Station = {
    broker,
    messages,
    links,
    outgoing,
    async up() {
      await Promise.all([links.first('the ingest link', isUp), outgoing.first('the outgoing link', isUp)])
    },
    async failure(reason) {
      const state = await links.first(
        `the failure ${reason ?? ''}, links: ${JSON.stringify(links.items)}`,
        (each) => each.state === 'offline' && (reason === undefined || each.failure.reason === reason),
      )
      if (state.state !== 'offline') throw new Error('not reached')
      return state.failure
    },
    subscribe: (...filters) =>
      broker.subscribe(filters.map((filter) => ({ filter, qos: 1 as const, retainHandling: 0 as const }))),
    publish: (topic, text, qos = 1, retain = false) =>
      broker.publish({ topic, payload: Buffer.from(text), qos, retain }),
    topics: () => messages.items.map((message) => message.topic),
    stop: () => broker.stop(2_000),
  }
  stations.push(station)
  return station
}

export function textOf(message: InboundMessage): string {
  return Buffer.from(message.payload).toString()
}
