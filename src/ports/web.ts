/** What the HTTP listener serves beside its own pages: small routes that other adapters bring, as values. */

export interface WebRequest {
  /** Path and query as they came. */
  readonly url: string
  /** Lower-case names; the first value where a header is repeated. */
  readonly headers: Readonly<Record<string, string>>
  /** At most `bodyLimitBytes`. */
  readonly body: string
}

export interface WebAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

export interface WebRoute {
  readonly method: 'POST'
  readonly path: string
  readonly bodyLimitBytes: number
  /** Never throws; checks for itself who is calling. */
  handle(request: WebRequest): Promise<WebAnswer>
}

/** What a link in a notification leads to. */
export interface AckView {
  readonly title: string
  readonly severity: 'info' | 'warning' | 'critical'
  /** At most 20; `more` counts those left out. */
  readonly alerts: readonly {
    readonly rule: string
    readonly summary: string
    readonly state: 'pending' | 'firing' | 'resolved'
    /** Wall clock, ms since the epoch. */
    readonly sinceMs: number
  }[]
  readonly more: number
  /** Null while nobody has acknowledged. */
  readonly ackedBy: string | null
}

/** The part of a running engine that the listener's own pages need. */
export interface WebControl {
  /** Null: there is no such link, or it has expired. Changes nothing. */
  openLink(token: string): Promise<AckView | null>
  /** Acknowledges what the link is about; null as above. */
  ackLink(token: string): Promise<AckView | null>
  /** Whether messages are being handled: the store works and a broker is connected. */
  healthy(): Promise<boolean>
}
