/** A broker that keeps the connection but delivers nothing any more is noticed, and only such a one. */
import { beforeEach, describe, expect, test } from 'vitest'
import { DeliveryWatch } from '../../src/engine/delivery-watch.ts'

const minute = 60_000
let watch: DeliveryWatch
/** Connected at 0, and the message to ourselves that follows has come back at once. */
beforeEach(() => {
  watch = new DeliveryWatch()
  watch.connected(0)
  watch.asked(0)
  watch.heard(1, 10)
  watch.returned()
  watch.acknowledged()
})

describe('a quiet minute', () => {
  test('is followed by a question, and the question by a new connection when nothing comes', () => {
    expect(watch.next(minute, true)).toBe('nothing')
    expect(watch.next(minute + 10, true)).toBe('ask')
    watch.asked(minute + 10)
    expect(watch.next(minute + 29_000, true)).toBe('nothing')
    expect(watch.next(minute + 30_010, true)).toBe('renew')
  })

  test('is over with the answer', () => {
    watch.asked(minute + 10)
    watch.heard(1, minute + 20)
    watch.acknowledged()
    expect(watch.next(2 * minute, true)).toBe('nothing')
    expect(watch.next(2 * minute + 20, true)).toBe('ask')
  })

  test('is asked about again when the question did not reach the broker', () => {
    watch.asked(minute + 10)
    watch.notAsked()
    expect(watch.next(2 * minute, true)).toBe('ask')
  })
})

test('while nothing is read the silence is our own doing, and for a while after', () => {
  watch.asked(minute + 10)
  expect(watch.next(3 * minute, false)).toBe('nothing')
  expect(watch.next(3 * minute + 5_000, true)).toBe('nothing')
  expect(watch.next(4 * minute, true)).toBe('ask')
})

test('while we owe acknowledgements the broker may be waiting for them', () => {
  watch.heard(3, 20)
  watch.acknowledged()
  watch.acknowledged()
  expect(watch.next(10 * minute, true)).toBe('nothing')
  watch.acknowledged()
  expect(watch.next(11 * minute, true)).toBe('ask')
})

test('where a message to ourselves has never come back, its absence says nothing', () => {
  const barred = new DeliveryWatch()
  barred.connected(0)
  barred.asked(0)
  expect(barred.next(10 * minute, true)).toBe('nothing')
})
