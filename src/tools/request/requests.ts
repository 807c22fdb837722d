/** What a running Tocsin can be asked: each verb with what it takes and what it answers with. */
import type { AuditView, DeadLetterView, Page, RuleView, Status } from '../../ports/control.ts'

export interface Requests {
  readonly status: { readonly input: Readonly<Record<string, never>>; readonly answer: Status }
  readonly rules: {
    readonly input: { readonly limit?: number | undefined; readonly after?: string | undefined }
    readonly answer: Page<RuleView, string>
  }
  readonly 'dead-letters': {
    readonly input: JournalInput & { readonly topic?: string | undefined }
    readonly answer: Page<DeadLetterView, number>
  }
  readonly audit: {
    readonly input: JournalInput & { readonly rule?: string | undefined }
    readonly answer: Page<AuditView, number>
  }
  readonly forget: {
    readonly input: { readonly rule: string; readonly key: Readonly<Record<string, string>> }
    readonly answer: { readonly forgotten: boolean }
  }
}

interface JournalInput {
  readonly limit?: number | undefined
  readonly before?: number | undefined
}

export type Answered<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: RequestError }

export interface RequestError {
  /**
   * Of the answer, or: `nobody-listens`, `no-answer` (within the time), `refused` (by the broker), `link-lost`,
   * `cancelled`, `too-many` (in flight), `malformed` (the answer is none).
   */
  readonly code: string
  /** In plain English, with what to do. */
  readonly message: string
}
