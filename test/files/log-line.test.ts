import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LogValue } from '../../src/core/effect.ts'
import { csvLine, ndjsonLine } from '../../src/files/log-line.ts'
import { readCsv } from './read-csv.ts'

describe('a cell that a spreadsheet would run is made harmless', () => {
  test.each<[LogValue, string]>([
    ['=1+1', "'=1+1"],
    ['=HYPERLINK("http://evil")', `"'=HYPERLINK(""http://evil"")"`],
    ['+cmd|calc', "'+cmd|calc"],
    ['-2+3+cmd', "'-2+3+cmd"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['\r=1', `"'\r=1"`],
    ['\n=1', `"'\n=1"`],
    ['\uff1d1+1', "'\uff1d1+1"],
    ['-', "'-"],
    ['--1', "'--1"],
    ['-1-1', "'-1-1"],
  ])('%j → %j', (value, cell) => {
    expect(csvLine([value, 'x'])).toBe(`${cell},x`)
  })

  test.each<[LogValue, string]>([
    [-12.5, '-12.5'],
    ['-12.5', '-12.5'],
    ['+15550100', '+15550100'],
    ['-1.5e-7', '-1.5e-7'],
    [1e21, '1e+21'],
    ['a=b', 'a=b'],
    ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'],
    [true, 'true'],
    [null, ''],
    ['', ''],
    [Number.NaN, ''],
  ])('%j stays %j', (value, cell) => {
    expect(csvLine([value, 'x'])).toBe(`${cell},x`)
  })
})

test('what steers a terminal is seen, and does nothing', () => {
  expect(csvLine(['\u001b[2Jgone\u0007', 'a\u0000b\u007f', '\u009b31m', '\u001b=1', 'a\tb\r\nc'])).toBe(
    '\ufffd[2Jgone\ufffd,a\ufffdb\ufffd,\ufffd31m,\ufffd=1,"a\tb\r\nc"',
  )
  expect(csvLine([{ text: '\u009b' }])).toBe('"{""text"":""\ufffd""}"')
})

test('line ends, commas and quotation marks are quoted, lists and maps are JSON', () => {
  expect(csvLine(['a,b', 'say "hi"', 'one\ntwo', { t: 1 }])).toBe('"a,b","say ""hi""","one\ntwo","{""t"":1}"')
})

test('a lone empty cell is a record all the same', () => {
  expect(csvLine([null])).toBe('""')
})

test('whatever goes in, the same records come out', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[=+\-@",\r\n\t'a1.]*$/))
  const record = fc
    .integer({ min: 1, max: 4 })
    .chain((width) =>
      fc.array(fc.array(text, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 5 }),
    )
  fc.assert(
    fc.property(record, (records) => {
      const read = readCsv(records.map((cells) => `${csvLine(cells)}\n`).join(''))
      expect(read).toHaveLength(records.length)
      read.forEach((cells, row) => {
        expect(cells).toHaveLength(records[row]?.length ?? 0)
        cells.forEach((cell, column) => {
          const original = (records[row]?.[column] ?? '').replace(/[^\P{Cc}\t\n\r]/gu, '\ufffd')
          expect([original, `'${original}`]).toContain(cell)
          const harmless =
            !/^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(cell) || Number.isFinite(Number(cell))
          expect(harmless).toBe(true)
        })
      })
    }),
    { numRuns: 200 },
  )
})

describe('NDJSON', () => {
  test('says what steers a terminal in a way that does not, and that reads back', () => {
    const line = ndjsonLine(['a\u0085'], ['\u001b[2J\u009b2J\u007f'])
    expect(line).toBe('{"a\\u0085":"\\u001b[2J\\u009b2J\\u007f"}')
    expect(JSON.parse(line)).toEqual({ 'a\u0085': '\u001b[2J\u009b2J\u007f' })
  })

  test('keeps the order of columns, also of those called by numbers', () => {
    expect(ndjsonLine(['b', '2', '1'], [1, null, 'x'])).toBe('{"b":1,"2":null,"1":"x"}')
  })

  test('is one line for any value, and reads back', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, name) => {
        const line = ndjsonLine([name], [value as LogValue])
        expect(line).not.toContain('\n')
        expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify({ [name]: value })))
      }),
    )
  })

  test('writes bytes as base64 and big integers as their digits', () => {
    const value = { bytes: Buffer.from('hi'), plain: new Uint8Array([1]), big: 2n ** 60n }
    expect(ndjsonLine(['v'], [value])).toBe(
      '{"v":{"bytes":"aGk=","plain":"AQ==","big":"1152921504606846976"}}',
    )
  })
})
