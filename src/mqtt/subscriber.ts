/** Subscribes and unsubscribes over one connection, in packets that every broker takes, with an outcome for each filter. */
import type { MqttClient } from 'mqtt'
import { parsePlainFilter } from '../core/topics/filter.ts'
import type { SubscriptionOutcome, SubscriptionRequest } from '../ports/broker.ts'
import { reasonWords } from './reason-words.ts'

/** AWS IoT Core takes no more filters than this in one packet. */
const filtersPerPacket = 8
/** Packets that are sent before the answer to the first is in. */
const packetsInFlight = 32

const lost = {
  granted: false,
  temporary: true,
  message: 'The link was lost before the broker answered.',
} as const

/** Outcomes come in the order of the requests. */
export async function subscribeAll(
  client: MqttClient | null,
  requests: readonly SubscriptionRequest[],
): Promise<readonly SubscriptionOutcome[]> {
  const outcomes = new Map<SubscriptionRequest, SubscriptionOutcome>()
  const legal: SubscriptionRequest[] = []
  for (const request of requests) {
    const parsed = parsePlainFilter(request.filter)
    if (parsed.ok) legal.push(request)
    else {
      const message = `${parsed.problems[0]?.message ?? 'The filter is not valid'}.`
      outcomes.set(request, { filter: request.filter, granted: false, message })
    }
  }
  if (client !== null) {
    await inTurns(packets(legal), async (packet) => {
      for (const [request, outcome] of await subscribePacket(client, packet)) outcomes.set(request, outcome)
    })
  }
  return requests.map((request) => outcomes.get(request) ?? { filter: request.filter, ...lost })
}

export async function unsubscribeAll(client: MqttClient | null, filters: readonly string[]): Promise<void> {
  if (client === null) return
  const legal = filters.filter((filter) => parsePlainFilter(filter).ok)
  await inTurns(
    chunked(legal),
    (chunk) => new Promise((resolve) => client.unsubscribe(chunk, () => resolve())),
  )
}

function subscribePacket(
  client: MqttClient,
  packet: readonly SubscriptionRequest[],
): Promise<readonly [SubscriptionRequest, SubscriptionOutcome][]> {
  const first = packet[0]!
  const properties = first.id === undefined ? {} : { properties: { subscriptionIdentifier: first.id } }
  return new Promise((resolve) => {
    client.subscribe(
      packet.map((request) => request.filter),
      {
        qos: first.qos,
        rh: first.retainHandling,
        rap: first.retainAsPublished === true,
        ...properties,
      },
      (_error, _granted, suback) => {
        const codes = suback?.granted
        resolve(
          packet.map((request, index) => {
            const code = codes?.[index]
            const { filter } = request
            if (typeof code !== 'number') return [request, { filter, ...lost }]
            if (code < 0x80) return [request, { filter, granted: true }]
            return [
              request,
              { filter, granted: false, message: `The broker refused it: ${reasonWords(code)}.` },
            ]
          }),
        )
      },
    )
  })
}

/** One packet carries one subscription identifier, and here the same options for all its filters. */
function packets(requests: readonly SubscriptionRequest[]): SubscriptionRequest[][] {
  const alike = Map.groupBy(requests, ({ id, qos, retainHandling, retainAsPublished }) =>
    [id ?? '', qos, retainHandling, retainAsPublished === true].join(' '),
  )
  return [...alike.values()].flatMap((group) => chunked(group))
}

function chunked<T>(items: readonly T[]): T[][] {
  const chunks: T[][] = []
  for (let from = 0; from < items.length; from += filtersPerPacket)
    chunks.push(items.slice(from, from + filtersPerPacket))
  return chunks
}

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < items.length) await work(items[next++]!)
  }
  await Promise.all(Array.from({ length: Math.min(packetsInFlight, items.length) }, worker))
}
