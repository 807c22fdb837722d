/** What the adapter counts, for metrics. All of them only grow. */

export interface Counters {
  [name: string]: number
  /** Messages that came, redelivered ones included. */
  received: number
  /** PUBACKs written. */
  acknowledged: number
  /** Acknowledgements that came too late: their connection is gone, and the broker will send again. */
  acknowledgementsDropped: number
  /** Messages longer than the limit. */
  oversized: number
  /** Messages that the broker sent twice on one connection. */
  duplicatesDropped: number
  /** Connections given up because the broker broke the protocol. */
  protocolErrors: number
  /** Connections of the ingest line and of the outgoing line that came up. */
  ingestConnects: number
  outgoingConnects: number
  /** Connections, or attempts, that failed. */
  ingestFailures: number
  outgoingFailures: number
  /** Messages handed to `publish`, and what became of them. */
  published: number
  publishedOk: number
  publishedTemporary: number
  publishedPermanent: number
}

export function newCounters(): Counters {
  return {
    received: 0,
    acknowledged: 0,
    acknowledgementsDropped: 0,
    oversized: 0,
    duplicatesDropped: 0,
    protocolErrors: 0,
    ingestConnects: 0,
    outgoingConnects: 0,
    ingestFailures: 0,
    outgoingFailures: 0,
    published: 0,
    publishedOk: 0,
    publishedTemporary: 0,
    publishedPermanent: 0,
  }
}
