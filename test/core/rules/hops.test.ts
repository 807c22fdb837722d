/** What rules sent lately is known again, for a while and within bounds; and it costs nothing where nobody listens. */
import { describe, expect, test } from 'vitest'
import { forwardedHops, SentLately } from '../../../src/core/rules/hops.ts'

const bytes = (text: string) => Buffer.from(text)
const everybody = () => true

describe('what was sent lately', () => {
  test('counts on: an echo was caused over one message more than what it was sent for', () => {
    const sent = new SentLately(everybody)
    expect(sent.hopsOf('b', 't', bytes('x'), 0)).toBe(0)
    sent.note('b', 't', bytes('x'), 0, 0)
    expect(sent.hopsOf('b', 't', bytes('x'), 1)).toBe(1)
    sent.note('b', 't', bytes('x'), 1, 1)
    expect(sent.hopsOf('b', 't', bytes('x'), 2)).toBe(2)
    // A device's own, of which the same was sent: it does not begin anew.
    sent.note('b', 't', bytes('x'), 0, 3)
    expect(sent.hopsOf('b', 't', bytes('x'), 4)).toBe(2)
  })

  test('is another message on another broker, topic or payload', () => {
    const sent = new SentLately(everybody)
    sent.note('b', 't', bytes('x'), 5, 0)
    expect(sent.hopsOf('c', 't', bytes('x'), 0)).toBe(0)
    expect(sent.hopsOf('b', 'u', bytes('x'), 0)).toBe(0)
    expect(sent.hopsOf('b', 't', bytes('y'), 0)).toBe(0)
    expect(sent.hopsOf('b', 't', bytes('xx'), 0)).toBe(0)
  })

  test('is told apart by both ends of a long payload, and by its length', () => {
    const sent = new SentLately(everybody)
    const long = Buffer.alloc(100_000, 1)
    sent.note('b', 't', long, 0, 0)
    expect(sent.hopsOf('b', 't', Buffer.from(long), 0)).toBe(1)
    for (const at of [0, 1_000, 99_000, 99_999]) {
      const other = Buffer.from(long)
      other[at] = 2
      expect(sent.hopsOf('b', 't', other, 0)).toBe(0)
    }
    expect(sent.hopsOf('b', 't', Buffer.alloc(100_001, 1), 0)).toBe(0)
  })

  test('is forgotten after ten seconds', () => {
    const sent = new SentLately(everybody)
    sent.note('b', 't', bytes('x'), 7, 1_000)
    expect(sent.hopsOf('b', 't', bytes('x'), 11_000)).toBe(8)
    expect(sent.hopsOf('b', 't', bytes('x'), 11_001)).toBe(0)
    sent.note('b', 't', bytes('x'), 0, 11_001)
    expect(sent.hopsOf('b', 't', bytes('x'), 11_001)).toBe(1)
  })

  test('is at most ten thousand, the latest', () => {
    const sent = new SentLately(everybody)
    for (let count = 0; count < 10_001; count++) sent.note('b', `t/${count}`, bytes('x'), 0, 0)
    expect(sent.hopsOf('b', 't/0', bytes('x'), 0)).toBe(0)
    expect(sent.hopsOf('b', 't/1', bytes('x'), 0)).toBe(1)
    expect(sent.hopsOf('b', 't/10000', bytes('x'), 0)).toBe(1)
  })

  test('is not remembered where no rule listens', () => {
    const sent = new SentLately((broker, topic) => broker === 'b' && topic === 't')
    sent.note('b', 'u', bytes('x'), 3, 0)
    sent.note('b', 't', bytes('x'), 3, 0)
    expect(sent.hopsOf('b', 'u', bytes('x'), 0)).toBe(0)
    expect(sent.hopsOf('b', 't', bytes('x'), 0)).toBe(4)
  })
})

test('the property counts when it is a number; the greatest of several', () => {
  expect(forwardedHops([])).toBe(0)
  expect(forwardedHops([['tocsin-hops', '3']])).toBe(3)
  expect(
    forwardedHops([
      ['tocsin-hops', '3'],
      ['x', '9'],
      ['tocsin-hops', '7'],
      ['tocsin-hops', '2'],
    ]),
  ).toBe(7)
  for (const odd of ['', '-1', '1.5', '1e3', 'x', '99999999999999999999'])
    expect(forwardedHops([['tocsin-hops', odd]])).toBe(0)
})
