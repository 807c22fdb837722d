/** Watching in virtual time: messages are sent by hand, and the screen is a text. */

import { ruleExplainer } from '../../../src/core/rules/explain-rule.ts'
import { parsePlainFilter } from '../../../src/core/topics/filter.ts'
import type { SubscriptionWant } from '../../../src/core/topics/subscriptions.ts'
import { findZone } from '../../../src/core/zone.ts'
import type { InboundMessage, LinkState } from '../../../src/ports/broker.ts'
import { VirtualClock } from '../../../src/tools/test/virtual-clock.ts'
import type { ListenerSink } from '../../../src/tools/watch/listener.ts'
import { type Ended, Watch, type WatchOptions } from '../../../src/tools/watch/watch.ts'
import { programFrom } from '../../support/virtual-world.ts'

export interface Watching {
  readonly watch: Watch
  readonly clock: VirtualClock
  /** Filters that are wanted of the broker now. */
  wanted(): string[]
  send(topic: string, payload?: unknown, more?: Partial<InboundMessage>): void
  batch(messages: readonly InboundMessage[]): void
  link(state: LinkState): void
  /** Time passes, with all timers on the way. */
  pass(durationMs: number): void
  /** What was shown since this was last asked, as lines. */
  shown(): string[]
  /** The same, as JSON lines. */
  objects(): Record<string, unknown>[]
  edit(yaml: string): void
  /** The stream takes nothing more, until `drain`. */
  block(): void
  drain(): void
  readonly ended: Promise<Ended>
}

export const startMs = Date.UTC(2026, 10, 22, 14, 0, 0)

export function watching(
  yaml: string,
  {
    filter,
    ...more
  }: Partial<Omit<WatchOptions, 'filter'>> & { filter?: string; columns?: number; rows?: number } = {},
): Watching {
  const clock = new VirtualClock(startMs)
  const zone = findZone('UTC')!
  const parsed = filter === undefined ? null : parsePlainFilter(filter)
  if (parsed?.ok === false) throw new Error(parsed.problems[0]?.message)
  let text = ''
  let takes = true
  let onDrain = () => {}
  let sink: ListenerSink | null = null
  let wants: readonly SubscriptionWant[] = []
  const watch = new Watch(
    programFrom(yaml),
    {
      filter: parsed?.value ?? null,
      rule: null,
      latest: false,
      format: 'text',
      count: null,
      forMs: null,
      isTerminal: true,
      colour: false,
      zone: 'UTC',
      redact: (shown) => shown.replaceAll('hunter22', '***'),
      ...more,
    },
    {
      clock,
      display: {
        write(written) {
          text += written
          return takes
        },
        onDrain(callback) {
          onDrain = callback
        },
        columns: () => more.columns ?? 140,
        rows: () => more.rows ?? 24,
      },
      explain: ruleExplainer((atMs) => zone.localTime(atMs)),
      brokers: ['default'],
      listen: (_broker, wanted, to) => {
        sink = to
        wants = wanted
        return {
          want: (next) => {
            wants = next
          },
          stop: async () => {},
        }
      },
    },
  )
  const ended = watch.run()
  const link = (state: LinkState) => sink?.link(state)
  link({ state: 'online', sessionPresent: false, protocolVersion: 5 })
  const shown = () => {
    const lines = text.split('\n').slice(0, -1)
    text = ''
    return lines
  }
  shown()
  const batch = (messages: readonly InboundMessage[]) => sink?.messages(messages)
  return {
    watch,
    clock,
    wanted: () => wants.map((want) => (typeof want.filter === 'string' ? want.filter : want.filter.text)),
    send: (topic, payload, fields) => batch([messageOf(topic, payload, fields)]),
    batch,
    link,
    pass(durationMs) {
      const endMs = clock.now() + durationMs
      while (clock.nextMs !== null && clock.nextMs <= endMs) clock.runNext()
      clock.moveTo(endMs)
    },
    shown,
    objects: () => shown().map((line) => JSON.parse(line) as Record<string, unknown>),
    edit: (next) => watch.replaceRules(programFrom(next)),
    block() {
      takes = false
    },
    drain() {
      takes = true
      onDrain()
    },
    ended,
  }
}

export function messageOf(
  topic: string,
  payload?: unknown,
  more: Partial<InboundMessage> = {},
): InboundMessage {
  return {
    broker: 'default',
    topic,
    payload: bytes(payload),
    qos: 0,
    retain: false,
    dup: false,
    packetId: 0,
    receivedAt: startMs,
    properties: null,
    connection: 1,
    subscriptionIds: null,
    ...more,
  }
}

function bytes(payload: unknown): Uint8Array {
  if (payload === undefined) return new Uint8Array()
  if (payload instanceof Uint8Array) return payload
  return Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))
}
