/** A simulation that finds nothing proves nothing: with a part that lies it has to fail. */
import { describe, expect, test } from 'vitest'
import type { Broker, InboundMessage } from '../../src/ports/broker.ts'
import type { Commit, Store } from '../../src/ports/store.ts'
import { check } from './replay.ts'
import { makeScenario } from './scenario.ts'
import type { Surroundings } from './world.ts'

const seeds = Array.from({ length: 60 }, (_, index) => index + 1)

/** The first thing of that kind that is found wrong; null when no seed finds any. */
async function wrongWith(surroundings: Surroundings, kind: RegExp): Promise<string | null> {
  for (const seed of seeds) {
    const found = (await check(makeScenario(seed), surroundings)).find((line) => kind.test(line))
    if (found !== undefined) return found
  }
  return null
}

/** The same object, with some of its methods replaced. */
function changed<T extends object>(from: T, methods: Partial<T>): T {
  return new Proxy(from, {
    get(target, name) {
      const own: unknown = Reflect.get(methods, name)
      if (own !== undefined) return own
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function withCommit(change: (commit: Commit, store: Store) => ReturnType<Store['commit']>): Surroundings {
  return { wrapStore: (store) => changed(store, { commit: (commit) => change(commit, store) }) }
}

describe('the simulation notices', () => {
  test('messages that are acknowledged as they come, before anything is durable', async () => {
    const found = await wrongWith(
      {
        wrapBroker: (broker: Broker) =>
          changed(broker, {
            start: (sink) =>
              broker.start({
                ...sink,
                link: (state) => sink.link(state),
                messages: (batch: readonly InboundMessage[]) => {
                  for (const message of batch) broker.acknowledge(message)
                  sink.messages(batch)
                },
              }),
          }),
      },
      /^lost: /,
    )
    expect(found).not.toBeNull()
  })

  test('a store that reports a commit done before it is', async () => {
    const found = await wrongWith(
      withCommit(async (commit, store) => {
        const outcome = await store.commit(commit)
        const seqs = (commit.outbox?.add ?? []).map((_, index) => index + 1)
        return outcome.ok ? outcome : { ok: true, value: { outboxSeqs: seqs } }
      }),
      /^lost: /,
    )
    expect(found).not.toBeNull()
  })

  test('redelivery marks that are not kept', async () => {
    const found = await wrongWith(
      withCommit((commit, store) => {
        const put = (commit.slices?.put ?? []).filter(({ id }) => !id.startsWith('mark/'))
        return store.commit({ ...commit, slices: { ...commit.slices, put } })
      }),
      /^(made up: |state )/,
    )
    expect(found).not.toBeNull()
  })

  test('a commit that loses its outbox rows', async () => {
    const found = await wrongWith(
      withCommit(async (commit, store) => {
        const add = (commit.outbox?.add ?? []).slice(1)
        return store.commit({ ...commit, outbox: { ...commit.outbox, add } })
      }),
      /^lost: /,
    )
    expect(found).not.toBeNull()
  })

  test('outbox rows that are never taken out', async () => {
    const found = await wrongWith(
      withCommit((commit, store) => store.commit({ ...commit, outbox: { ...commit.outbox, remove: [] } })),
      /^\d+ times, /,
    )
    expect(found).not.toBeNull()
  })

  test('publishes that are reported as arrived when they were only sent', async () => {
    const found = await wrongWith(
      {
        wrapBroker: (broker) =>
          changed(broker, {
            publish: async (message) => {
              if (!broker.canPublish) return { ok: false, kind: 'temporary', message: 'down' }
              void broker.publish(message)
              return { ok: true }
            },
          }),
      },
      /^lost: /,
    )
    expect(found).not.toBeNull()
  })
})
