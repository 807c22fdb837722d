/** Answers that say themselves that they are errors, as Tocsin's do: `{"status": "error", "error": …}`. */

/** The reason that the answer gives, perhaps none (''); null when it is no error. */
export function errorOf(answer: unknown): string | null {
  if (!isObject(answer) || answer.status !== 'error') return null
  const { error, message } = answer
  const words = isObject(error) ? (error.message ?? error.code) : (error ?? message)
  return typeof words === 'string' ? words : ''
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
