/** What a running Tocsin can be asked: each verb with what it takes and what it answers with. */
import type { Matcher } from '../../core/alerts/definition.ts'
import type {
  AcknowledgedView,
  AlertPhase,
  AlertView,
  DeliveryView,
  InboxView,
  NotifiedTestView,
  SilencedView,
  SilenceView,
} from '../../ports/alerting-control.ts'
import type { AuditView, CommandsPage, DeadLetterView, Page, RuleView, Status } from '../../ports/control.ts'

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
    readonly input: JournalInput & {
      readonly rule?: string | undefined
      readonly subject?: string | undefined
    }
    readonly answer: Page<AuditView, number>
  }
  readonly commands: { readonly input: PageInput; readonly answer: CommandsPage }
  readonly forget: {
    readonly input: { readonly rule: string; readonly key: Readonly<Record<string, string>> }
    readonly answer: { readonly forgotten: boolean }
  }
  readonly alerts: {
    readonly input: PageInput & {
      readonly state?: readonly AlertPhase[] | undefined
      readonly rule?: string | undefined
      readonly match?: Matcher | undefined
    }
    readonly answer: Page<AlertView, string>
  }
  readonly ack: {
    readonly input: By & ({ readonly alert: string } | { readonly code: string })
    readonly answer: AcknowledgedView
  }
  readonly resolve: {
    readonly input: By & { readonly alert: string }
    readonly answer: { readonly resolved: string }
  }
  readonly silence: {
    /** `for`: a duration such as `2h`. */
    readonly input: By & {
      readonly match: Matcher
      readonly for: string
      readonly comment?: string | undefined
    }
    readonly answer: SilencedView
  }
  readonly unsilence: {
    readonly input: By & { readonly id: string }
    readonly answer: { readonly ended: string }
  }
  readonly silences: { readonly input: PageInput; readonly answer: Page<SilenceView, string> }
  readonly deliveries: {
    readonly input: PageInput & {
      readonly state?: readonly DeliveryView['state'][] | undefined
      readonly ids?: readonly string[] | undefined
    }
    readonly answer: Page<DeliveryView, string>
  }
  readonly retry: {
    readonly input: By & { readonly delivery: string }
    readonly answer: { readonly retried: string }
  }
  readonly inbox: { readonly input: JournalInput; readonly answer: Page<InboxView, number> }
  readonly 'notify-test': {
    readonly input: By & { readonly receiver: string }
    readonly answer: NotifiedTestView
  }
}

/** Who asks, for the audit trail. */
interface By {
  readonly by: string
}

interface PageInput {
  readonly limit?: number | undefined
  readonly after?: string | undefined
}

interface JournalInput {
  readonly limit?: number | undefined
  readonly before?: number | undefined
}
