/** Test results for people: a line for each test, and for each failure expected and happened side by side. */
import { styleText } from 'node:util'
import { formatDuration } from '../../core/duration.ts'
import { jsonText } from '../../core/json-text.ts'
import { printable } from '../../core/printable.ts'
import { cutToWidth, lengthWithin, padToWidth } from '../../core/text-width.ts'
import { type ListName, type Mismatch, utf8 } from './compare.ts'
import type { TestFailure, TestResult } from './run-test.ts'

export interface TextOptions {
  readonly colour: boolean
  /** Width of the terminal, in characters. */
  readonly columns: number
}

type Style = 'red' | 'green' | 'dim' | 'bold' | 'cyan'

export function resultText(result: TestResult, options: TextOptions): string {
  const paint = painter(options)
  const took = paint('dim', `(${Math.round(result.tookMs)} ms)`)
  const name = printable(result.test.name)
  if (result.failure === null) return `${paint('green', '✓')} ${name} ${took}\n`
  return `${paint('red', '✗')} ${paint('bold', name)} ${took}\n${failureText(result.failure, options)}\n`
}

export function summaryText(results: readonly TestResult[], tookMs: number, options: TextOptions): string {
  const paint = painter(options)
  const failed = results.filter(({ failure }) => failure !== null).length
  const passed = results.length - failed
  const parts = [
    failed > 0 ? paint('red', `${failed} failed`) : null,
    passed > 0 || failed === 0 ? paint('green', `${passed} passed`) : null,
  ].filter((part) => part !== null)
  const files = new Set(results.map(({ test }) => test.file)).size
  const where = `${results.length} ${results.length === 1 ? 'test' : 'tests'} in ${files} ${files === 1 ? 'file' : 'files'}`
  return `${parts.join(', ')} ${paint('dim', `(${where}, ${Math.round(tookMs)} ms)`)}\n`
}

/** Without the name of the test; also for reports that are read by machines. */
export function failureText(failure: TestFailure, options: TextOptions): string {
  const paint = painter(options)
  const lines = [`  ${paint('cyan', failure.place)} at ${formatDuration(failure.atMs)}`]
  if (failure.message !== null) lines.push(`  ${failure.message}`)
  for (const mismatch of failure.mismatches) lines.push(...mismatchLines(mismatch, options))
  if (failure.decided.length > 0) {
    lines.push(`  ${paint('dim', 'what the rules made of the latest messages:')}`)
    for (const { topic, payload, decisions } of failure.decided) {
      const made = decisions.map(
        ({ rule, verdict, because }) => `${rule} ${verdict}${because === undefined ? '' : ` (${because})`}`,
      )
      const what = made.length === 0 ? 'no rule matches' : made.join(', ')
      lines.push(paint('dim', `    ${printable(topic)} ${payloadText(payload)} → ${what}`))
    }
  }
  for (const note of failure.notes.slice(0, 5)) lines.push(paint('dim', `  note: ${printable(note)}`))
  return lines.join('\n')
}

const titles: Readonly<Record<ListName, string>> = {
  publish: 'published',
  respond: 'answered',
  forward: 'forwarded',
  command: 'commands sent',
  log: 'logged',
  notify: 'told',
  alerts: 'open alerts',
  states: 'states',
  transitions: 'changes of state',
  dead_letters: 'dead letters',
  notices: 'notices',
}

/** Fields that say what an item is, where the test names none. */
const mainFields: Readonly<Record<ListName, readonly string[]>> = {
  publish: ['topic', 'payload', 'raw'],
  respond: ['topic', 'payload', 'raw'],
  forward: ['topic', 'payload', 'raw'],
  command: ['topic', 'payload', 'raw'],
  log: ['file', 'values'],
  notify: ['receiver', 'channel', 'kind', 'title'],
  alerts: ['rule', 'key', 'state'],
  states: ['rule', 'key', 'state'],
  transitions: ['rule', 'key', 'from', 'to', 'because'],
  dead_letters: ['topic', 'reason'],
  notices: ['kind', 'rule', 'message'],
}

const leastWidth = 24

