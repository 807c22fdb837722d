/** Walks parsed pieces: finds variables and filters that do not exist, and what the template reads. */
import { type Filter, type Template, type Token, TokenKind, TypeGuards, toValueSync, Value } from 'liquidjs'
import { closest } from '../conditions/did-you-mean.ts'
import { type Problem, problem } from '../problem.ts'
import type { Roots } from '../roots.ts'
import { isZone, unknownDirectives } from './date-text.ts'
import { filterNames, filterSpecs } from './filters.ts'
import { maxNesting } from './limits.ts'
import { excerpt } from './parse.ts'

type PathKey = string | number

/** An output that is nothing but a variable: `{{ payload.t }}`. */
export interface Bare {
  readonly root: string
  readonly path: readonly PathKey[]
}

export interface Analysis {
  readonly problems: readonly Problem[]
  readonly uses: readonly (readonly string[])[]
  readonly roots: ReadonlySet<string>
  readonly bare: ReadonlyMap<Template, Bare>
  /** The static pieces, also those inside tags. */
  readonly texts: readonly Template[]
}

export function analyse<S>(pieces: readonly Template[], roots: Roots<S>): Analysis {
  const walk = new Walk(
    (name) => name === 'now' || roots.resolve(name) !== null,
    () => ['now', ...roots.names()],
  )
  walk.pieces(pieces)
  // In a loop, a name that is assigned further down is no longer the root in the second round.
  for (const [piece, { root }] of walk.bare) if (walk.assigned.has(root)) walk.bare.delete(piece)
  return {
    problems: walk.problems,
    uses: [...walk.uses.values()],
    roots: walk.roots,
    bare: walk.bare,
    texts: walk.texts,
  }
}

/** A filter as LiquidJS parsed it; its class keeps the token private. */
interface FilterLike {
  readonly name: string
  readonly args: Filter['args']
  readonly token: Token
}

class Walk {
  readonly problems: Problem[] = []
  readonly uses = new Map<string, readonly string[]>()
  readonly roots = new Set<string>()
  readonly bare = new Map<Template, Bare>()
  readonly texts: Template[] = []
  readonly assigned = new Set<string>()
  private readonly blocks: Set<string>[] = []
  private depth = 0
  private readonly exists: (name: string) => boolean
  private readonly names: () => readonly string[]

  constructor(exists: (name: string) => boolean, names: () => readonly string[]) {
    this.exists = exists
    this.names = names
  }

  pieces(pieces: readonly Template[]): void {
    for (const piece of pieces) this.piece(piece)
  }

  private piece(piece: Template): void {
    if (piece.token.kind === TokenKind.HTML) {
      this.texts.push(piece)
      return
    }
    for (const argument of piece.arguments?.() ?? []) {
      if (argument instanceof Value) this.value(argument, piece)
      else this.token(argument)
    }
    for (const name of piece.localScope?.() ?? []) this.assigned.add(name.content)
    if (piece.children === undefined) return
    const names = piece.blockScope?.()
    if (names !== undefined) this.blocks.push(new Set(names))
    this.pieces(toValueSync(piece.children(false, true)) as Template[])
    if (names !== undefined) this.blocks.pop()
  }

