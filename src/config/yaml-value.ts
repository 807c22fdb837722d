/**
 * Turns the parsed YAML of one file into plain values: aliases and merge keys followed within limits, variables
 * replaced, tags and odd keys refused. The nodes are kept, so that every value can be found again.
 */
import type { Alias, Node, Pair, Scalar, YAMLMap } from 'yaml'
import { isAlias, isMap, isScalar, isSeq } from 'yaml'
import type { ProblemCode } from '../core/problem-catalogue.ts'
import type { FoundProblem } from './found-problem.ts'
import { configLimits } from './limits.ts'
import { offsetInScalar } from './scalar-offset.ts'
import type { SecretUse } from './secrets.ts'
import type { SourceText, Span } from './source-text.ts'
import { type SubstitutionSources, substitute, type TextPart } from './substitute.ts'
import { quoted } from './syntax-errors.ts'

export interface YamlValue {
  readonly value: unknown
  readonly problems: readonly FoundProblem[]
  /** What each alias names. */
  readonly aliases: ReadonlyMap<Alias, Node>
  /** Scalars whose text came, wholly or in part, from outside. */
  readonly substituted: ReadonlyMap<Node, readonly SecretUse[]>
  /** The same scalars in pieces: what stands in the file, and what came. */
  readonly insertions: ReadonlyMap<Node, readonly TextPart[]>
  /** Nodes that have a problem already: what is found wrong below them follows from it. */
  readonly failed: ReadonlySet<Node>
}

const standardTag = /^(?:tag:yaml\.org,2002:|!!)(?:str|int|float|bool|null|map|seq)$/

export function yamlValue(
  contents: Node | null,
  source: SourceText,
  sources: SubstitutionSources,
): YamlValue {
  const reader = new Reader(source, sources)
  const value = contents === null ? null : reader.read(contents, 0)
  const { problems, aliases, substituted, insertions, failed } = reader
  return { value, problems, aliases, substituted, insertions, failed }
}

interface Anchored {
  readonly node: Node
  value: unknown
  nodes: number
  complete: boolean
}

class Reader {
  readonly problems: FoundProblem[] = []
  readonly aliases = new Map<Alias, Node>()
  readonly substituted = new Map<Node, readonly SecretUse[]>()
  readonly insertions = new Map<Node, readonly TextPart[]>()
  readonly failed = new Set<Node>()
  readonly #source: SourceText
  readonly #sources: SubstitutionSources
  readonly #anchors = new Map<string, Anchored>()
  #nodes = 0
  #aliasNodes = 0
  #stopped = false

  constructor(source: SourceText, sources: SubstitutionSources) {
    this.#source = source
    this.#sources = sources
  }

