/** A connection to one MQTT broker: an ingest session that receives, and an outgoing line that publishes. */
import type { Message, OutboundMessage } from '../core/message.ts'

/** Why a link is down or an operation failed, as a typed reason and in words with a next step. */
export interface LinkFailure {
  readonly reason:
    | 'connection-refused'
    | 'host-not-found'
    | 'timeout'
    | 'not-authorised'
    | 'bad-credentials'
    | 'client-id-rejected'
    | 'client-id-taken'
    | 'tls'
    | 'protocol'
    | 'closed'
  readonly message: string
  readonly help: string
}

export type LinkState =
  | {
      readonly state: 'online'
      readonly sessionPresent: boolean
      readonly protocolVersion: 4 | 5
      /** Whether subscription identifiers may be used: never on 3.1.1, nor with every MQTT 5 broker. */
      readonly subscriptionIdentifiers?: boolean
    }
  | { readonly state: 'offline'; readonly failure: LinkFailure; readonly retryInMs: number }

/**
 * A received message and what is needed to acknowledge it. The payload is a view of what was read together,
 * up to 64 KiB: copy it if it is to be kept for long.
 */
export interface InboundMessage extends Message {
  /** Counts connections: an acknowledgement for an earlier connection is dropped, the broker will send again. */
  readonly connection: number
  /** MQTT 5 subscription identifiers that this copy carries; null when there are none. */
  readonly subscriptionIds: readonly number[] | null
  /**
   * Given only for a message that was longer than the adapter keeps: the size of its whole packet, in bytes.
   * Its payload is empty and its properties are null; it is here to be told about and acknowledged.
   */
  readonly oversizedBytes?: number
}

export interface SubscriptionRequest {
  readonly filter: string
  readonly qos: 0 | 1
  /** MQTT 5 subscription identifier, when overlaps make one necessary. */
  readonly id?: number | undefined
  /** MQTT 5 retain handling: 0 replays always, 1 if new, 2 never. */
  readonly retainHandling: 0 | 1 | 2
  /** MQTT 5: RETAIN comes as it was published, instead of marking replays alone [MQTT-3.3.1-13]. */
  readonly retainAsPublished?: boolean | undefined
}

export interface SubscriptionOutcome {
  readonly filter: string
  readonly granted: boolean
  /** In words, when refused. */
  readonly message?: string
  /** True when the link was lost before the broker answered: subscribe again on the next 'online'. */
  readonly temporary?: boolean
}

export type PublishOutcome =
  | { readonly ok: true }
  /** temporary: try again (link lost, quota); permanent: this message will never be accepted. */
  | { readonly ok: false; readonly kind: 'temporary' | 'permanent'; readonly message: string }

export interface BrokerSink {
  /**
   * Messages read together, in receive order. Called only between `start` and `stop`, and always after the
   * 'online' of their connection. Must not throw.
   */
  messages(batch: readonly InboundMessage[]): void
  /** Every change of the ingest link. On 'online' the engine subscribes anew. */
  link(state: LinkState): void
  /** Every change of the outgoing line, over which `publish` goes. */
  outgoing?(state: LinkState): void
}

export interface Broker {
  readonly name: string
  /** What has happened so far, for metrics. */
  readonly counters?: Readonly<Record<string, number>>
  /** Starts to connect, and reconnects with backoff until stopped. */
  start(sink: BrokerSink): void
  subscribe(requests: readonly SubscriptionRequest[]): Promise<readonly SubscriptionOutcome[]>
  unsubscribe(filters: readonly string[]): Promise<void>
  /**
   * Allows the QoS 1 acknowledgement of a message. May be called in any order; PUBACKs leave in receive
   * order [MQTT-4.6.0-2], gathered into few writes. QoS 0 messages need none.
   */
  acknowledge(message: InboundMessage): void
  /**
   * Stops reading from the socket (back-pressure) and starts again. The link stays up meanwhile; answers to
   * `subscribe` and `unsubscribe` come after `resume`.
   */
  pause(): void
  resume(): void
  /** Ends the ingest connection and makes it anew: the broker sends again what was not acknowledged. */
  renew?(): void
  /** Resolves at the PUBACK (QoS 1) or when written (QoS 0); `temporary` at once when the outgoing line is down. */
  publish(message: OutboundMessage): Promise<PublishOutcome>
  /** Whether a publish now would reach the broker. */
  readonly canPublish: boolean
  /** Publishes the offline status, disconnects both connections cleanly, and resolves within `limitMs`. */
  stop(limitMs: number): Promise<void>
}
