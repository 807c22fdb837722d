/** What watching says rules would do is what the engine does with the same messages at the same times. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeProgram } from '../../../src/core/program.ts'
import { ruleExplainer } from '../../../src/core/rules/explain-rule.ts'
import { findZone } from '../../../src/core/zone.ts'
import { describeMet } from '../../../src/tools/watch/describe.ts'
import { Spectator } from '../../../src/tools/watch/spectator.ts'
import { compileRules } from '../../support/rules.ts'
import { openWorld } from '../../support/virtual-world.ts'
import { messageOf, startMs, watching } from './watching.ts'

const rules = `rules:
  - { id: every, topic: s/+d, when: payload > 5, then: [{ publish: { topic: "out/every/{{ d }}", payload: "{{ payload }}" } }] }
  - { id: silent, topic: s/+d, when: payload != 3, absent: 30s, then: [{ publish: { topic: "out/silent/{{ d }}", payload: on } }], resolved: [{ publish: { topic: "out/silent/{{ d }}", payload: off } }] }
  - { id: seldom, topic: s/+d, throttle: 20s, when: payload > 2, then: [{ publish: { topic: "out/seldom/{{ d }}", payload: "{{ payload }}" } }] }
  - { id: held, topic: s/+d, when: payload > 5, for: 10s, clear: { when: payload < 4, for: 5s }, then: [{ publish: { topic: "out/held/{{ d }}", payload: "{{ payload }}" } }], resolved: [{ publish: { topic: "out/held/{{ d }}", payload: over } }] }
  - { id: risen, topic: s/+d, when: prev.payload < payload, then: [{ publish: { topic: "out/risen/{{ d }}", payload: "{{ prev.payload }}" } }] }
  - { id: mean, topic: s/+d, window: { over: 40s, of: payload, min: 2 }, when: window.avg > 5, clear: {}, then: [{ publish: { topic: "out/mean/{{ d }}", payload: "{{ window.avg }}" } }] }
  - { id: pair, topic: s/+d, with: { o: { topic: t/+d, max_age: 30s } }, when: payload > with.o.payload, then: [{ publish: { topic: "out/pair/{{ d }}", payload: "{{ with.o.payload }}" } }] }
`
const story = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        topic: fc.constantFrom('s/a', 's/b', 't/a'),
        payload: fc.oneof(fc.nat(9), fc.constant('x')),
      }),
    },
    { weight: 3, arbitrary: fc.record({ passMs: fc.constantFrom(1_000, 5_000, 10_000, 25_000) }) },
  ),
  { minLength: 12, maxLength: 25 },
)

test('the engine publishes what watching says that it would', async () => {
  let published = 0
  await fc.assert(
    fc.asyncProperty(story, async (parts) => {
      const engine = await openWorld(rules, startMs)
      const watched = watching(rules, { format: 'json', isTerminal: false })
      watched.shown()
      for (const part of parts) {
        if ('passMs' in part) {
          await engine.world.advance(part.passMs)
          watched.pass(part.passMs)
        } else {
          await engine.send(part.topic, part.payload)
          watched.send(part.topic, part.payload)
        }
        const would = watched.objects().flatMap((line) => {
          const all =
            line.type === 'message'
              ? (line.rules as { would: Would[] }[])
              : [line as unknown as { would: Would[] }]
          return all.flatMap((one) => one.would.map(({ topic, payload }) => `${topic} ${payload}`))
        })
        published += would.length
        expect(would).toEqual(engine.published())
      }
    }),
    { numRuns: process.env.TOCSIN_LONG === undefined ? 25 : 500 },
  )
  expect(published).toBeGreaterThan(20)
})

interface Would {
  readonly topic: string
  readonly payload: string
}

test('a rule that fails is told, and left alone until it is edited', () => {
  const [rule] = compileRules([{ topic: 'a', when: 'payload > 0' }])
  const broken = {
    ...rule!,
    when: () => {
      throw new Error('a mistake of ours')
    },
  }
  const program = (one: typeof broken) =>
    makeProgram([one], new Map([['auto', () => ({ ok: true, value: 1 })]]))
  const spectator = new Spectator(program(broken), startMs)
  const explain = ruleExplainer(findZone('UTC')!.localTime)
  const hear = () =>
    spectator.hear(messageOf('a', '1'), startMs).met.map((met) => describeMet(met, startMs, explain))
  expect(hear()).toMatchObject([
    { does: 'failed', says: 'failed', because: ['a mistake of ours'], would: [] },
  ])
  expect(hear()).toMatchObject([{ does: 'failed', says: 'left alone', would: [] }])
  spectator.replaceRules(
    program({
      ...rule!,
      when: () => {
        return true as never
      },
    }),
    startMs,
  )
  expect(hear()).toMatchObject([{ does: 'acts', would: [{ kind: 'effect' }] }])
})
