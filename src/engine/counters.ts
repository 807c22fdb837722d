/** What the engine has done so far, as plain numbers for metrics, tests and the status. */
export class Counters {
  received = 0
  duplicates = 0
  redelivered = 0
  unmatched = 0
  steps = 0
  commits = 0
  commitFailures = 0
  timers = 0
  carriedOut = 0
  refused = 0
  spilled = 0
  outboxDropped = 0
  /** Messages whose time was up before they could leave. */
  expired = 0
  deadLetters = 0
  requests = 0
  requestsAnswered = 0
  /** Without a way to answer, or stored ones. */
  requestsDropped = 0
  /** Refused because there were too many. */
  requestsBusy = 0
  notices: Record<string, number> = {}

  notice(kind: string): void {
    this.notices[kind] = (this.notices[kind] ?? 0) + 1
  }
}