  read(node: Node, depth: number): unknown {
    if (this.#stopped) return null
    this.#nodes++
    if (depth > configLimits.yamlDepth) {
      return this.#stop(
        node,
        'yaml-depth',
        `values are nested deeper than ${configLimits.yamlDepth}`,
        'write it flatter',
      )
    }
    if (this.#nodes > configLimits.yamlNodes) {
      const most = configLimits.yamlNodes.toLocaleString('en')
      return this.#stop(
        node,
        'yaml-size',
        `the file holds more than ${most} values`,
        'split it into several files',
      )
    }
    if (isAlias(node)) return this.#alias(node)
    const anchor = 'anchor' in node && typeof node.anchor === 'string' ? node.anchor : null
    if (anchor === null) return this.#content(node, depth)
    const before = this.#nodes
    const anchored: Anchored = { node, value: null, nodes: 0, complete: false }
    this.#anchors.set(anchor, anchored)
    anchored.value = this.#content(node, depth)
    anchored.nodes = this.#nodes - before + 1
    anchored.complete = true
    return anchored.value
  }

  #content(node: Node, depth: number): unknown {
    const tag = 'tag' in node && typeof node.tag === 'string' ? node.tag : null
    if (tag !== null && !standardTag.test(tag)) return this.#tag(node, tag)
    if (isScalar(node)) return this.#scalar(node)
    if (isSeq(node)) {
      return node.items.map((item) => (isNode(item) ? this.read(item, depth + 1) : null))
    }
    return isMap(node) ? this.#map(node, depth) : null
  }

  #scalar(node: Scalar): unknown {
    const { value } = node
    if (typeof value === 'string') return value.includes('${') ? this.#substitute(node, value) : value
    if (typeof value === 'number' && (!Number.isFinite(value) || isTooLarge(value))) {
      const text = this.#text(node)
      return this.#fail(
        node,
        'yaml-number',
        Number.isFinite(value)
          ? `\`${text}\` is too large to be kept exactly`
          : `\`${text}\` is not a number to work with`,
        `if it is text, put it in quotes: ${quoted(text)}`,
      )
    }
    return value
  }

  #substitute(node: Scalar, text: string): unknown {
    const found = substitute(text, this.#sources)
    for (const { code, message, help, offset, length } of found.problems) {
      const start = offsetInScalar(this.#source.text, node, offset)
      const end = offsetInScalar(this.#source.text, node, offset + length)
      this.#problem(code, message, help, { start, end })
      this.failed.add(node)
    }
    if (found.changed) {
      this.substituted.set(node, found.uses)
      this.insertions.set(node, found.parts)
    }
    return found.text
  }

  #map(node: YAMLMap, depth: number): unknown {
    const result: Record<string, unknown> = {}
    const keys = new Map<string, Node>()
    const merges: Pair[] = []
    for (const pair of node.items) {
      const key = this.#key(pair, node)
      if (key === null) continue
      if (key === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
        merges.push(pair)
        continue
      }
      const first = keys.get(key)
      if (first !== undefined) {
        this.#duplicate(key, first, pair)
        continue
      }
      if (isNode(pair.key)) keys.set(key, pair.key)
      result[key] = isNode(pair.value) ? this.read(pair.value, depth + 1) : null
    }
    for (const pair of merges) this.#merge(pair, result, depth)
    return result
  }

  /** `<<: *defaults` adds the keys that the map does not have itself. */
  #merge(pair: Pair, result: Record<string, unknown>, depth: number): void {
    if (!isNode(pair.value)) return
    const value = this.read(pair.value, depth + 1)
    for (const part of Array.isArray(value) ? value : [value]) {
      if (typeof part !== 'object' || part === null || Array.isArray(part)) {
        if (!this.failed.has(pair.value)) {
          this.#fail(
            pair.value,
            'yaml-alias',
            '`<<` takes the alias of a map',
            'write `<<: *name`, where `&name` marks a map',
          )
        }
        return
      }
      for (const [key, content] of Object.entries(part)) {
        if (!Object.hasOwn(result, key)) result[key] = content
      }
    }
  }

  #key(pair: Pair, map: YAMLMap): string | null {
    const { key } = pair
    if (isScalar(key) && key.value !== null) {
      const text = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))
      if (text !== '__proto__') return text
      this.#problem('yaml-key', '`__proto__` cannot be a key', 'choose another name', spanOf(key))
      return null
    }
    if (isMap(key) && map.flow === true) {
      const text = templateText(this.#source, map)
      this.#fail(
        map,
        'yaml-template-unquoted',
        'a value that begins with `{{` must be in quotes',
        `write ${quoted(text)}`,
      )
      return null
    }
    const span = isNode(key) ? spanOf(key) : spanOf(map)
    const isEmpty = !isNode(key) || isScalar(key)
    this.#problem(
      'yaml-key',
      isEmpty
        ? 'a key is empty'
        : isAlias(key)
          ? 'an alias cannot be a key'
          : 'a list or map cannot be a key',
      'write a name before the colon; if this is text, put it in quotes',
      span,
    )
    return null
  }

  #duplicate(key: string, first: Node, pair: Pair): void {
    const at = this.#source.position(spanOf(first).start)
    this.#problem(
      'yaml-duplicate-key',
      `\`${key}\` is written twice here; the first is in line ${at.line}, column ${at.column}`,
      'remove one of the two',
      spanOf(isNode(pair.key) ? pair.key : first),
    )
  }

  #alias(node: Alias): unknown {
    const anchored = this.#anchors.get(node.source)
    if (anchored === undefined) {
      return this.#fail(
        node,
        'yaml-alias',
        `\`*${node.source}\` is an alias in YAML, and there is no \`&${node.source}\` above it`,
        `if it is text, put it in quotes: ${quoted(`*${node.source}`)}`,
      )
    }
    this.aliases.set(node, anchored.node)
    this.#aliasNodes += anchored.nodes
    if (!anchored.complete) {
      return this.#fail(
        node,
        'yaml-alias',
        `\`*${node.source}\` contains itself`,
        'write the value out instead',
      )
    }
    if (this.#aliasNodes > configLimits.yamlAliasNodes) {
      const most = configLimits.yamlAliasNodes.toLocaleString('en')
      return this.#stop(
        node,
        'yaml-alias-limit',
        `aliases repeat more than ${most} values in this file`,
        'write the values out, or use fewer aliases of aliases',
      )
    }
    this.#nodes += anchored.nodes
    return anchored.value
  }

  #tag(node: Node, tag: string): unknown {
    const { text } = this.#source
    const start = tagStart(text, spanOf(node).start, tag)
    const value = text.slice(start, this.#source.lineEnd(start))
    const line = text.slice(text.lastIndexOf('\n', start) + 1, start)
    const negation = /\b(when|value|of)["']?:\s*$/.test(line)
      ? `; \`not ${value.slice(1, 40)}\` says the same`
      : ''
    this.#problem(
      'yaml-tag',
      `\`${/^!\S*/.exec(value)?.[0].slice(0, 40) ?? '!'}\` is a tag in YAML, not text`,
      `put the value in quotes: ${quoted(value)}${negation}`,
      { start, end: start + Math.max(1, value.length) },
    )
    this.failed.add(node)
    return null
  }

  #text(node: Node): string {
    const { start, end } = spanOf(node)
    return this.#source.text.slice(start, Math.min(end, start + 60))
  }

  #fail(node: Node, code: ProblemCode, message: string, help: string): null {
    this.#problem(code, message, help, spanOf(node))
    this.failed.add(node)
    return null
  }

  #stop(node: Node, code: ProblemCode, message: string, help: string): null {
    this.#stopped = true
    return this.#fail(node, code, message, help)
  }

  #problem(code: ProblemCode, message: string, help: string, span: Span): void {
    this.problems.push({ code, message, help, path: [], severity: 'error', span })
  }
}

