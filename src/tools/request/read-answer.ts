/** From the bytes of an answer to what was answered. */
import type { Answered } from './requests.ts'

/** `id`: of the request; an answer to another one is malformed. */
export function readAnswer(payload: Uint8Array, id: string): Answered<unknown> {
  const answer = parse(payload)
  if (answer === null || answer.request_id !== id) return malformed
  if (answer.status === 'success') return { ok: true, value: answer.data }
  const { error } = answer
  if (answer.status !== 'error' || !isObject(error)) return malformed
  const { code, message } = error
  if (typeof code !== 'string' || typeof message !== 'string') return malformed
  return { ok: false, error: { code, message } }
}

const malformed = {
  ok: false,
  error: { code: 'malformed', message: 'What came on the topic of the answer is not an answer of Tocsin.' },
} as const

function parse(payload: Uint8Array): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload).toString())
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
