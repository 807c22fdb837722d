/** The engine is killed as a power cut would, again and again, while readings flow in: no alert may be lost. */
import { describe, expect, test } from 'vitest'
import { hasMosquitto } from '../support/mosquitto.ts'
import { crashRun, duplicatesPerCrash, reportText } from './crash-run.ts'

describe.skipIf(!hasMosquitto)('killed at random moments', () => {
  test('every alert comes, and hardly any twice', { timeout: 240_000 }, async () => {
    const kills = 20
    const report = await crashRun({ kills, ratePerSecond: 2_200, messages: 0, seed: 20_251 })
    console.log(reportText(report))
    expect(report.lost).toEqual([])
    expect(report.madeUp).toEqual([])
    expect(report.ratePerSecond).toBeGreaterThan(2_000)
    // At most one more copy of a delivery for each crash while it was under way.
    expect(report.duplicates).toBeLessThanOrEqual(kills * duplicatesPerCrash)
    expect(report.mostCopies).toBeLessThanOrEqual(1 + kills)
  })
})
