/** A message on which the broker closes the connection each time must not hold up all others for ever. */
import { afterEach, describe, expect, it, test } from 'vitest'
import { ClosingMessage } from '../../src/mqtt/closing-message.ts'
import type { DownCause } from '../../src/mqtt/link-failure.ts'
import { hasMosquitto, startMosquitto } from '../support/mosquitto.ts'
import { startStation, stopStations } from './station.ts'

afterEach(() => stopStations())

const message = (text: string) => ({ topic: 'a', payload: Buffer.from(text), qos: 1 as const, retain: false })
const closed: DownCause = { kind: 'closed' }

describe('the message that is given up', () => {
  const lost = (
    closing: ClosingMessage,
    text: string,
    more: { cause?: DownCause; well?: boolean; now?: number } = {},
  ) =>
    closing.lost(
      { message: message(text), sentAt: 0 },
      more.cause ?? closed,
      more.well ?? true,
      more.now ?? 10,
    )

  it('is the oldest of those that were under way, five times in a row', () => {
    const closing = new ClosingMessage()
    expect(Array.from({ length: 10 }, () => lost(closing, 'x'))).toEqual(
      Array.from({ length: 10 }, (_, index) => index % 5 === 4),
    )
  })

  it('is none that was acknowledged, or changes', () => {
    const closing = new ClosingMessage()
    for (let time = 0; time < 4; time++) expect(lost(closing, 'x')).toBe(false)
    closing.acknowledged(message('y'))
    closing.acknowledged(message('x'))
    for (let time = 0; time < 4; time++) expect(lost(closing, 'x')).toBe(false)
    expect(lost(closing, 'y')).toBe(false)
    expect(lost(closing, 'x')).toBe(false)
  })

  it.each([
    ['a broker that stops', { cause: { kind: 'disconnect', code: 0x8b } }],
    ['a client id that is taken', { cause: { kind: 'disconnect', code: 0x8e } }],
    ['silence', { cause: { kind: 'keepalive' } }],
    ['a broker that had acknowledged nothing', { well: false }],
    ['a close long after it was sent', { now: 6_000 }],
  ] as const)('is not found by %s', (_name, more) => {
    const closing = new ClosingMessage()
    for (let time = 0; time < 20; time++) expect(lost(closing, 'x', more)).toBe(false)
  })
})

test.skipIf(!hasMosquitto)(
  'one that is too large for a broker of MQTT 3.1.1 is refused, and the next goes out',
  async () => {
    const mosquitto = await startMosquitto({ lines: ['max_packet_size 2000'] })
    try {
      const station = startStation({ url: mosquitto.url, protocol: '3.1.1', statusTopic: 'status' })
      await station.up()
      const outcomes: unknown[] = []
      for (let times = 0; times < 20 && outcomes.at(-1) !== 'permanent'; times++) {
        station.outgoing.clear()
        const outcome = await station.publish('a', 'x'.repeat(3_000))
        outcomes.push(outcome.ok || outcome.kind)
        await station.outgoing.first('the link again', ({ state }) => state === 'online')
      }
      expect(outcomes.at(-1)).toBe('permanent')
      expect(outcomes.length).toBeGreaterThanOrEqual(5)
      expect(await station.publish('a', 'x')).toEqual({ ok: true })
    } finally {
      await mosquitto.close()
    }
  },
)
