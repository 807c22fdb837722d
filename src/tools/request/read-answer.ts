/** From the JSON of an answer to what Tocsin answered. */
import { type Answered, failed } from './answered.ts'

export function readAnswer(answer: unknown): Answered<unknown> {
  if (!isObject(answer)) return malformed
  if (answer.status === 'success') return { ok: true, value: answer.data }
  const { error } = answer
  if (answer.status !== 'error' || !isObject(error)) return malformed
  const { code, message } = error
  if (typeof code !== 'string' || typeof message !== 'string') return malformed
  return { ok: false, error: { code, message } }
}

const malformed = failed('malformed', 'What came on the topic of the answer is not an answer of Tocsin.')

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