  private value(value: Value, piece: Template): void {
    this.expression(value.initial.postfix, piece)
    if (/\|\s*-?[}%]\}$/.test(piece.token.getText())) {
      const message = `A filter is missing after the last |: ${excerpt(piece.token.getText())}`
      this.problems.push(
        problem('template-syntax', [], message, {
          help: 'Name a filter, or remove the |.',
          offset: piece.token.begin,
        }),
      )
    }
    for (const filter of value.filters) this.filter(filter as unknown as FilterLike, value)
    const [only] = value.initial.postfix
    if (piece.token.kind !== TokenKind.Output || value.filters.length > 0) return
    if (value.initial.postfix.length !== 1 || !TypeGuards.isPropertyAccessToken(only)) return
    const path = staticPath(only)
    if (path === null || this.isLocal(path.root)) return
    this.bare.set(piece, path)
  }

  /** LiquidJS takes `{{ a b }}` and `{{ a == }}`; here an expression comes down to exactly one value. */
  private expression(postfix: readonly Token[], piece: Template): void {
    let values = 0
    for (const token of postfix) {
      if (TypeGuards.isOperatorToken(token)) {
        values -= token.operator === 'not' ? 1 : 2
        if (values < 0) break
      } else {
        this.token(token)
      }
      values += 1
    }
    if (values === 1) return
    this.problems.push(
      problem('template-syntax', [], `The template cannot be read here: ${excerpt(piece.token.getText())}`, {
        help: 'Join two values with an operator (==, <, and, …), and put a | before a filter.',
        offset: piece.token.begin,
      }),
    )
  }

  private token(token: Token): void {
    if (this.depth >= maxNesting) {
      const message = `Brackets stand more than ${maxNesting} deep inside each other.`
      this.problems.push(problem('template-limit', [], message, { offset: token.begin }))
      return
    }
    this.depth += 1
    if (TypeGuards.isRangeToken(token)) {
      this.token(token.lhs)
      this.token(token.rhs)
    } else if (TypeGuards.isPropertyAccessToken(token)) {
      this.variable(token)
    }
    this.depth -= 1
  }

  private variable(token: Token & { variable?: Token | undefined; props: readonly Token[] }): void {
    const [first, ...rest] = token.props
    const keys = token.variable === undefined ? rest : token.props
    for (const key of keys) this.token(key)
    if (/[.[]\s*\]?$/.test(token.getText())) {
      const message = `The name is not finished: ${excerpt(token.getText())}`
      this.problems.push(
        problem('template-syntax', [], message, {
          help: 'Write what comes after the dot or bracket.',
          offset: token.begin,
        }),
      )
      return
    }
    if (token.variable !== undefined) {
      this.token(token.variable)
      return
    }
    const root = first === undefined ? null : keyOf(first)
    if (typeof root !== 'string') {
      const message = `A variable's name cannot be computed: ${excerpt(token.getText())}`
      this.problems.push(
        problem('template-syntax', [], message, {
          help: 'Begin with a name, such as payload.',
          offset: token.begin,
        }),
      )
      return
    }
    if (this.isLocal(root)) return
    if (!this.exists(root)) {
      this.unknownVariable(root, token.getText(), token.begin)
      return
    }
    const path = [root]
    for (const key of rest) {
      const name = keyOf(key)
      if (name === null) break
      path.push(String(name))
    }
    this.roots.add(root)
    this.uses.set(JSON.stringify(path), path)
  }

  private isLocal(name: string): boolean {
    return this.assigned.has(name) || this.blocks.some((block) => block.has(name))
  }

  private unknownVariable(name: string, written: string, offset: number): void {
    const known = [
      ...new Set([...this.names(), ...this.assigned, ...this.blocks.flatMap((block) => [...block])]),
    ]
    const near = closest(name, known)
    // Most who name something unknown mean a part of the message.
    const inPayload = near !== 'payload' && known.includes('payload') ? [`payload.${excerpt(written)}`] : []
    const meant = [...(near === null ? [] : [near]), ...inPayload]
    const help =
      (meant.length > 0 ? `Did you mean ${meant.join(' or ')}?` : '') +
      (near === null ? `${meant.length > 0 ? ' ' : ''}Known here: ${known.join(', ')}.` : '')
    this.problems.push(
      problem('template-unknown-variable', [], `There is no variable ${excerpt(name)} here.`, {
        help,
        offset,
      }),
    )
  }

  private filter(filter: FilterLike, value: Value): void {
    const offset = filter.token.begin
    const positional = filter.args.filter((argument) => !Array.isArray(argument)) as Token[]
    const named = filter.args.filter((argument) => Array.isArray(argument))
    for (const argument of positional) this.token(argument)
    for (const [, argument] of named) if (argument !== undefined) this.token(argument)
    const spec = Object.hasOwn(filterSpecs, filter.name) ? filterSpecs[filter.name] : undefined
    if (spec === undefined) {
      const near = closest(filter.name, filterNames)
      const help = near === null ? 'The language reference lists the filters.' : `Did you mean ${near}?`
      this.problems.push(
        problem('template-unknown-filter', [], `There is no filter ${excerpt(filter.name)}.`, {
          help,
          offset,
        }),
      )
      return
    }
    const wrong = (message: string, help?: string): void => {
      this.problems.push(
        problem('template-arguments', [], message, { offset, ...(help === undefined ? {} : { help }) }),
      )
    }
    if (positional.length < spec.required || positional.length > spec.args.length) {
      wrong(
        `The filter ${filter.name} takes ${countText(spec.required, spec.args.length)}, not ${positional.length}.`,
      )
    }
    for (const [name] of named) {
      if (!(spec.named ?? []).includes(name ?? ''))
        wrong(`The filter ${filter.name} has no argument named ${name}.`)
    }
    if (filter.name === 'date') this.date(filter, positional, value, wrong)
  }

  private date(
    filter: FilterLike,
    [format, zone]: readonly Token[],
    value: Value,
    wrong: (message: string, help?: string) => void,
  ): void {
    const [input] = value.initial.postfix
    const isFirst = (value.filters[0] as unknown) === filter && value.initial.postfix.length === 1
    if (isFirst && TypeGuards.isQuotedToken(input) && /^\s*(now|today)\s*$/i.test(input.content)) {
      wrong(`'${input.content}' is not a date here.`, 'Use the variable: {{ now | date: "%H:%M" }}.')
    }
    if (TypeGuards.isQuotedToken(format)) {
      const [unknown] = unknownDirectives(format.content)
      if (unknown !== undefined) wrong(`A date has no ${unknown}.`, 'Such as %Y-%m-%d %H:%M:%S.')
    }
    if (TypeGuards.isQuotedToken(zone) && !isZone(zone.content)) {
      wrong(`There is no time zone ${excerpt(zone.content)}.`, 'Write it like Europe/Berlin.')
    }
  }
}

function countText(least: number, most: number): string {
  if (least !== most) return `${least} to ${most} arguments`
  return least === 0 ? 'no arguments' : least === 1 ? '1 argument' : `${least} arguments`
}

/** The key that a part of a path stands for, or null when it is computed. */
function keyOf(token: Token): PathKey | null {
  if (TypeGuards.isQuotedToken(token) || TypeGuards.isNumberToken(token) || TypeGuards.isWordToken(token)) {
    return token.content
  }
  return null
}

function staticPath(token: { variable?: unknown; props: readonly Token[] }): Bare | null {
  if (token.variable !== undefined) return null
  const keys: PathKey[] = []
  for (const prop of token.props) {
    const key = keyOf(prop)
    if (key === null) return null
    keys.push(key)
  }
  const [root, ...path] = keys
  return typeof root === 'string' ? { root, path } : null
}
