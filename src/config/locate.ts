/** Gives a problem its place: file, line, column and the lines around it. */
import type { Node, Pair, Scalar, YAMLMap } from 'yaml'
import { isAlias, isMap, isScalar, isSeq } from 'yaml'
import type { Path, Problem } from '../core/problem.ts'
import { codeFrame } from './code-frame.ts'
import type { FoundProblem } from './found-problem.ts'
import type { ParsedFile } from './parse-yaml.ts'
import { offsetInScalar } from './scalar-offset.ts'
import { redactFragments, type Secrets, type SecretUse } from './secrets.ts'
import type { SourceText, Span } from './source-text.ts'
import { isNode, spanOf } from './yaml-value.ts'

/**
 * A problem with its place. Lines and columns count from 1 (columns in characters); `endColumn` is exclusive,
 * on the same line. The frame is empty when the problem is about a whole file or directory.
 */
export type LocatedProblem = Problem & {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly endColumn?: number
  readonly frame: string
}

/** A value of the file and how it was reached. */
export interface FoundNode {
  /** The deepest value on the path; null where the file has nothing at all. */
  readonly node: Node | null
  /** The key of the map that the last step went through. */
  readonly key: Node | null
  /** How many steps of the path were found. */
  readonly steps: number
  /** Every value from the top to `node`. */
  readonly chain: readonly Node[]
}

export function findNode(parsed: ParsedFile, path: Path): FoundNode {
  const chain: Node[] = []
  let node = follow(parsed, parsed.contents)
  let key: Node | null = null
  let steps = 0
  if (node !== null) chain.push(node)
  for (const part of path) {
    const next = step(parsed, node, part)
    if (next === null) break
    key = next.key
    steps++
    if (next.value === null) {
      node = null
      break
    }
    node = follow(parsed, next.value)
    if (node !== null) chain.push(node)
  }
  return { node, key, steps, chain }
}

function follow(parsed: ParsedFile, node: Node | null): Node | null {
  let current = node
  for (let hops = 0; hops < 64 && current !== null && isAlias(current); hops++) {
    const target = parsed.aliases.get(current)
    if (target === undefined) return current
    current = target
  }
  return current
}

function step(
  parsed: ParsedFile,
  node: Node | null,
  part: string | number,
): { key: Node | null; value: Node | null } | null {
  if (isSeq(node)) {
    const item = node.items[Number(part)]
    return isNode(item) ? { key: null, value: item } : null
  }
  if (!isMap(node)) return null
  const own = node.items.find((pair) => keyText(pair) === String(part))
  if (own !== undefined)
    return { key: isNode(own.key) ? own.key : null, value: isNode(own.value) ? own.value : null }
  return mergedStep(parsed, node, part)
}

function mergedStep(parsed: ParsedFile, node: YAMLMap, part: string | number): ReturnType<typeof step> {
  for (const pair of node.items) {
    if (keyText(pair) !== '<<' || !isNode(pair.value)) continue
    const value = follow(parsed, pair.value)
    for (const source of isSeq(value) ? value.items : [value]) {
      const target = isNode(source) ? follow(parsed, source) : null
      // An alias of a map that merges itself is refused when it is read.
      if (isMap(target) && target !== node) {
        const found = step(parsed, target, part)
        if (found !== null) return found
      }
    }
  }
  return null
}

function keyText(pair: Pair): string | null {
  const { key } = pair
  if (!isScalar(key) || key.value === null) return null
  return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))
}

/** Null when the problem only follows from one that was already told. */
export function locate(parsed: ParsedFile, found: FoundProblem, secrets: Secrets): LocatedProblem | null {
  const { span, atKey, ...rest } = found
  if (span !== undefined) return placed(parsed.source, rest, span, [], secrets)
  const reached = findNode(parsed, found.path)
  if (reached.chain.some((node) => parsed.failed.has(node))) return null
  return placed(parsed.source, rest, spanAt(parsed, found, reached), secretsNear(parsed, found.path), secrets)
}

