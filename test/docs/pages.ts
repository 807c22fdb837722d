/** The pages of the documentation, taken apart into the examples that their tests run. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

export const root = path.resolve(import.meta.dirname, '../..')

export const pageNames = [
  'README.md',
  'CHANGELOG.md',
  'docs/getting-started.md',
  'docs/language.md',
  'docs/expressions.md',
  'docs/templates.md',
  'docs/configuration.md',
  'docs/alerts.md',
  'docs/testing.md',
  'docs/requests.md',
  'docs/bridge.md',
  'docs/troubleshooting.md',
  'docs/simulate.md',
  'docs/devices.md',
].filter((name) => existsSync(path.join(root, name)))

export interface Example {
  readonly page: string
  /** Of the block's first line of content. */
  readonly line: number
  /** From the comment `<!-- kind: argument -->` right above; empty without one. */
  readonly kind: string
  readonly argument: string
  /** Of a fence; `table` for a table. */
  readonly language: string
  readonly text: string
}

export function readPage(name: string): string {
  return readFileSync(path.join(root, name), 'utf8')
}

/** Fenced blocks and tables, in order. */
export function examplesOf(page: string): Example[] {
  const lines = readPage(page).split('\n')
  const examples: Example[] = []
  for (let at = 0; at < lines.length; at++) {
    const fence = /^```(\w*)$/.exec(lines[at] ?? '')
    const isTable = (lines[at] ?? '').startsWith('|')
    if (fence === null && !isTable) continue
    const { kind, argument } = markAbove(lines, at)
    const first = fence === null ? at : at + 1
    const end = lines.findIndex((line, index) =>
      fence === null ? index > at && !line.startsWith('|') : index > at && line === '```',
    )
    const language = fence === null ? 'table' : (fence[1] ?? '')
    examples.push({
      page,
      line: first + 1,
      kind,
      argument,
      language,
      text: lines.slice(first, end).join('\n'),
    })
    at = end
  }
  return examples
}

function markAbove(lines: readonly string[], at: number): { kind: string; argument: string } {
  const above = lines[at - 1] === '' ? lines[at - 2] : lines[at - 1]
  const mark = /^<!-- ([a-z]+)(?:: (.*))? -->$/.exec(above ?? '')
  return { kind: mark?.[1] ?? '', argument: mark?.[2] ?? '' }
}

/** The rows of a table below its head; cells without the backticks around them. */
export function rowsOf(table: string): string[][] {
  return table
    .split('\n')
    .slice(2)
    .map((row) =>
      row
        .replace(/^\|/, '')
        .replace(/\|$/, '')
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replaceAll('\\|', '|'))
        .map((cell) => /^(`+) ?(.*?) ?\1$/.exec(cell)?.[2] ?? cell),
    )
}

/** The anchors that headings make, as GitHub writes them. */
export function anchorsOf(page: string): Set<string> {
  const text = readPage(page).replace(/^```[\s\S]*?^```$/gm, '')
  const headings = [...text.matchAll(/^#{1,6} (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
  return new Set(headings)
}
