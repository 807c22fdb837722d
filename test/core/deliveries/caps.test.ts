/** Caps: a storm gets through only as far as it may, critical ones last the longest, and nothing goes uncounted. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SmsCaps } from '../../../src/channels/sms/account.ts'
import {
  type Admission,
  admit,
  type CapsRequest,
  type CapsState,
  noCapsState,
  takeSuppressed,
} from '../../../src/core/deliveries/caps.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const caps: SmsCaps = { numberHour: 4, numberDay: 10, allHour: 8, allDay: 20, moneyDay: null, reserve: 0.25 }
const request: CapsRequest = { number: '+15550100', units: 1, price: 0.01, severity: 'critical', nowMs: 0 }

/** Sends them one after the other. */
function run(
  with_: SmsCaps,
  requests: readonly CapsRequest[],
): { admissions: Admission[]; state: CapsState } {
  let state = noCapsState
  const admissions = requests.map((one) => {
    const admission = admit(with_, state, one)
    state = admission.state
    return admission
  })
  return { admissions, state }
}
const verdicts = (with_: SmsCaps, requests: readonly CapsRequest[]) =>
  run(with_, requests).admissions.map((one) => (one.ok ? 'ok' : `${one.reason} until ${one.untilMs}`))

describe('a cap', () => {
  test('of a number counts its segments in any hour, to the millisecond', () => {
    const at = (nowMs: number, units = 1) => ({ ...request, nowMs, units })
    expect(
      verdicts(caps, [at(0), at(10, 2), at(20), at(30), at(hourMs - 1), at(hourMs), at(hourMs + 1)]),
    ).toEqual([
      ...['ok', 'ok', 'ok'],
      `number-hour until ${hourMs}`,
      `number-hour until ${hourMs}`,
      'ok',
      `number-hour until ${hourMs + 10}`,
    ])
  })

  test('of all holds other numbers too', () => {
    const to = (at: number) => ({ ...request, number: `+1555010${at}`, nowMs: at })
    expect(verdicts(caps, [0, 1, 2, 3, 4, 5, 6, 7, 8].map(to)).at(-1)).toBe(`all-hour until ${hourMs}`)
  })

  test('of a day holds when no hour does', () => {
    const every20m = Array.from({ length: 11 }, (_, at) => ({ ...request, nowMs: at * 1_200_000 }))
    expect(verdicts(caps, every20m).at(-1)).toBe(`number-day until ${dayMs}`)
  })

  test('of money counts to the last millionth', () => {
    const dear = { ...caps, numberHour: null, numberDay: null, moneyDay: 0.03, reserve: 0 }
    expect(verdicts(dear, [request, request, request, request])).toEqual([
      'ok',
      'ok',
      'ok',
      `money-day until ${dayMs}`,
    ])
  })

  test('leaves the reserve to critical ones', () => {
    const warning = { ...request, severity: 'warning' as const }
    expect(verdicts(caps, [warning, warning, warning, warning, request, request])).toEqual([
      ...['ok', 'ok', 'ok', `number-hour until ${hourMs}`],
      ...['ok', `number-hour until ${hourMs}`],
    ])
  })

  test('that is smaller than the message never lets it through', () => {
    expect(verdicts(caps, [{ ...request, units: 5 }])).toEqual(['number-hour until null'])
  })

  test('does not last longer because a clock was set back', () => {
    const before = run(
      caps,
      Array.from({ length: 4 }, () => ({ ...request, nowMs: 1_000 * dayMs })),
    ).state
    expect(admit(caps, before, { ...request, nowMs: dayMs })).toMatchObject({
      ok: false,
      untilMs: dayMs + hourMs,
    })
    const after = admit(caps, before, { ...request, number: '+15550999', nowMs: dayMs })
    expect(admit(caps, after.state, { ...request, nowMs: dayMs + hourMs })).toMatchObject({ ok: true })
  })
})

const requests = fc
  .array(
    fc.record({
      number: fc.constantFrom('+15550100', '+15550101', '+15550102'),
      units: fc.integer({ min: 1, max: 3 }),
      price: fc.constantFrom(0.01, 0.0079, 0.1, null),
      severity: fc.constantFrom('info', 'warning', 'critical'),
      afterMs: fc.oneof(fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 0, max: 3 * hourMs })),
    }),
    { maxLength: 120 },
  )
  .map((all): CapsRequest[] => {
    let nowMs = 0
    return all.map(({ afterMs, ...one }) => {
      nowMs += afterMs
      return { ...one, nowMs }
    })
  })
