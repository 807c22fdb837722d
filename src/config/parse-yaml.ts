/** Reads one YAML file: its value and where everything stands, or what keeps it from being read. */
import type { Node } from 'yaml'
import { parseDocument } from 'yaml'
import type { FoundProblem } from './found-problem.ts'
import { configLimits } from './limits.ts'
import { SourceText } from './source-text.ts'
import type { SubstitutionSources } from './substitute.ts'
import { explainSyntaxError } from './syntax-errors.ts'
import { isStopped, type YamlValue, yamlValue } from './yaml-value.ts'

export interface ParsedFile extends YamlValue {
  readonly source: SourceText
  readonly contents: Node | null
  /** The value is not worth examining: syntax or a limit kept it from being read. */
  readonly broken: boolean
}

export function parseYaml(file: string, text: string, sources: SubstitutionSources): ParsedFile {
  const source = new SourceText(file, text)
  const deep = tooDeep(text)
  if (deep !== null) return broken(source, [depthProblem(deep)])
  try {
    // Duplicate keys are looked for by the reader: the library compares every key with every other.
    const document = parseDocument(text, { prettyErrors: false, uniqueKeys: false, logLevel: 'error' })
    // The library composes nested values by recursion, and makes an error of the stack's end.
    const overflow = document.errors.find(({ message }) => /call stack/i.test(message))
    if (overflow !== undefined) return broken(source, [depthProblem(overflow.pos[0])])
    const syntax = explainSyntaxError(document, source)
    if (syntax !== null) return broken(source, [syntax])
    const contents = document.contents
    const read = yamlValue(contents, source, sources)
    return { ...read, source, contents, broken: isStopped(read.problems) }
  } catch (error) {
    if (error instanceof RangeError) return broken(source, [depthProblem(0)])
    throw error
  }
}

function broken(source: SourceText, problems: readonly FoundProblem[]): ParsedFile {
  return {
    value: null,
    problems,
    aliases: new Map(),
    substituted: new Map(),
    insertions: new Map(),
    failed: new Set(),
    source,
    contents: null,
    broken: true,
  }
}

function depthProblem(offset: number): FoundProblem {
  return {
    code: 'yaml-depth',
    message: `values are nested deeper than ${configLimits.yamlDepth}`,
    help: 'write it flatter, and look for brackets that are not closed',
    path: [],
    severity: 'error',
    span: { start: offset, end: offset + 1 },
  }
}

/**
 * A cheap look before parsing: lines that open more brackets or list items than any real file has would cost
 * the parser time and stack. Returns where.
 */
function tooDeep(text: string): number | null {
  const opens = /(?:[[{]\s*|[-?:]\s+){80}/.exec(text)
  return opens?.index ?? null
}
