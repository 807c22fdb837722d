/** What a configuration directory comes to when nothing in it is wrong. */
import type { InhibitDefinition, PolicyDefinition, ReceiverDefinition } from '../core/alerts/definition.ts'
import type { CalendarDefinition } from '../core/calendar.ts'
import type { CompiledRule } from '../core/rules/compiled-rule.ts'
import type { RuleDefinition, Table } from '../core/rules/definition.ts'
import type { Secrets } from './secrets.ts'
import type { HttpSettings } from './sections/http.ts'
import type { WatchSettings } from './sections/watch.ts'

export interface TlsDefinition {
  /** PEM text, already read from its file. */
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly serverName?: string | undefined
  readonly verify: boolean
}

export interface BrokerDefinition {
  /** Without user and password; `embedded`, or `embedded:1884`, is the built-in broker. */
  readonly url: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly clientId?: string | undefined
  readonly protocol: 'auto' | '3.1.1' | '5'
  readonly keepaliveSeconds?: number | undefined
  readonly sessionExpirySeconds?: number | undefined
  readonly receiveMaximum?: number | undefined
  readonly statusTopic?: string | undefined
  readonly tls?: TlsDefinition | undefined
}

/** What a channel sends with: what its schema made of it, or the inbox, which keeps instead of sending. */
export type Account = { readonly kind: 'account'; readonly account: unknown } | { readonly kind: 'inbox' }

export interface Settings {
  /** IANA name. */
  readonly zone: string
  readonly logDirectory: string
  /** Whether log lines are on the disk itself before their messages count as done. */
  readonly logFsync: boolean
  /** Path of the database, or `memory`. */
  readonly storage: string
  /** Plain filters of the topics where answers to requests may go. */
  readonly respondTo: readonly string[]
  /** By the key below `settings`: smtp, twilio. */
  readonly accounts: Readonly<Record<string, Account>>
  readonly http: HttpSettings
  readonly watch: WatchSettings
  readonly limits: { readonly payloadBytes: number; readonly depth: number; readonly keys: number }
}

export interface Configuration {
  readonly brokers: ReadonlyMap<string, BrokerDefinition>
  readonly tables: ReadonlyMap<string, Table>
  readonly calendars: ReadonlyMap<string, CalendarDefinition>
  readonly receivers: ReadonlyMap<string, ReceiverDefinition>
  readonly policies: ReadonlyMap<string, PolicyDefinition>
  readonly inhibits: readonly InhibitDefinition[]
  readonly settings: Settings
  /** Every rule that is written, also those that are not enabled, in the order of files and lines. */
  readonly definitions: readonly RuleDefinition[]
  /** The enabled rules, ready to run; `order` is the index in `definitions`. */
  readonly rules: readonly CompiledRule[]
  readonly secrets: Secrets
}