const anyCaps: fc.Arbitrary<SmsCaps> = fc.record({
  numberHour: fc.option(fc.integer({ min: 2, max: 8 })),
  numberDay: fc.option(fc.integer({ min: 2, max: 20 })),
  allHour: fc.integer({ min: 2, max: 12 }),
  allDay: fc.integer({ min: 2, max: 30 }),
  moneyDay: fc.option(fc.constantFrom(0.05, 0.5, 2)),
  reserve: fc.constantFrom(0, 0.25, 0.5, 0.9),
})

describe('over any sequence', () => {
  /** By the definition: adds up everything let through in the window that ends with this message. */
  const fits = (limits: SmsCaps, sent: readonly CapsRequest[], next: CapsRequest): boolean => {
    const share = (cap: number) => cap - (next.severity === 'critical' ? 0 : Math.ceil(cap * limits.reserve))
    const sum = (spanMs: number, of: (one: CapsRequest) => number) =>
      [...sent.filter((one) => one.nowMs > next.nowMs - spanMs), next].reduce(
        (total, one) => total + of(one),
        0,
      )
    const same = (one: CapsRequest) => (one.number === next.number ? one.units : 0)
    const micros = (one: CapsRequest) => Math.round((one.price ?? 0) * 1e6) * one.units
    return (
      (limits.numberHour === null || sum(hourMs, same) <= share(limits.numberHour)) &&
      (limits.numberDay === null || sum(dayMs, same) <= share(limits.numberDay)) &&
      sum(hourMs, (one) => one.units) <= share(limits.allHour) &&
      sum(dayMs, (one) => one.units) <= share(limits.allDay) &&
      (limits.moneyDay === null || sum(dayMs, micros) <= share(Math.round(limits.moneyDay * 1e6)))
    )
  }

  test('exactly those are let through that fit, and the time for the others is exact', () => {
    fc.assert(
      fc.property(anyCaps, requests, (limits, all) => {
        const sent: CapsRequest[] = []
        let state = noCapsState
        for (const one of all) {
          const admission = admit(limits, state, one)
          expect(admission.ok).toBe(fits(limits, sent, one))
          if (admission.ok) sent.push(one)
          else if (admission.untilMs === null) expect(fits(limits, [], one)).toBe(false)
          else {
            expect(fits(limits, sent, { ...one, nowMs: admission.untilMs })).toBe(true)
            expect(fits(limits, sent, { ...one, nowMs: admission.untilMs - 1 })).toBe(false)
          }
          state = admission.state
        }
        expect(state.suppressed.total).toBe(all.length - sent.length)
        const counted = Object.values(state.suppressed.numbers).reduce((sum, { count }) => sum + count, 0)
        expect(counted).toBe(state.suppressed.total)
        expect(state.admitted.length).toBeLessThanOrEqual(limits.allDay)
        expect(JSON.parse(JSON.stringify(state))).toEqual(state)
      }),
      { numRuns: 500 },
    )
  })
})

describe('what was held back', () => {
  test('is counted by number and severity, once', () => {
    const storm = Array.from({ length: 10 }, (_, at) => ({
      ...request,
      nowMs: at,
      severity: at % 2 === 0 ? ('info' as const) : ('critical' as const),
    }))
    const { state } = run(caps, storm)
    const { taken, state: left } = takeSuppressed(state, '+15550100')
    expect(taken).toEqual({
      count: 6,
      bySeverity: { info: 3, warning: 0, critical: 3 },
      firstMs: 4,
      lastMs: 9,
    })
    expect(left.suppressed.total).toBe(0)
    expect(takeSuppressed(left, '+15550100').taken).toBeNull()
  })

  test('of a storm of 100,000 to 1,000 numbers is exact, in bounded memory', () => {
    const limits: SmsCaps = { ...caps, allHour: 100, allDay: 500 }
    let state = noCapsState
    let sent = 0
    for (let at = 0; at < 100_000; at += 1) {
      const admission = admit(limits, state, {
        ...request,
        number: `+1555${1_000 + (at % 1_000)}`,
        nowMs: Math.floor(at * 0.6),
      })
      if (admission.ok) sent += 1
      state = admission.state
    }
    expect(sent).toBe(100)
    expect(state.suppressed.total).toBe(99_900)
    const apart = Object.values(state.suppressed.numbers).reduce((sum, { count }) => sum + count, 0)
    expect(apart + (state.suppressed.others?.count ?? 0)).toBe(99_900)
    expect(Object.keys(state.suppressed.numbers)).toHaveLength(200)
    expect(JSON.stringify(state).length).toBeLessThan(50_000)
  })
})