function mismatchLines(mismatch: Mismatch, options: TextOptions): string[] {
  const paint = painter(options)
  const width = Math.max(leastWidth, Math.floor((options.columns - 9) / 2))
  const { list, expected, happened, inclusion } = mismatch
  const named = new Set([...mainFields[list], ...expected.flatMap((item) => Object.keys(item))])
  const rows: [marker: string, left: string, right: string][] = rowsOf(mismatch).map(([left, right]) => {
    const shown = right === null ? null : happened[right]?.shown
    const leftText = left === null ? '' : flow(expected[left])
    const rightText =
      shown === undefined || shown === null
        ? ''
        : flow(Object.fromEntries(Object.entries(shown).filter(([name]) => named.has(name))))
    const isMet = left !== null && right !== null && !mismatch.missing.has(left)
    const isFree = left === null && inclusion
    return [isMet || isFree ? ' ' : '✗', leftText, rightText]
  })
  const lines = [`  ${paint('bold', titles[list])}`]
  lines.push(paint('dim', `      ${'expected'.padEnd(width)} │ happened`))
  if (rows.length === 0) rows.push([' ', '(nothing)', '(nothing)'])
  for (const [marker, left, right] of rows) {
    const lefts = wrap(left === '' ? '(nothing)' : left, width)
    const rights = wrap(right === '' ? '(nothing)' : right, width)
    for (let index = 0; index < Math.max(lefts.length, rights.length); index++) {
      const line = `    ${index === 0 ? marker : ' '} ${padToWidth(lefts[index] ?? '', width)} │ ${rights[index] ?? ''}`
      lines.push(marker === '✗' ? paint('red', line.trimEnd()) : line.trimEnd())
    }
  }
  if (mismatch.elsewhere !== null) {
    const { elsewhere } = mismatch
    lines.push(`    It was sent by \`${elsewhere}\`: expect it below \`${elsewhere}:\`, not \`${list}:\`.`)
  }
  return lines
}

/** Expected and happened in turn; what is missing stands beside what came instead. */
function rowsOf({
  expected,
  happened,
  missing,
  unexpected,
  inclusion,
}: Mismatch): [number | null, number | null][] {
  const isFree = (index: number) => inclusion || unexpected.has(index)
  const rows: [number | null, number | null][] = []
  const lefts = [...expected.keys()]
  const rights = [...happened.keys()]
  let left = 0
  let right = 0
  while (left < lefts.length || right < rights.length) {
    const isMissing = left < lefts.length && missing.has(left)
    const isExtra = right < rights.length && (unexpected.has(right) || (inclusion && left >= lefts.length))
    if (isMissing && right < rights.length && isExtra) rows.push([left++, right++])
    else if (isMissing) rows.push([left++, null])
    else if (isExtra || (left >= lefts.length && isFree(right))) rows.push([null, right++])
    else if (left < lefts.length && right < rights.length) rows.push([left++, right++])
    else if (left < lefts.length) rows.push([left++, null])
    else rows.push([null, right++])
  }
  return rows
}

/** As it would be written in YAML on one line. */
function flow(value: unknown): string {
  if (typeof value === 'string')
    return plainText.test(value) && !yamlWord.test(value) ? value : JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
    const entries = Object.entries(value).filter(([, item]) => item !== undefined)
    return entries.length === 0
      ? '{}'
      : `{ ${entries.map(([name, item]) => `${name}: ${flow(item)}`).join(', ')} }`
  }
  return jsonText(value)
}

const plainText = /^[A-Za-z/][\w/.+ -]*$/
const yamlWord = /^(true|false|null|yes|no|on|off|y|n)$/i

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let rest = printable(text).trim()
  while (rest !== '' && lines.length < mostLines) {
    let end = lengthWithin(rest, width)
    if (end < rest.length) {
      const blank = rest.lastIndexOf(' ', end)
      if (blank > end / 2) end = blank
    }
    lines.push(rest.slice(0, end).trim())
    rest = rest.slice(end).trim()
  }
  return lines
}

/** Longer values are cut. */
const mostLines = 12

const payloadWidth = 60

function payloadText(payload: Uint8Array): string {
  const text = utf8(payload)
  if (text === null) return `(${payload.length} bytes)`
  return cutToWidth(printable(text), payloadWidth)
}

function painter({ colour }: TextOptions): (style: Style, text: string) => string {
  return (style, text) => (colour ? styleText(style, text, { validateStream: false }) : text)
}
