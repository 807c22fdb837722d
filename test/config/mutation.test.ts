import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isScalar, parseDocument } from 'yaml'
import { actions } from '../../src/actions/index.ts'
import { gather } from '../../src/config/gather.ts'
import { locate } from '../../src/config/locate.ts'
import { parseYaml } from '../../src/config/parse-yaml.ts'
import { offsetInScalar } from '../../src/config/scalar-offset.ts'
import { Secrets } from '../../src/config/secrets.ts'
import { decoders } from '../../src/decoders/index.ts'
import { Workspace } from './workspace.ts'

const valid = `brokers:
  default: { url: "mqtt://\${env:HOST:-localhost}:1883", tls: { verify: true } }
tables: { cold: { f1: { max: -15 }, default: { max: 6 } } }
settings: { zone: UTC, limits: { payload: 256KiB } }
rules:
  - &first
    id: 'first''s'
    topic: [sensors/+device/data, "x/\\u0041/+device"]
    with: { limit: { table: cold } }
    when: >-
      payload.t > with.limit.max
      and device != "a"
    then:
      - publish: { topic: "out/{{ device }}", payload: { t: "{{ payload.t }}" }, qos: 1 }
      - log: { file: x.csv, columns: [timestamp, device] } # comment
  - <<: *first
    id: second
    when: |
      payload.t > 3
`

describe('a file that was damaged', () => {
  it('never makes the loader throw, and every problem has its place inside the file', () => {
    const workspace = new Workspace()
    const mutation = fc.oneof(
      fc.record({
        kind: fc.constant('delete' as const),
        at: fc.nat(),
        length: fc.integer({ min: 1, max: 12 }),
      }),
      fc.record({
        kind: fc.constant('replace' as const),
        at: fc.nat(),
        bytes: fc.uint8Array({ minLength: 1, maxLength: 3 }),
      }),
      fc.record({
        kind: fc.constant('insert' as const),
        at: fc.nat(),
        text: fc.constantFrom(
          '{',
          '[',
          '"',
          "'",
          '\n',
          '\t',
          ': ',
          '- ',
          '&a ',
          '*a',
          '!x ',
          '#',
          `\${env:X}`,
          `\${`,
          '{{',
          '%',
          '|\n',
          '😀',
          '\r',
          '---\n',
          '? ',
          '<<: ',
        ),
      }),
    )
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        let bytes = Buffer.from(valid)
        for (const change of mutations) {
          const at = change.at % (bytes.length + 1)
          if (change.kind === 'delete')
            bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + change.length)])
          else if (change.kind === 'insert')
            bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(change.text), bytes.subarray(at)])
          else
            bytes = Buffer.concat([
              bytes.subarray(0, at),
              change.bytes,
              bytes.subarray(at + change.bytes.length),
            ])
        }
        workspace.write('a.yaml', bytes)
        const lines = bytes.toString('utf8').split('\n')
        for (const { line, column, endColumn, message, frame } of workspace.load().problems) {
          expect(line).toBeGreaterThanOrEqual(1)
          expect(line).toBeLessThanOrEqual(lines.length)
          expect(column).toBeGreaterThanOrEqual(1)
          expect(column).toBeLessThanOrEqual([...(lines[line - 1] ?? '')].length + 1)
          expect(endColumn ?? column + 1).toBeGreaterThan(column)
          expect(message).not.toMatch(/Invalid input|undefined|\[object/)
          expect(frame).not.toContain('\u001b')
        }
      }),
      { numRuns: 400 },
    )
  }, 120_000)

  it('is the valid one when nothing is changed but the name that has a quote', () => {
    const { problems } = new Workspace({ 'a.yaml': valid }).load()
    expect(problems.map(({ code, line }) => `${code} ${line}`)).toEqual(['config-name 7'])
  })
})

it('every kind of scalar knows where its characters stand', () => {
  const word = fc.array(fc.constantFrom('a', 'b', ' ', "'", '"', '\\', '\n', 'ü', '😀', ':', '#', 'marker'), {
    maxLength: 12,
  })
  const style = fc.constantFrom(
    'QUOTE_DOUBLE' as const,
    'QUOTE_SINGLE' as const,
    'PLAIN' as const,
    'BLOCK_LITERAL' as const,
  )
  fc.assert(
    fc.property(word, word, style, (before, after, type) => {
      const value = `${before.join('')}MARK${after.join('')}`
      const document = parseDocument('a:\n  b: x\n')
      const node = document.getIn(['a', 'b'], true)
      if (!isScalar(node)) throw new Error('a scalar was expected')
      node.value = value
      node.type = type
      const text = document.toString({ lineWidth: 0 })
      const found = parseDocument(text).getIn(['a', 'b'], true)
      const read = isScalar(found) ? found : undefined
      if (read === undefined || read.value !== value) return
      const at = offsetInScalar(text, read, value.indexOf('MARK'))
      expect(text.slice(at, at + 4), JSON.stringify(text)).toBe('MARK')
    }),
    { numRuns: 500 },
  )
})

it('a path that leads nowhere ends at the nearest thing that is there', () => {
  const sources = { env: {}, readSecretFile: () => ({ ok: false, message: '', help: '' }) as const }
  const parsed = parseYaml('a.yaml', 'rules:\n  - id: a\n    topic: b\n', sources)
  const at = (path: (string | number)[], offset?: number) => {
    const found = locate(
      parsed,
      {
        code: 'config-value',
        message: 'x',
        path,
        severity: 'error',
        ...(offset === undefined ? {} : { offset }),
      },
      new Secrets(),
    )
    return `${found?.line}:${found?.column}`
  }
  expect(at(['rules', 0, 'topic', 0])).toBe('3:12')
  expect(at(['rules', 0, 'then', 3])).toBe('2:5')
  expect(at(['rules', 7])).toBe('2:3')
  expect(at(['nope'])).toBe('1:1')
  expect(at(['rules', 0, 'topic'], 500)).toBe('3:12')
  expect(gather([parsed], { actions, decoders }, () => {}).rules).toHaveLength(1)
})
