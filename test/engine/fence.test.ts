/** After a start, timers wait until all that was queued has been heard: our own message tells, when it comes back. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { Engine } from '../../src/engine/engine.ts'
import type { Broker, BrokerSink } from '../../src/ports/broker.ts'
import { createStore } from '../../src/stores/index.ts'
import { RecordedBroker } from '../../src/tools/test/recorded-broker.ts'
import { ClockView, VirtualClock } from '../../src/tools/test/virtual-clock.ts'
import { programFrom } from '../support/virtual-world.ts'

const rules = `
rules:
  - id: hot
    topic: s
    when: payload > 10
    for: 1m
    alert: { summary: x }
`
const second = 1_000

/** A broker to which the outgoing line comes up later than the ingest link. */
function withLateOutgoing(inner: RecordedBroker) {
  let open = false
  let sink: BrokerSink | null = null
  const broker: Broker = {
    name: inner.name,
    start(given) {
      sink = given
      inner.start({ messages: (batch) => given.messages(batch), link: (state) => given.link(state) })
    },
    subscribe: (requests) => inner.subscribe(requests),
    unsubscribe: (filters) => inner.unsubscribe(filters),
    acknowledge: (message) => inner.acknowledge(message),
    pause: () => inner.pause(),
    resume: () => inner.resume(),
    publish: async (message) =>
      open ? inner.publish(message) : { ok: false, kind: 'temporary', message: 'not connected yet' },
    get canPublish() {
      return open && inner.canPublish
    },
    stop: () => inner.stop(),
  }
  const comeUp = () => {
    open = true
    sink?.outgoing?.({ state: 'online', sessionPresent: false, protocolVersion: 5 })
  }
  const goDown = () => {
    open = false
    const failure = { reason: 'closed', message: 'The broker closed it.', help: 'See its log.' } as const
    sink?.outgoing?.({ state: 'offline', failure, retryInMs: 1_000 })
  }
  return { broker, comeUp, goDown }
}

async function setUp() {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1))
  const store = createStore('memory')
  const inner = new RecordedBroker(
    'default',
    () => clock.now(),
    () => {},
  )
  const transitions: string[] = []
  const troubles: string[] = []
  const nothing = () => {}
  const engineWith = (broker: Broker, view: ClockView) =>
    new Engine({
      program: programFrom(rules),
      brokers: [{ broker, clientId: 'tocsin-default' }],
      store,
      clock: view,
      wallNow: () => clock.now(),
      log: { name: 'log', ready: () => true, deliver: async () => ({ ok: true }) },
      observer: {
        watchesDecisions: false,
        decided: nothing,
        transition: ({ to }) => transitions.push(to),
        notice: nothing,
        deadLetter: nothing,
        carriedOut: nothing,
        refused: nothing,
        link: nothing,
        subscribed: nothing,
        kept: nothing,
        trouble: ({ message }) => troubles.push(message),
      },
      heartbeatMs: null,
    })
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve))
  const advance = async (ms: number) => {
    const untilMs = clock.now() + ms
    while (clock.nextMs !== null && clock.nextMs <= untilMs) {
      clock.runNext()
      await settle()
    }
    clock.moveTo(untilMs)
  }
  const receive = async (payload: string) => {
    inner.receive({ topic: 's', payload: Buffer.from(payload), qos: 1, retain: false })
    await settle()
  }
  // A first engine holds something, and dies.
  const lifetime = new ClockView(clock, 0)
  const first = engineWith(inner, lifetime)
  await first.start()
  await settle()
  await receive('20')
  inner.abandon()
  lifetime.end()
  await advance(120 * second)
  transitions.length = 0
  const late = withLateOutgoing(inner)
  const engine = engineWith(late.broker, new ClockView(clock, 0))
  onTestFinished(() => void engine.stop(0))
  return { ...late, inner, engine, settle, advance, receive, transitions, troubles }
}

describe('the fence', () => {
  test('is raised when the outgoing line is up, though the ingest link was up long before', async () => {
    const { engine, settle, advance, comeUp, transitions, troubles } = await setUp()
    await engine.start()
    await settle()
    await advance(5 * second)
    expect(transitions).toEqual([])
    comeUp()
    await settle()
    expect(transitions).toEqual(['firing'])
    expect(troubles).toEqual([])
  })

  test('lets what was queued be heard first', async () => {
    const { engine, settle, receive, comeUp, transitions } = await setUp()
    await receive('5')
    await engine.start()
    await settle()
    comeUp()
    await settle()
    expect(transitions).toEqual(['inactive'])
  })

  test('is waited for half a minute, no longer', async () => {
    const { engine, settle, advance, transitions, troubles } = await setUp()
    await engine.start()
    await settle()
    await advance(29 * second)
    expect(transitions).toEqual([])
    await advance(second)
    expect(transitions).toEqual(['firing'])
    expect(troubles).toEqual([expect.stringContaining('Not heard from default within 30 s')])
  })

  test('of an earlier run that was still queued is not taken for this one', async () => {
    const { engine, inner, settle, comeUp, transitions } = await setUp()
    for (const payload of ['1', '2', `${Date.UTC(2026, 0, 1)}-1`]) {
      inner.receive({
        topic: 'tocsin/fence/tocsin-default',
        payload: Buffer.from(payload),
        qos: 1,
        retain: false,
      })
    }
    await engine.start()
    await settle()
    expect(transitions).toEqual([])
    comeUp()
    await settle()
    expect(transitions).toEqual(['firing'])
  })
})

test('a connection for what goes out that is lost again and again is told, once a minute', async () => {
  const { engine, inner, settle, advance, comeUp, goDown, troubles } = await setUp()
  await engine.start()
  await settle()
  comeUp()
  goDown()
  expect(troubles).toEqual([])
  for (let times = 0; times < 10; times++) {
    comeUp()
    goDown()
  }
  const told = expect.stringMatching(/^Messages come from the broker "default", but .* closed it\.$/)
  expect(troubles).toEqual([told])
  await advance(60 * second)
  comeUp()
  goDown()
  expect(troubles).toEqual([told, told])

  // A broker that is away loses both links, which is told as that.
  await advance(60 * second)
  inner.setLink(false)
  goDown()
  inner.setLink(true)
  await settle()
  goDown()
  expect(troubles).toHaveLength(2)
})
