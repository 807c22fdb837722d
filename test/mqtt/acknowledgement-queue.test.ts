import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AcknowledgementQueue } from '../../src/mqtt/acknowledgement-queue.ts'

describe('the acknowledgement queue', () => {
  it('lets identifiers go in the order of receipt, whatever the order of release', () => {
    const queue = new AcknowledgementQueue()
    const out: number[] = []
    for (const id of [5, 9, 2]) queue.hold(id)
    queue.release(2, out)
    queue.release(9, out)
    expect(out).toEqual([])
    queue.release(5, out)
    expect(out).toEqual([5, 9, 2])
    expect(queue.length).toBe(0)
  })

  it('keeps the order for any sequence of receipts and releases', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 300 }), (steps) => {
        const queue = new AcknowledgementQueue()
        const received: number[] = []
        const out: number[] = []
        for (const [index, id] of steps.entries()) {
          if (index % 2 === 0) {
            if (queue.hold(id)) received.push(id)
          } else queue.release(id, out)
        }
        expect(out).toEqual(received.slice(0, out.length))
        expect(queue.length).toBe(received.length - out.length)
      }),
    )
  })

  it('does not hold an identifier twice, and ignores one that it does not hold', () => {
    const queue = new AcknowledgementQueue()
    const out: number[] = []
    expect(queue.hold(1)).toBe(true)
    expect(queue.hold(1)).toBe(false)
    queue.release(2, out)
    queue.release(1, out)
    queue.release(1, out)
    expect(out).toEqual([1])
  })

  it('goes around the whole range of identifiers more than once', () => {
    const queue = new AcknowledgementQueue()
    const out: number[] = []
    for (let count = 0; count < 200_000; count++) {
      const id = (count % 65_535) + 1
      queue.hold(id)
      if (count >= 1_000) queue.release(((count - 1_000) % 65_535) + 1, out)
    }
    expect(out).toHaveLength(199_000)
    expect(queue.length).toBe(1_000)
  })
})