/** What came from outside into the entry that the problem is about: its message may quote any of it. */
function secretsNear(parsed: ParsedFile, path: Path): readonly SecretUse[] {
  if (parsed.substituted.size === 0) return []
  const { node } = findNode(parsed, path.slice(0, 2))
  const entry = node === null ? null : spanOf(node)
  return [...parsed.substituted].flatMap(([scalar, uses]) => {
    const { start } = spanOf(scalar)
    // An alias brings in what stands elsewhere.
    const isNear = entry === null || parsed.aliases.size > 0 || (start >= entry.start && start < entry.end)
    return isNear ? uses : []
  })
}

function spanAt(parsed: ParsedFile, found: FoundProblem, { node, key, steps }: FoundNode): Span {
  const { source } = parsed
  const complete = steps === found.path.length
  if ((complete && found.atKey === true && key !== null) || (node === null && key !== null)) {
    const { start, end } = spanOf(key)
    return { start, end: found.atKey === true ? end : source.lineEnd(start) }
  }
  if (node === null) return firstText(source)
  const range = spanOf(node)
  if (isScalar(node)) return scalarSpan(parsed, found, node, key, complete)
  if (!complete && isMap(node) && node.flow !== true) {
    // A key is missing: the first line of the map stands for the map.
    return { start: range.start, end: source.lineEnd(range.start) }
  }
  return { start: range.start, end: Math.min(range.end, source.lineEnd(range.start)) }
}

function scalarSpan(
  parsed: ParsedFile,
  found: FoundProblem,
  node: Scalar,
  key: Node | null,
  complete: boolean,
): Span {
  const { source } = parsed
  const { start, end } = spanOf(node)
  if (start === end) {
    // Nothing is written: the key and what follows it, such as a comment that was meant as a value.
    const from = key === null ? start : spanOf(key).start
    return { start: from, end: Math.max(from + 1, source.lineEnd(from)) }
  }
  const rest = found.path.length - (complete ? found.path.length : findNode(parsed, found.path).steps)
  // One text may stand for a list of one.
  const isWhole = complete || (rest === 1 && found.path.at(-1) === 0)
  if (found.offset === undefined || !isWhole || parsed.substituted.has(node)) {
    return { start, end: Math.min(end, Math.max(start + 1, source.lineEnd(start))) }
  }
  const at = Math.min(offsetInScalar(source.text, node, found.offset), Math.max(start, end - 1))
  return { start: at, end: at + 1 }
}

/** The first line that says anything. */
function firstText(source: SourceText): Span {
  const start = Math.max(0, source.text.search(/\S/))
  return { start, end: source.lineEnd(start) }
}

function placed(
  source: SourceText,
  found: Problem,
  span: Span,
  uses: readonly SecretUse[],
  secrets: Secrets,
): LocatedProblem {
  const start = source.position(span.start)
  const end = source.position(Math.max(span.end, span.start))
  const lineLength = [...source.line(start.line)].length
  const endColumn = Math.max(start.column + 1, end.line === start.line ? end.column : lineLength + 1)
  const clean = (text: string) => asSentence(secrets.redact(redactFragments(text, uses)))
  return {
    ...found,
    message: clean(found.message),
    ...(found.help === undefined ? {} : { help: clean(found.help) }),
    file: source.file,
    line: start.line,
    column: start.column,
    endColumn,
    frame: secrets.redact(codeFrame(source, start, endColumn)),
  }
}

/** Messages are written as parts of a sentence or as whole ones; people read whole ones. */
export function asSentence(text: string): string {
  const begun = /^[a-z]/.test(text) ? text.slice(0, 1).toUpperCase() + text.slice(1) : text
  return /[.?!:…]$/.test(begun) ? begun : `${begun}.`
}

/** As `file:line:column`, for a message that names another place. */
export function placeText(parsed: ParsedFile, path: Path, atKey: boolean): string {
  const { node, key } = findNode(parsed, path)
  const target = atKey ? (key ?? node) : (node ?? key)
  const { line, column } = parsed.source.position(target === null ? 0 : spanOf(target).start)
  return `${parsed.source.file}:${line}:${column}`
}
