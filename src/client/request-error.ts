/** Why a request of a program has no answer, as an error with a code to branch on. */
import type { RequestCode } from '../tools/request/answered.ts'

export type RequestErrorCode =
  /** The broker cannot be reached, or lets the client not in. `help` says what to do. */
  | 'connect-failed'
  /** The answer says `"status": "error"`. It is in `answer`. */
  | 'error-answer'
  | RequestCode

export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly code: RequestErrorCode
  /** What to do about it, in plain English. */
  readonly help: string | null
  /** Of an `error-answer`: the answer, from its JSON. Of `malformed`: its text. */
  readonly answer: unknown

  constructor(
    code: RequestErrorCode,
    message: string,
    { help = null, answer }: { readonly help?: string | null; readonly answer?: unknown } = {},
  ) {
    super(message)
    this.code = code
    this.help = help
    this.answer = answer
  }
}
