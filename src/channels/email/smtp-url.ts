/** The URL of a mail server: `smtp://` (STARTTLS) or `smtps://` (TLS from the start). */

export interface SmtpUrl {
  readonly host: string
  /** Null: the usual one. */
  readonly port: number | null
  readonly secure: boolean
  readonly username: string | null
  readonly password: string | null
}

type Read = { ok: true; value: SmtpUrl } | { ok: false; message: string; help: string }

/** The message never shows the URL: it may hold a password. */
export function readSmtpUrl(text: string): Read {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text.trim())?.[1]?.toLowerCase()
  if (scheme !== 'smtp' && scheme !== 'smtps') {
    return {
      ok: false,
      message: 'the URL of a mail server begins with `smtp://` or `smtps://`',
      help: 'write smtp://host:587, or smtps://host:465 with TLS from the start',
    }
  }
  // The URL parser treats only some schemes as having a host as http has one.
  const url = URL.parse(text.trim().replace(/^smtps?:/i, 'https:'))
  const wrong = (message: string, help: string): Read => ({ ok: false, message, help })
  const apart = 'write `username:` and `password:` beside the URL instead'
  if (url === null || url.hostname === '')
    return wrong('the URL of the mail server cannot be read', `write smtp://host:587; ${apart}`)
  if ((url.pathname !== '/' && url.pathname !== '') || url.search !== '' || url.hash !== '')
    return wrong('the URL of the mail server goes on after the host', `end it after the port; or ${apart}`)
  const username = decoded(url.username)
  const password = decoded(url.password)
  if (username === undefined || password === undefined)
    return wrong('the user or password in the URL is not written correctly', apart)
  const written = /^[^/]*\/\/(?:[^@]*@)?(?:\[[^\]]*\]|[^:[\]]*):(\d+)/.exec(text.trim())?.[1]
  return {
    ok: true,
    value: {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: written === undefined ? null : Number(written),
      secure: scheme === 'smtps',
      username,
      password,
    },
  }
}

/** Null when empty, undefined when it is not percent-encoding. */
function decoded(text: string): string | null | undefined {
  try {
    return text === '' ? null : decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** This machine itself: what goes there crosses no network. */
export function isLoopback(host: string): boolean {
  return (
    host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
  )
}
