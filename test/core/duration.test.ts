import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration } from '../../src/core/duration.ts'

describe('durations', () => {
  it.each([
    ['250ms', 250],
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['0s', 0],
    ['007s', 7_000],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it.each([
    '',
    ' ',
    '5',
    '5 m',
    '5M',
    'm',
    '1.5h',
    '-1s',
    '+1s',
    '30m1h',
    '1h1h',
    '1w',
    '01:30',
    '1e3s',
    '5m ',
    '٣m',
  ])('%j is none', (text) => {
    expect(parseDuration(text)).toBeNull()
  })

  it('what is written is read again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms)
      }),
    )
  })

  it('leaves out the units that are zero', () => {
    expect(formatDuration(3_600_001)).toBe('1h1ms')
    expect(formatDuration(0)).toBe('0s')
  })
})
