/** Test results for machines: JSON, and JUnit XML as build servers read it. */
import { formatDuration } from '../../core/duration.ts'
import { failureText } from './report-text.ts'
import type { TestResult } from './run-test.ts'

const plain = { colour: false, columns: 120 }

export function resultsJson(results: readonly TestResult[]): string {
  const failed = results.filter(({ failure }) => failure !== null).length
  const tests = results.map(({ test, tookMs, failure }) => ({
    name: test.name,
    file: test.file,
    line: test.line,
    passed: failure === null,
    took_ms: Math.round(tookMs),
    ...(failure === null
      ? {}
      : {
          failure: {
            place: failure.place,
            at: formatDuration(failure.atMs),
            message: failure.message,
            mismatches: failure.mismatches.map(({ list, inclusion, expected, happened }) => ({
              list,
              inclusion,
              expected,
              happened: happened.map(({ shown }) => shown),
            })),
            notes: failure.notes,
          },
        }),
  }))
  return JSON.stringify({ passed: results.length - failed, failed, tests }, null, 2)
}

export function resultsJunit(results: readonly TestResult[]): string {
  const suites = Map.groupBy(results, ({ test }) => test.file)
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites${counts(results)}>`]
  for (const [file, own] of suites) {
    lines.push(`  <testsuite name="${escaped(file)}"${counts(own)}>`)
    for (const { test, tookMs, failure } of own) {
      const open = `    <testcase name="${escaped(test.name)}" classname="${escaped(file)}" file="${escaped(file)}" line="${test.line}" time="${seconds(tookMs)}"`
      if (failure === null) lines.push(`${open}/>`)
      else {
        const text = failureText(failure, plain)
        const message = failure.message ?? `not as expected at ${failure.place}`
        lines.push(
          `${open}>`,
          `      <failure message="${escaped(message)}">${escaped(text)}</failure>`,
          '    </testcase>',
        )
      }
    }
    lines.push('  </testsuite>')
  }
  return `${lines.join('\n')}\n</testsuites>`
}

function counts(results: readonly TestResult[]): string {
  const failures = results.filter(({ failure }) => failure !== null).length
  const tookMs = results.reduce((sum, result) => sum + result.tookMs, 0)
  return ` tests="${results.length}" failures="${failures}" errors="0" time="${seconds(tookMs)}"`
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3)
}

/** XML 1.0 has no way to write most control characters. */
function escaped(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, ' ')
    .toWellFormed()
    .replace(/[&<>"\n\t]/g, (character) => entities[character] ?? character)
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
  '\t': '&#9;',
}
