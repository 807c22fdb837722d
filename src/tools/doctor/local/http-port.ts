/** Whether the HTTP listener gets its port: it is free, or a Tocsin has it already. */
import { createServer } from 'node:http'
import type { Finding, Section } from '../finding.ts'
import { withLimit } from '../limit.ts'

export interface HttpWorld {
  /** Null: nothing listens. */
  readonly listen: { readonly host: string; readonly port: number } | null
  /** False: the files say nothing of it, so a port that is taken is no reason not to run. */
  readonly written: boolean
}

const limitMs = 3_000

export function httpSection(world: HttpWorld): Section {
  return {
    title: 'Web server',
    async run(tell) {
      tell(await listenFinding(world))
    },
  }
}

async function listenFinding({ listen, written }: HttpWorld): Promise<Finding> {
  const check = 'port'
  if (listen === null)
    return { check, state: 'skipped', what: 'It is off: links in mails and callbacks do not work.' }
  const { host, port } = listen
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const code = await tryListening(host, port)
  if (code === null) return { check, state: 'ok', what: `${place} is free.` }
  if (code === 'EADDRINUSE' && (await isTocsin(place)))
    return { check, state: 'ok', what: `${place} is in use by the Tocsin that runs.` }
  const next = 'Choose another one: settings: { http: { listen: 127.0.0.1:8081 } }, or listen: off.'
  const state = written ? 'fail' : 'warn'
  const without = written
    ? 'Tocsin will not start.'
    : 'Tocsin starts, but links in mails and callbacks do not work.'
  switch (code) {
    case 'EADDRINUSE':
      return { check, state, what: `${place} is taken by another program. ${without}`, next }
    case 'EACCES':
      return {
        check,
        state,
        what: `${place} may not be listened on: ports below 1024 are for root. ${without}`,
        next,
      }
    case 'EADDRNOTAVAIL':
      return { check, state, what: `${host} is no address of this machine. ${without}`, next }
    default:
      return { check, state, what: `${place} cannot be listened on (${code}). ${without}`, next }
  }
}

/** Null when it can be listened on, else the system's code. */
function tryListening(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)))
  })
}

async function isTocsin(place: string): Promise<boolean> {
  // What listens on all addresses is reached on this one.
  const url = `http://${place.replace(/^(0\.0\.0\.0|\[::\])/, '127.0.0.1')}/healthz`
  try {
    const answered = await withLimit(
      limitMs,
      fetch(url, { signal: AbortSignal.timeout(limitMs) }).then((answer) => answer.text()),
    )
    return answered.ok && /^\{"status":"(ok|failing)"\}$/.test(answered.value)
  } catch {
    return false
  }
}
