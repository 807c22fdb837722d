/**
 * What may be asked of a running engine: by MQTT request, and by whatever else speaks with people. All values are
 * plain JSON data with the names that go over the wire; moments are ISO 8601 texts in UTC.
 */
import type { AlertingControl } from './alerting-control.ts'

export type Asked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: AskError }

/** `message` says in plain English what was wrong and what to do instead. */
export interface AskError {
  readonly code:
    | 'bad-request'
    | 'too-large'
    | 'unknown-verb'
    | 'unknown-rule'
    | 'unknown-receiver'
    | 'not-found'
    /** The beginning of a name fits several. */
    | 'ambiguous'
    /** It is so already. */
    | 'already'
    /** There are too many of them. */
    | 'full'
    | 'bad-response-topic'
    | 'busy'
    | 'store'
    | 'failed'
  readonly message: string
}

/** A list comes in pages of bounded size; `next` is what to ask on with, null at the end. */
export interface Page<T, Next> {
  readonly items: readonly T[]
  readonly next: Next | null
}

/** Newest first. `before`: the `next` of the page that was seen last. */
export interface JournalQuery {
  readonly limit: number
  readonly before?: number | undefined
  /** A topic for dead letters; a rule, an alert or another subject for the audit trail; everything unless given. */
  readonly subject?: string | undefined
}

export interface Control {
  readonly alerting: AlertingControl
  status(): Promise<Asked<Status>>
  /** In the order of files and lines. `after`: the id of the rule that was seen last. */
  rules(query: {
    readonly limit: number
    readonly after?: string | undefined
  }): Promise<Asked<Page<RuleView, string>>>
  deadLetters(query: JournalQuery): Promise<Asked<Page<DeadLetterView, number>>>
  audit(query: JournalQuery): Promise<Asked<Page<AuditView, number>>>
  /** Commands to devices: those that wait for their acknowledgement, by the topics of these, and those that ended lately. */
  commands(query: {
    readonly limit: number
    readonly after?: string | undefined
  }): Promise<Asked<CommandsPage>>
  /** Ends the state of one key of a rule, and what is open about it. Part name → value. */
  forget(rule: string, key: Readonly<Record<string, string>>): Promise<Asked<{ readonly forgotten: boolean }>>
}

export interface Status {
  readonly version: string
  readonly started_at: string
  readonly uptime_seconds: number
  /** `stopped`: ids of rules that failed and are left alone until the rules are loaded again. */
  readonly rules: { readonly running: number; readonly stopped: readonly string[] }
  readonly brokers: readonly BrokerView[]
  /** Events that wait to be looked at. */
  readonly backlog: number
  /** Messages and log lines that wait to leave, per target. */
  readonly outbox: Readonly<Record<string, number>>
  /** Given up since the start, for more waited than were to; per target that gave up any. */
  readonly outbox_dropped: Readonly<Record<string, number>>
  /** `running`: false until what was queued before the start has been heard. `due`: at most 1,000 are counted. */
  readonly timers: { readonly running: boolean; readonly due: number; readonly next_at: string | null }
  /** `durable`: what is kept outlives the process. */
  readonly store: { readonly durable: boolean }
  /** `dropped`: pushed out by newer ones. */
  readonly dead_letters: { readonly kept: number; readonly dropped: number }
  /** Since the start, by name. */
  readonly counters: Readonly<Record<string, number>>
}

export interface BrokerView {
  readonly name: string
  readonly receives: boolean
  readonly sends: boolean
  /** Since when it receives, or does not; null before the first attempt to connect has ended. */
  readonly since: string | null
  /** Why it does not, in words. */
  readonly problem: string | null
}

export interface RuleView {
  readonly id: string
  readonly description: string | null
  readonly broker: string
  readonly topics: readonly string[]
  /** `each`: acts on every message. `edges`: once per rise and fall. `absence`: when nothing is heard. */
  readonly kind: 'each' | 'edges' | 'absence'
  readonly alert: boolean
  /** Names of the parts that a key has. */
  readonly key: readonly string[]
  /** How many keys it keeps a state for. */
  readonly keys: number
  /** Messages that came on its topics since it was loaded. */
  readonly messages: number
  /** True after it failed: it is left alone until the rules are loaded again. */
  readonly stopped: boolean
}

/** `finished`: the newest first. */
export interface CommandsPage extends Page<PendingCommandView, string> {
  readonly finished: readonly FinishedCommandView[]
}

export interface PendingCommandView {
  readonly id: string
  readonly rule: string
  readonly broker: string
  readonly topic: string
  /** Where its acknowledgement is expected. */
  readonly ack_topic: string
  /** From 1. */
  readonly attempt: number
  readonly attempts: number
  readonly since: string
  /** When it is sent again or given up. */
  readonly due: string
}

export interface FinishedCommandView {
  readonly id: string
  readonly at: string
  readonly end: 'acknowledged' | 'timed-out'
  readonly rule: string
  readonly topic: string
  /** How often it was sent. */
  readonly attempts: number
  readonly after_ms: number
}

export interface DeadLetterView {
  readonly seq: number
  readonly at: string
  readonly broker: string
  readonly topic: string
  readonly reason: string
  readonly message: string
  /** Who could not read it: rules, and filters of `with`. */
  readonly rules: readonly string[]
  readonly size_bytes: number
  /** The beginning of the payload, as text if it is UTF-8, else as base64. */
  readonly payload: string
  readonly encoding: 'utf-8' | 'base64'
}

/** What rules decided, and what became of alerts, silences and deliveries and who did it. */
export type AuditView = TransitionView | HappeningView

export interface HappeningView {
  readonly seq: number
  readonly at: string
  /** `<rule>/<fingerprint>`, `silence/<id>`, `delivery/<id>`, `command/<id>`, or a group. */
  readonly subject: string
  /** Such as `firing`, `acked`, `silence`, `attempt-failed`. */
  readonly what: string
  readonly data: Readonly<Record<string, string | number | boolean | null>>
}

export interface TransitionView {
  readonly seq: number
  readonly at: string
  readonly rule: string
  readonly key: Readonly<Record<string, string>>
  readonly episode: number
  readonly from: string
  readonly to: string
  /** `forgotten` or `rule_removed`; null when it was the condition. */
  readonly because: string | null
}
