/** The compiled template as the rest of the core sees it: a pure function of a scope and a time. */

/** `missing`: a variable had no value; `limit`: the rendering cost too much; `invalid`: the result cannot be used. */
export type RenderFailureReason = 'missing' | 'limit' | 'invalid'

export interface RenderFailed {
  readonly ok: false
  readonly reason: RenderFailureReason
  /** One plain sentence, naming the variable or the limit; never a payload's text. */
  readonly message: string
  /** Of a value template: the variables of the leaf that could not be made. */
  readonly uses?: readonly (readonly string[])[]
}

export type Rendered = { readonly ok: true; readonly text: string } | RenderFailed
type RenderedValue = { readonly ok: true; readonly value: unknown } | RenderFailed

export interface Template<S> {
  /** Never throws. `nowMs` is the event's time, in ms since the epoch; `now` in the template is made of it. */
  render(scope: S, nowMs: number): Rendered
  /** The variables it reads, each as a path from its root; parts that are computed are left out. */
  readonly uses: readonly (readonly string[])[]
  /** True when every rendering gives the same text. */
  readonly constant: boolean
}

export interface ValueTemplate<S> {
  /** Never throws. Shares what is constant between renderings: treat the value as read-only. */
  render(scope: S, nowMs: number): RenderedValue
  readonly uses: readonly (readonly string[])[]
  readonly constant: boolean
}

/** `text` prints `?` for what is missing; in `strict`, `topic` and `file` a missing value fails the rendering. */
export type TemplateMode = 'text' | 'strict' | 'topic' | 'file'

export interface TemplateOptions {
  /** IANA time zone of the `date` filter; UTC unless given. */
  readonly zone?: string | undefined
  /** Roots that hold several topic levels (`#name` captures): a bare `{{ name }}` in a topic keeps its levels. */
  readonly keepLevels?: ReadonlySet<string> | undefined
}

/** Thrown inside a rendering to end it; the compiled template turns it into a `RenderFailed`. */
export class RenderStop extends Error {
  readonly reason: RenderFailureReason
  readonly uses: RenderFailed['uses'] | null
  constructor(reason: RenderFailureReason, message: string, uses: RenderFailed['uses'] | null = null) {
    super(message)
    this.reason = reason
    this.uses = uses
  }
}
