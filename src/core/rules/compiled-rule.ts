/** A rule that is ready to run: filters parsed, expressions and templates compiled, actions planned. */
import type { Calendar } from '../calendar.ts'
import type { CommandPlan } from '../commands/command-plan.ts'
import type { Effect, PlannedEffect, QueueLimit } from '../effect.ts'
import type { Message } from '../message.ts'
import type { Template } from '../templates/template.ts'
import type { Filter } from '../topics/filter.ts'
import type { ActionDefinition, RuleDefinition, Severity } from './definition.ts'
import type { Scope } from './scope.ts'

/** Evaluates to a value, or UNKNOWN. */
export type Evaluate = (scope: Scope) => unknown

export type Planned =
  | { readonly ok: true; readonly effects: readonly PlannedEffect[] }
  | {
      readonly ok: false
      readonly cancelled: { readonly reason: string; readonly message: string }
      /** What the requester is told, when an answer was to be given. */
      readonly refusal?: Refusal
    }

/** How a request is told that it gets no answer. */
export interface AnswerPlan {
  /** The effects that say so; none when there is nowhere to say it, with the reason in words. */
  refuse(
    message: Message,
    payload: unknown,
    refusal: Refusal,
  ): { readonly effects: readonly Effect[]; readonly unanswered: string | null }
}

/** Why a request gets no answer: for the requester, so that no secret may be in it. */
export interface Refusal {
  readonly code:
    | 'bad-request'
    | 'bad-response-topic'
    | 'not-found'
    | 'no-data'
    | 'not-answered'
    | 'too-large'
    | 'busy'
    | 'failed'
  readonly message: string
}

/** Where an action may publish, templates replaced by `+` levels. */
export interface PublishTarget {
  readonly broker: string
  readonly filter: string
  /** What is sent there, as `publish` would say it, when that is not what the action itself says. */
  readonly sent?: ActionDefinition | undefined
}

export interface CompiledAction {
  readonly kind: string
  plan(scope: Scope, nowMs: number): Planned
  /** It is about the one message that the rule acts on: the rule must act on every message, not on a change of state. */
  readonly perMessage?: boolean
  /** Given by an action that answers requests. */
  readonly answers?: AnswerPlan
  /** Given by an action that commands something and waits for the acknowledgement. */
  readonly command?: CommandPlan
  /** Where its effects wait, when not with all that goes to their broker. */
  readonly queue?: ForwardQueue
  /** It wants RETAIN as it was published: the rule then listens over an MQTT 5 session of its own. */
  readonly keepsRetain?: boolean
  /** For the checks before running. */
  readonly publishesTo: readonly PublishTarget[]
  /** It publishes to the topics that come, behind this: levels of a filter, ended by a slash, or nothing. */
  readonly passesOn?: { readonly broker: string; readonly prefix: string }
}

export interface ForwardQueue extends QueueLimit {
  /** The broker that it leads to. */
  readonly broker: string
}

export interface RuleFilter {
  readonly filter: Filter
  /** For each of the rule's captures, its index among this filter's own captures. */
  readonly captureOrder: readonly number[]
}

/** What one state of the rule is about. */
export interface KeyPlan {
  readonly names: readonly string[]
  /** The parts, or the name of the part that is missing. */
  read(
    scope: Scope,
  ):
    | { readonly ok: true; readonly parts: readonly string[] }
    | { readonly ok: false; readonly missing: string }
}

/** A duration that may depend on the message, e.g. `with.limit.silent`; null when it is missing or no duration. */
export type DurationOf = (scope: Scope) => number | null

export interface WindowPlan {
  readonly overMs: number
  readonly min: number
  readonly of: Evaluate
  /** Names of the aggregates that the rule reads. */
  readonly aggregates: ReadonlySet<string>
}

/** A topic whose latest messages other rules look at. Rules that join alike share one source. */
export interface JoinSource {
  readonly id: string
  readonly broker: string
  readonly filter: Filter
  readonly qos: 0 | 1
  readonly decode: string
  /** Indexes of the captures that the joining rule shares: they are the join key. */
  readonly shared: readonly number[]
  /** Indexes and names of the captures it lacks: they tell the items of a list apart. Empty: a single value. */
  readonly items: readonly { readonly index: number; readonly name: string }[]
}

export type WithPlan =
  | {
      readonly kind: 'topic'
      readonly name: string
      readonly source: JoinSource
      /** For each shared capture of the source, its index among the rule's captures. */
      readonly captures: readonly number[]
      readonly maxAgeMs: number | null
    }
  | {
      readonly kind: 'table'
      readonly name: string
      /** The row's values with the default row's behind them, or undefined when neither exists. */
      row(scope: Scope, key: readonly string[]): unknown
    }

export interface AlertPlan {
  readonly severity: Severity
  readonly summary: Template<Scope>
  readonly description: Template<Scope> | null
  readonly labels: readonly { readonly name: string; readonly value: Template<Scope> }[]
}

/** `each`: acts on every true message. `edges`: once per rise and fall. `absence`: rises when nothing is heard. */
export type RuleKind = 'each' | 'edges' | 'absence'

export interface CompiledRule {
  readonly id: string
  /** Position in the order of files and lines. */
  readonly order: number
  readonly kind: RuleKind
  readonly definition: RuleDefinition
  readonly filters: readonly RuleFilter[]
  /** Names of the captures in the order in which `Scope.captures` holds them; null for an unnamed wildcard. */
  readonly captureNames: readonly (string | null)[]
  /** Whether anything looks at the payload: if not, it is never decoded for this rule. */
  readonly needsPayload: boolean
  readonly key: KeyPlan
  readonly value: Evaluate | null
  /** Null when the rule takes every message. */
  readonly when: Evaluate | null
  readonly hold: DurationOf | null
  readonly clearWhen: Evaluate | null
  readonly clearHold: DurationOf | null
  readonly absentFor: DurationOf | null
  /** Keys that ought to be heard from, as parts; `absence` only. */
  readonly expected: readonly (readonly string[])[]
  readonly window: WindowPlan | null
  readonly usesPrev: boolean
  readonly joins: readonly WithPlan[]
  readonly throttleMs: number | null
  readonly during: Calendar | null
  readonly retained: 'process' | 'skip'
  /** It listens over the session that shows RETAIN as it was published: RETAIN marks no replay there. */
  readonly keepsRetain: boolean
  readonly alert: AlertPlan | null
  /** Of its first action that answers requests; null when it has none. */
  readonly answers: AnswerPlan | null
  readonly then: readonly CompiledAction[]
  readonly resolved: readonly CompiledAction[]
  /** Whether anything is remembered between messages. */
  readonly stateful: boolean
  /** Changes when `when`, `for`, `clear`, `window` or what feeds them does: holds and windows start anew. */
  readonly shape: number
  /** Changes when the key does: the states are about other things then. */
  readonly keyShape: number
  /** What the ids of its states begin with, and the id of the slice that counts them. */
  readonly statesId: string
  readonly keyCountId: string
}
