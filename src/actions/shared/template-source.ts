/** Takes the source of a template apart, for what can be said about it before it has any values. */

export interface Piece {
  readonly kind: 'literal' | 'output' | 'tag'
  readonly text: string
  /** Where it begins in the source, in UTF-16 units. */
  readonly offset: number
}

/** What stands in quotes may contain the closing braces. */
const dynamic = /\{\{(?:"[^"]*"|'[^']*'|[^"'])*?\}\}|\{%(?:"[^"]*"|'[^']*'|[^"'])*?%\}/g

export function splitTemplate(source: string): Piece[] {
  const pieces: Piece[] = []
  let offset = 0
  for (const match of source.matchAll(dynamic)) {
    if (match.index > offset)
      pieces.push({ kind: 'literal', text: source.slice(offset, match.index), offset })
    pieces.push({ kind: match[0].startsWith('{%') ? 'tag' : 'output', text: match[0], offset: match.index })
    offset = match.index + match[0].length
  }
  if (offset < source.length) pieces.push({ kind: 'literal', text: source.slice(offset), offset })
  return pieces
}

/** The variable of an output such as `{{ rest }}` that has no filter and no path; null for any other piece. */
export function bareVariable(piece: Piece): string | null {
  if (piece.kind !== 'output') return null
  return /^\{\{-?\s*([A-Za-z_]\w*)\s*-?\}\}$/.exec(piece.text)?.[1] ?? null
}

/** Whether the template is one output and nothing else, so that its value keeps its type. */
export function isOneOutput(source: string): boolean {
  const [first, ...rest] = splitTemplate(source)
  return first?.kind === 'output' && rest.length === 0
}
