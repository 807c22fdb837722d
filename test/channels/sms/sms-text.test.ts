/** A notification as a text message: what is said, what is cut, and what never is. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { segmentsOf } from '../../../src/channels/sms/segments.ts'
import { type SmsLimits, shortText, smsText } from '../../../src/channels/sms/sms-text.ts'
import type { Notification } from '../../../src/core/alerts/notification.ts'
import { notification } from '../../conformance/channel-fixtures/fixture.ts'

const one: SmsLimits = { segments: 1, prefix: '', replies: true }
const said = (different: Partial<Notification>, limits: Partial<SmsLimits> = {}) =>
  smsText(notification(different), { ...one, ...limits }).text

describe('the text', () => {
  test.each([
    ['an alert', {}, 'CRITICAL g1 is at 36.2 °C Reply ACK 4F7'],
    ['several', { more: 1 }, 'CRITICAL g1 is at 36.2 °C (2 alerts) Reply ACK 4F7'],
    ['a warning', { severity: 'warning' }, 'WARNING g1 is at 36.2 °C Reply ACK 4F7'],
    ['without a code', { ackCode: null, ackUrl: null }, 'CRITICAL g1 is at 36.2 °C'],
    ['resolved', { kind: 'resolved' }, 'RESOLVED g1 is at 36.2 °C'],
    ['resolved, several', { kind: 'resolved', more: 2 }, 'RESOLVED g1 is at 36.2 °C (3 alerts)'],
    ['a test', { kind: 'test' }, 'TEST g1 is at 36.2 °C'],
    [
      'a digest',
      { kind: 'digest', title: '12 messages held back', text: 'overheating 9\nsilent-sensor 3' },
      '12 messages held back: overheating 9 silent-sensor 3',
    ],
    [
      'a message',
      { kind: 'message', title: 'Good morning.', text: 'All is well' },
      'Good morning. All is well',
    ],
    ['a message of its title', { kind: 'message', title: 'All is well', text: '' }, 'All is well'],
    ['nothing', { kind: 'message', title: ' ', text: '\n' }, '(no text)'],
    ['a title with the word', { title: '[CRITICAL] g1 is hot' }, '[CRITICAL] g1 is hot Reply ACK 4F7'],
    ['line breaks', { title: 'g1\r\nis\u2028hot\0' }, 'CRITICAL g1 is hot Reply ACK 4F7'],
  ] satisfies [string, Partial<Notification>, string][])('of %s', (_name, different, expected) => {
    expect(said(different)).toBe(expected)
  })

  test('begins with the prefix', () => {
    expect(said({}, { prefix: 'Farm:' })).toBe('Farm: CRITICAL g1 is at 36.2 °C Reply ACK 4F7')
  })

  test('names the link, when answers cannot reach us', () => {
    const ackUrl = 'https://t.example.com/a/7Rk0pM'
    expect(said({ ackUrl }, { replies: false })).toBe(`CRITICAL g1 is at 36.2 °C ${ackUrl}`)
    const long = `https://tocsin.example.com/ack/${'x'.repeat(60)}`
    expect(said({ ackUrl: long }, { replies: false })).toBe('CRITICAL g1 is at 36.2 °C')
  })
})

describe('its length', () => {
  test('signs that cost nothing stay, and are rewritten where they would cost a segment', () => {
    const title = 'Sensor north-7 in the long hall of the old greenhouse is at 36.2 °C'
    expect(said({ title })).toBe(
      'CRITICAL Sensor north-7 in the long hall of the old greenhouse is at 36.2 C Reply ACK 4F7',
    )
  })

  test('an alert is shortened in its middle, so that what and how much remain', () => {
    const title = `Sensor north-7 in ${'the long hall of '.repeat(12)}the farm is at 36.2 °C`
    const text = smsText(notification({ title, more: 4 }), one)
    expect(text).toMatchObject({ encoding: 'GSM-7', segments: 1 })
    expect(text.units).toBeGreaterThan(155)
    expect(text.text).toMatch(/^CRITICAL Sensor north-7 .*\.\.\..* is at 36\.2 C \(5 alerts\) Reply ACK 4F7$/)
  })

  test('letters of other alphabets have 70 to a segment', () => {
    const title = 'Датчик теплицы показывает 36,2 °C уже пять минут подряд, проверьте вентилятор'
    const text = smsText(notification({ title }), one)
    expect(text).toMatchObject({ encoding: 'UCS-2', units: 70, segments: 1 })
    expect(text.text).toMatch(/^CRITICAL Датчик .*….*вентилятор Reply ACK 4F7$/)
    expect(smsText(notification({ title }), { ...one, segments: 2 }).text).toContain(title)
  })

  test('a digest is shortened at its end', () => {
    const text = said({ kind: 'digest', title: '99 messages held back', text: 'overheating 7, '.repeat(30) })
    expect(text).toMatch(/^99 messages held back: overheating 7, .*\.\.\.$/)
  })

  test('never passes the limit, never cuts the code, never has a line break', () => {
    const any = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 300 }),
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.string({
        unit: fc.constantFrom('a', ' ', '€', '°', '–', 'й', '🔥', '👨‍👩‍👧', '\u0301'),
        maxLength: 300,
      }),
    )
    fc.assert(
      fc.property(
        any,
        any,
        fc.constantFrom('firing', 'acknowledged', 'resolved', 'digest', 'test', 'message'),
        fc.integer({ min: 0, max: 2_000_000 }),
        fc.stringMatching(/^[0-9A-F]{3,12}$/),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom('', 'Farm:', 'x'.repeat(20), '€'.repeat(20)),
        (title, text, kind, more, ackCode, segments, prefix) => {
          const written = smsText(notification({ title, text, kind, more, ackCode }), {
            segments,
            prefix,
            replies: true,
          })
          expect(written).toEqual({ text: written.text, ...segmentsOf(written.text) })
          expect(written.segments).toBeLessThanOrEqual(segments)
          expect(written.text).not.toMatch(/[\r\n\0]|^$/)
          expect(written.text.isWellFormed()).toBe(true)
          if (kind !== 'firing') return
          expect(written.text.endsWith(`Reply ACK ${ackCode}`)).toBe(true)
          expect(written.text).toMatch(/CRITICAL/i)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test('answers too are one segment', () => {
    expect(shortText('а'.repeat(100), 1)).toMatchObject({ encoding: 'UCS-2', units: 70, segments: 1 })
    expect(shortText('short', 1).text).toBe('short')
  })
})
