/** Secrets that are written out in a file instead of coming from outside: they too are for no log. */
import type { Secrets } from './secrets.ts'

const secretKeys =
  /^(?:password|passphrase|secret|token|auth_token|api_key|apikey|routing_key|authorization)$/i
const label = '•••'
/** A shorter path is a word, no secret. */
const minPathLength = 12

/** Looks through `receivers` and `settings` as they are written. */
export function addLiteralSecrets(file: unknown, secrets: Secrets): void {
  if (!isMap(file)) return
  for (const section of ['receivers', 'settings']) visit(file[section], secrets)
}

/** The file's nesting is bounded. */
function visit(value: unknown, secrets: Secrets): void {
  if (Array.isArray(value)) for (const item of value) visit(item, secrets)
  if (!isMap(value)) return
  for (const [key, content] of Object.entries(value)) {
    if (typeof content !== 'string') visit(content, secrets)
    else if (secretKeys.test(key)) secrets.add({ label, value: content })
    else if (key === 'url') addUrl(content, secrets)
  }
}

/** Who knows the address of a chat can write there; of a mail server only the password is secret. */
function addUrl(text: string, secrets: Secrets): void {
  const url = URL.parse(text)
  if (url === null) return
  if (url.password !== '') {
    secrets.add({ label, value: url.password })
    try {
      secrets.add({ label, value: decodeURIComponent(url.password) })
    } catch {
      // What is no encoded text is known as it stands.
    }
  }
  const path = `${url.pathname}${url.search}`
  if (/^https?:$/.test(url.protocol) && path.length >= minPathLength) secrets.add({ label, value: path })
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