/** Whether reading stopped before the end, so that the value is not worth examining. */
export function isStopped(problems: readonly FoundProblem[]): boolean {
  return problems.some(
    ({ code }) => code === 'yaml-depth' || code === 'yaml-size' || code === 'yaml-alias-limit',
  )
}

export function spanOf(node: Node): Span {
  return { start: node.range?.[0] ?? 0, end: node.range?.[1] ?? 0 }
}

export function isNode(value: unknown): value is Node {
  return isScalar(value) || isMap(value) || isSeq(value) || isAlias(value)
}

function isTooLarge(value: number): boolean {
  return Number.isInteger(value) && !Number.isSafeInteger(value)
}

/** The tag stands before its node's own range. */
function tagStart(text: string, before: number, tag: string): number {
  const name = tag.replace(/^.*[:!]/, '')
  const at = text.lastIndexOf(name === '' ? '!' : name, before)
  const bang = text.lastIndexOf('!', at === -1 ? before : at)
  if (bang === -1) return before
  return text[bang - 1] === '!' ? bang - 1 : bang
}

/** From `{{` to the end of the line, or to the `}}`. */
function templateText(source: SourceText, map: YAMLMap): string {
  const { start } = spanOf(map)
  const line = source.text.slice(start, source.lineEnd(start))
  const end = line.indexOf('}}')
  return end === -1 ? line : line.slice(0, end + 2)
}
