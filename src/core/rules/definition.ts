/**
 * A rule as the user wrote it, after the schema has checked its shape: durations are milliseconds, one topic
 * is a list of one. Expressions and templates are still source text; `compile.ts` makes them run.
 */

/** An expression's text, or the same as JsonLogic. */
export type ExpressionSource =
  | string
  | boolean
  | number
  | null
  | readonly unknown[]
  | { readonly [operator: string]: unknown }

export interface ActionDefinition {
  /** Name of the action: publish, log, … */
  readonly kind: string
  /** What stands below the name, already parsed by the action's own schema. */
  readonly spec: unknown
}

export interface RuleDefinition {
  readonly id: string
  readonly description?: string | undefined
  readonly enabled: boolean
  readonly broker: string
  readonly topic: readonly string[]
  readonly qos: 0 | 1
  readonly decode: string
  /** Part name → expression. Empty: one state for all. Absent: every wildcard level, else the topic name. */
  readonly key?: Readonly<Record<string, ExpressionSource>> | undefined
  readonly max_keys: number
  readonly value?: ExpressionSource | undefined
  readonly when?: ExpressionSource | undefined
  readonly for?: DurationSource | undefined
  readonly clear?:
    | { readonly when?: ExpressionSource | undefined; readonly for?: DurationSource | undefined }
    | undefined
  readonly absent?:
    | { readonly for: DurationSource; readonly expect?: string | readonly string[] | undefined }
    | undefined
  readonly window?:
    | { readonly over: number; readonly of?: ExpressionSource | undefined; readonly min: number }
    | undefined
  readonly with?: Readonly<Record<string, WithDefinition>> | undefined
  readonly throttle?: number | undefined
  readonly during?: string | undefined
  readonly retained?: 'process' | 'skip' | undefined
  readonly alert?: AlertDefinition | undefined
  readonly then: readonly ActionDefinition[]
  readonly resolved: readonly ActionDefinition[]
}

/** Milliseconds, or an expression that yields a duration such as `with.limit.silent`. */
export type DurationSource = number | { readonly expression: string }

export type WithDefinition =
  | { readonly topic: string; readonly max_age?: number | undefined; readonly decode?: string | undefined }
  | { readonly table: string; readonly row?: ExpressionSource | undefined }

export type Severity = 'info' | 'warning' | 'critical'

export interface AlertDefinition {
  readonly severity: Severity
  readonly summary: string
  readonly description?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly policy?: string | undefined
}

/** Row name → column → value; the row `default` fills what another row lacks. */
export type Table = Readonly<Record<string, Readonly<Record<string, unknown>>>>
