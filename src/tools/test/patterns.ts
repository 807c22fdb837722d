/** Texts of expectations: as they are, or patterns between slashes, which are searched for in linear time. */
import { RE2JS } from 're2js'

type Parsed = { readonly ok: true; matches(text: string): boolean } | { readonly ok: false; message: string }

const known = new Map<string, Parsed>()
const knownLimit = 1_000

/** Null when the text is no pattern. `/…/i` ignores case. */
export function parsePattern(text: string): Parsed | null {
  const written = /^\/(.+)\/(i?)$/s.exec(text)
  if (written === null) return null
  let parsed = known.get(text)
  if (parsed === undefined) {
    parsed = compile(written[1] ?? '', written[2] === 'i')
    if (known.size < knownLimit) known.set(text, parsed)
  }
  return parsed
}

function compile(source: string, ignoresCase: boolean): Parsed {
  try {
    const pattern = RE2JS.compile(source, ignoresCase ? RE2JS.CASE_INSENSITIVE : 0)
    return { ok: true, matches: (text) => pattern.matcher(text).find() }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { ok: false, message: `\`/${source.slice(0, 60)}/\` is not a pattern: ${reason}` }
  }
}
