/** The life of a state against a plain model of it, over any sequence of readings, silences and outages. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openWorld } from '../../support/virtual-world.ts'

const second = 1_000
const start = Date.UTC(2026, 0, 1)

type Reading = 'true' | 'false' | 'unknown' | 'between'
interface Change {
  readonly atMs: number
  readonly to: string
}

/** When the alert changes: as the language describes it, told moment by moment. */
function alertModel(
  readings: readonly { atMs: number; reading: Reading }[],
  holdMs: number,
  clearMs: number,
  endMs: number,
) {
  const changes: Change[] = []
  let phase = 'inactive'
  let deadlineMs: number | null = null
  let latest: Reading = 'unknown'
  const enter = (to: string, atMs: number, deadline: number | null) => {
    if (to !== phase) changes.push({ atMs, to })
    phase = to
    deadlineMs = deadline
  }
  const pass = (untilMs: number) => {
    if (deadlineMs === null || deadlineMs > untilMs) return
    const atMs = deadlineMs
    deadlineMs = null
    // Unknown at the deadline leaves it to the next known reading.
    if (latest === 'unknown') return
    enter(phase === 'pending' ? 'firing' : 'inactive', atMs, null)
  }
  for (const { atMs, reading } of readings) {
    pass(atMs)
    latest = reading
    if (reading === 'unknown') continue
    if (phase === 'inactive' && reading === 'true')
      enter(holdMs === 0 ? 'firing' : 'pending', atMs, atMs + holdMs)
    else if (phase === 'pending' && reading !== 'true') enter('inactive', atMs, null)
    else if (phase === 'pending' && deadlineMs === null) enter('firing', atMs, null)
    else if (phase === 'firing' && reading === 'false')
      enter(clearMs === 0 ? 'inactive' : 'clearing', atMs, atMs + clearMs)
    else if (phase === 'clearing' && reading !== 'false') enter('firing', atMs, null)
    else if (phase === 'clearing' && deadlineMs === null) enter('inactive', atMs, null)
    if (phase === 'firing' || phase === 'inactive') deadlineMs = null
  }
  pass(endMs)
  return changes
}

const payloads: Readonly<Record<Reading, unknown>> = {
  true: { t: 50 },
  between: { t: 34 },
  false: { t: 10 },
  unknown: {},
}

describe('an alert', () => {
  const steps = fc.array(
    fc.record({
      waitMs: fc.constantFrom(0, 1, 10 * second, 30 * second, 60 * second, 61 * second),
      reading: fc.constantFrom<Reading>('true', 'false', 'unknown', 'between'),
      restarts: fc.boolean(),
    }),
    { maxLength: 25 },
  )
  const holds = fc.constantFrom(0, 30 * second, 60 * second)

  test('lives as described, also when Tocsin is killed at any moment', async () => {
    await fc.assert(
      fc.asyncProperty(steps, holds, holds, async (written, holdMs, clearMs) => {
        const { world, send } = await openWorld(`
rules:
  - id: hot
    topic: s
    when: payload.t > 35
    for: ${holdMs}ms
    clear: { when: payload.t < 33, for: ${clearMs}ms }
    alert: { summary: x }
`)
        const readings: { atMs: number; reading: Reading }[] = []
        let atMs = 0
        for (const { waitMs, reading, restarts } of written) {
          atMs += waitMs
          await world.advanceTo(atMs)
          if (restarts) await world.restart()
          readings.push({ atMs, reading })
          await send('s', payloads[reading])
        }
        const endMs = atMs + 10 * 60 * second
        await world.advanceTo(endMs)
        const changes = world.take().transitions.map(({ to, atMs: at }) => ({ atMs: at - start, to }))
        expect(changes).toEqual(alertModel(readings, holdMs, clearMs, endMs))
      }),
      { numRuns: 150 },
    )
  })
})

describe('silence', () => {
  type Step = { kind: 'wait' | 'send' | 'down' | 'up' | 'restart'; ms: number }
  const limitMs = 60 * second
  const steps = fc.array(
    fc.record({
      kind: fc.constantFrom<Step['kind']>('wait', 'wait', 'send', 'send', 'down', 'up', 'restart'),
      ms: fc.constantFrom(0, second, 20 * second, 40 * second, 60 * second, 200 * second),
    }),
    { maxLength: 25 },
  )

  /** Counts the milliseconds in which something could have been heard, in steps of a second. */
  function silenceModel(written: readonly Step[], waitMs: number): Change[] {
    const changes: Change[] = []
    let atMs = 0
    let silentMs: number | null = null
    let firing = false
    let up = true
    let queued = false
    const heard = () => {
      if (firing) changes.push({ atMs, to: 'inactive' })
      firing = false
      silentMs = 0
    }
    const pass = (ms: number, running = true) => {
      for (let passed = 0; passed < ms; passed += second) {
        atMs += second
        if (!up || !running || silentMs === null || firing) continue
        silentMs += second
        if (silentMs < limitMs) continue
        firing = true
        changes.push({ atMs, to: 'firing' })
      }
    }
    for (const { kind, ms } of written) {
      if (kind === 'wait') pass(ms)
      else if (kind === 'send' && up) heard()
      else if (kind === 'send') queued = true
      else if (kind === 'down') up = false
      else if (kind === 'up') {
        up = true
        if (queued) heard()
        queued = false
      } else pass(ms, false)
    }
    pass(waitMs)
    return changes
  }

  test('is measured only while something could be heard, whatever goes down', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (written) => {
        const { world, send } = await openWorld(`
rules:
  - { id: silent, topic: s, absent: { for: ${limitMs}ms }, alert: { summary: x } }
`)
        for (const { kind, ms } of written) {
          if (kind === 'wait') await world.advance(ms)
          else if (kind === 'send') await send('s', 1)
          else if (kind === 'restart') await world.restart(ms)
          else await world.setLink(kind === 'up')
        }
        await world.advance(1_000 * second)
        const changes = world.take().transitions.map(({ to, atMs }) => ({ atMs: atMs - start, to }))
        expect(changes).toEqual(silenceModel(written, 1_000 * second))
      }),
      { numRuns: 150 },
    )
  })
})
