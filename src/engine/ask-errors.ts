/** Errors that are answered to whoever asks. */
import { closest } from '../core/conditions/did-you-mean.ts'
import type { Program } from '../core/program.ts'
import type { AskError, Asked } from '../ports/control.ts'
import type { StoreFailure, StoreOutcome } from '../ports/store.ts'

export interface Failed {
  readonly ok: false
  readonly error: AskError
}

export function failed(code: AskError['code'], message: string): Failed {
  return { ok: false, error: { code, message } }
}

export function storeError({ message, help }: Pick<StoreFailure, 'message' | 'help'>): Failed {
  return failed('store', `${message} ${help}`.trim())
}

export function asked<T>(outcome: StoreOutcome<T>): Asked<T> {
  return outcome.ok ? outcome : storeError(outcome.failure)
}

export function unknownRule(id: string, { rules }: Pick<Program, 'rules'>): Failed {
  const near = closest(
    id,
    rules.map((rule) => rule.id),
  )
  const hint = near === null ? 'The request `rules` lists them.' : `Did you mean ${near}?`
  return failed('unknown-rule', `No rule with the id "${id.slice(0, 100)}" is running. ${hint}`)
}
