/** Asks for a web address and wants nothing of it but that it answers. */
import type { Ping } from '../ports/ping.ts'

const timeoutMs = 10_000

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ENOTFOUND: 'its name was not found',
  EAI_AGAIN: 'its name could not be looked up',
  ECONNRESET: 'the connection broke',
  UND_ERR_SOCKET: 'the connection broke',
  ETIMEDOUT: 'it gave no answer',
}

/** `limitMs` is how long an answer may take. */
export function createPing(address: string, limitMs = timeoutMs): Ping {
  const { url, headers } = withoutUser(address)
  return async () => {
    try {
      const response = await fetch(url, {
        headers,
        // What stands elsewhere was not meant by whoever wrote the address.
        redirect: 'manual',
        signal: AbortSignal.timeout(limitMs),
      })
      await response.body?.cancel()
      return response.ok ? { ok: true } : { ok: false, message: `it answered with status ${response.status}` }
    } catch (error) {
      return { ok: false, message: inWords(error, limitMs) }
    }
  }
}

/** fetch refuses addresses with a user. */
function withoutUser(address: string): { url: URL; headers: Record<string, string> } {
  const url = new URL(address)
  const headers: Record<string, string> = { 'user-agent': 'Tocsin' }
  if (url.username !== '' || url.password !== '') {
    const user = `${decoded(url.username)}:${decoded(url.password)}`
    headers.authorization = `Basic ${Buffer.from(user).toString('base64')}`
    url.username = ''
    url.password = ''
  }
  return { url, headers }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Errors of fetch name the address: only their codes are used. */
function inWords(error: unknown, limitMs: number): string {
  if (!(error instanceof Error)) return 'it failed'
  if (error.name === 'TimeoutError') return `it gave no answer within ${limitMs / 1_000} s`
  const { cause } = error
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  const known = words[code]
  if (known !== undefined) return known
  if (/^(CERT_|ERR_TLS|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code)) return 'its certificate is not trusted'
  return code === '' ? 'it failed' : `it failed (${code})`
}
