/**
 * Replaces `${env:NAME}`, `${env:NAME:-default}` and `${file:/run/secrets/x}` in a scalar's text. What comes in
 * is never read as YAML or scanned again, and its value appears in no message.
 */
import type { ProblemCode } from '../core/problem-catalogue.ts'
import type { SecretUse } from './secrets.ts'

export interface SubstitutionSources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Reads a secret file, or says in words why it cannot. */
  readSecretFile(path: string): { ok: true; text: string } | { ok: false; message: string; help: string }
}

interface SubstitutionProblem {
  readonly code: ProblemCode
  readonly message: string
  readonly help: string
  /** Where in the scalar's text, in UTF-16 units. */
  readonly offset: number
  readonly length: number
}

/** A piece of a scalar's text. */
export interface TextPart {
  readonly text: string
  /** As it is written, for example `${env:LIMIT}`, when it came from outside; else null. */
  readonly label: string | null
}

export interface Substituted {
  readonly text: string
  readonly parts: readonly TextPart[]
  readonly uses: readonly SecretUse[]
  readonly problems: readonly SubstitutionProblem[]
  /** Whether anything came from outside; `$${` alone only unescapes. */
  readonly changed: boolean
}

const envForm = /^env:([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/
const fileForm = /^file:([\s\S]+)$/

export function substitute(text: string, sources: SubstitutionSources): Substituted {
  const uses: SecretUse[] = []
  const problems: SubstitutionProblem[] = []
  const parts: TextPart[] = []
  let literal = ''
  let changed = false
  let at = 0
  for (;;) {
    const open = text.indexOf('${', at)
    if (open === -1) break
    if (open > at && text[open - 1] === '$') {
      literal += `${text.slice(at, open - 1)}\${`
      at = open + 2
      continue
    }
    literal += text.slice(at, open)
    const close = text.indexOf('}', open)
    const end = close === -1 ? text.length : close + 1
    const whole = text.slice(open, end)
    const found = close === -1 ? unclosed() : resolve(text.slice(open + 2, close), whole, sources)
    if (found.ok) {
      parts.push({ text: literal, label: null }, { text: found.value, label: whole })
      literal = ''
      changed = true
      if (found.secret) uses.push({ label: whole, value: found.value })
    } else {
      const { code, message, help } = found
      problems.push({ code, message, help, offset: open, length: whole.length })
    }
    at = end
  }
  parts.push({ text: literal + text.slice(at), label: null })
  return { text: parts.map((part) => part.text).join(''), parts, uses, problems, changed }
}

type Resolved =
  | { ok: true; value: string; secret: boolean }
  | { ok: false; code: ProblemCode; message: string; help: string }

function resolve(inner: string, whole: string, sources: SubstitutionSources): Resolved {
  const env = envForm.exec(inner)
  if (env !== null) {
    const name = env[1] ?? ''
    const value = Object.hasOwn(sources.env, name) ? sources.env[name] : undefined
    const fallback = env[2]
    if (fallback !== undefined && (value === undefined || value === '')) {
      return { ok: true, value: fallback, secret: false }
    }
    if (value !== undefined) return { ok: true, value, secret: true }
    return {
      ok: false,
      code: 'config-variable-missing',
      message: `the environment variable \`${name}\` is not set`,
      help: `set ${name} before starting, or give a default: \${env:${name}:-default}`,
    }
  }
  const file = fileForm.exec(inner)
  if (file !== null) {
    const read = sources.readSecretFile(file[1] ?? '')
    if (read.ok) return { ok: true, value: read.text, secret: true }
    return { ok: false, code: 'config-secret-file', message: read.message, help: read.help }
  }
  const bare = /^([A-Za-z_][A-Za-z0-9_]*)((?::?-.*)?)$/.exec(inner)
  return {
    ok: false,
    code: 'config-variable-syntax',
    message: `\`${whole.slice(0, 60)}\` is not a variable that Tocsin knows`,
    help:
      bare === null
        ? `write \${env:NAME}, \${env:NAME:-default} or \${file:/run/secrets/name}; for a plain \${ write $\${`
        : `write \${env:${bare[1]}}; for a plain \${ write $\${`,
  }
}

function unclosed(): Resolved {
  return {
    ok: false,
    code: 'config-variable-syntax',
    message: `\`\${\` is not closed`,
    help: `end the variable with }, as in \${env:NAME}; for a plain \${ write $\${`,
  }
}
