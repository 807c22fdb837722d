import fc from 'fast-check'
import { expect, test } from 'vitest'
import { contains, intersects } from '../../../src/core/topics/relations.ts'
import {
  changes,
  type PlannedSubscription,
  planSubscriptions,
  type SubscriptionRecord,
} from '../../../src/core/topics/subscriptions.ts'
import { allTopics, anyFilter, naiveMatch, plain, runs } from './support.ts'

const wants = fc.array(fc.record({ filter: anyFilter, qos: fc.constantFrom(0 as const, 1 as const) }), {
  maxLength: 7,
})
const topics = fc.array(fc.constantFrom(...allTopics), { minLength: 1, maxLength: 40 })

/** The identifiers of each copy that a broker sends: Mosquitto one per subscription, others one for all. */
function copies(subscriptions: readonly PlannedSubscription[], topic: string, style: 'each' | 'all') {
  const matching = subscriptions.filter(({ filter }) => naiveMatch(filter, topic))
  if (style === 'each') return matching.map(({ id, qos }) => ({ ids: id === undefined ? null : [id], qos }))
  if (matching.length === 0) return []
  const ids = matching.flatMap(({ id }) => id ?? []).reverse()
  return [{ ids: ids.length === 0 ? null : ids, qos: matching.some(({ qos }) => qos === 1) ? 1 : 0 }]
}

test('of every wanted message one copy counts, of the QoS that is wanted', () => {
  fc.assert(
    fc.property(
      wants,
      topics,
      fc.constantFrom(4 as const, 5 as const),
      fc.constantFrom('each' as const, 'all' as const),
      (wanted, names, version, style) => {
        const plan = planSubscriptions(wanted, version)
        for (const topic of names) {
          const matching = wanted.filter(({ filter }) => naiveMatch(filter, topic))
          const sent = copies(plan.subscriptions, topic, style)
          if (version === 4) expect(sent.length).toBeLessThanOrEqual(1)
          const accepted = sent.filter(({ ids }) => plan.accepts(topic, ids))
          if (matching.length > 0 || version === 5) expect(accepted).toHaveLength(matching.length > 0 ? 1 : 0)
          if (matching.some(({ qos }) => qos === 1)) expect(accepted[0]?.qos).toBe(1)
        }
      },
    ),
    runs,
  )
})

test('a plan has no contained filters, identifiers exactly at overlaps, in order, and no overlaps on MQTT 3.1.1', () => {
  fc.assert(
    fc.property(wants, fc.constantFrom(4 as const, 5 as const), (wanted, version) => {
      const { subscriptions } = planSubscriptions(wanted, version)
      const filters = subscriptions.map(({ filter }) => plain(filter))
      const ids: number[] = []
      filters.forEach((filter, index) => {
        const others = filters.toSpliced(index, 1)
        expect(others.some((other) => contains(other, filter))).toBe(false)
        const overlaps = others.some((other) => intersects(other, filter))
        const { id } = subscriptions[index]!
        if (version === 4) expect(overlaps).toBe(false)
        else expect(id !== undefined).toBe(overlaps)
        if (id !== undefined) ids.push(id)
      })
      expect(ids).toEqual(ids.map((_, index) => index + 1))
    }),
    runs,
  )
})

test('across changes of the plan every copy of a message that was queued before it still counts once', () => {
  fc.assert(
    fc.property(fc.array(wants, { minLength: 2, maxLength: 4 }), topics, (edits, names) => {
      let previous: SubscriptionRecord | undefined
      for (const wanted of edits) {
        const sure = wanted.map((want) => ({ ...want, qos: 1 as const }))
        const plan = planSubscriptions(sure, 5, previous)
        for (const topic of names) {
          expect(
            copies(plan.subscriptions, topic, 'each').filter(({ ids }) => plan.accepts(topic, ids)),
          ).toHaveLength(sure.some(({ filter }) => naiveMatch(filter, topic)) ? 1 : 0)
          // Sent for the plan before and judged by this one: twice is allowed, never is not.
          const queued = copies(previous?.subscriptions ?? [], topic, 'each')
          if (queued.length > 0) expect(queued.some(({ ids }) => plan.accepts(topic, ids))).toBe(true)
        }
        previous = { subscriptions: plan.subscriptions, nextId: plan.nextId }
      }
    }),
    runs,
  )
})

test('changes lead from one plan to the other', () => {
  fc.assert(
    fc.property(wants, wants, fc.boolean(), (first, second, known) => {
      const from = planSubscriptions(first, 5)
      const to = planSubscriptions(second, 5, known ? from : undefined)
      const { subscribe, unsubscribe } = changes(from, to)
      const session = new Map(from.subscriptions.map((entry) => [entry.filter, entry]))
      for (const { fresh, ...entry } of subscribe) {
        expect(fresh).toBe(!session.has(entry.filter))
        session.set(entry.filter, entry)
      }
      for (const filter of unsubscribe) expect(session.delete(filter)).toBe(true)
      expect(session).toEqual(new Map(to.subscriptions.map((entry) => [entry.filter, entry])))
    }),
    runs,
  )
})
