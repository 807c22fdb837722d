/** Requests that are answered, refused and recognised, on virtual time. */
import { describe, expect, test } from 'vitest'
import type { OutboundMessage } from '../../../src/core/message.ts'
import { makeMayAnswer } from '../../../src/core/requests/answer-place.ts'
import { Counters } from '../../../src/engine/counters.ts'
import { Requests } from '../../../src/engine/requests/requests.ts'
import { TokenBucket } from '../../../src/engine/requests/token-bucket.ts'
import type { AlertingControl } from '../../../src/ports/alerting-control.ts'
import type { InboundMessage } from '../../../src/ports/broker.ts'
import type { Control } from '../../../src/ports/control.ts'
import type { Trouble } from '../../../src/ports/observer.ts'

/** A control that answers `rules` with an empty page, and whatever else by failing. */
function controlThatFails(forget: Control['forget']): Control {
  const broken = () => Promise.reject(new Error('the disk is gone'))
  const alerting: AlertingControl = {
    alerts: broken,
    ack: broken,
    resolve: broken,
    silence: broken,
    unsilence: broken,
    silences: broken,
    deliveries: broken,
    retry: broken,
    inbox: broken,
    notifyTest: broken,
  }
  const rules = async () => ({ ok: true, value: { items: [], next: null } }) as const
  return { alerting, status: broken, rules, deadLetters: broken, audit: broken, commands: broken, forget }
}

function stage(forget: Control['forget'] = async () => ({ ok: true, value: { forgotten: true } })) {
  const sent: OutboundMessage[] = []
  const sentNow: OutboundMessage[] = []
  const troubles: Trouble[] = []
  const counters = new Counters()
  let nowMs = 0
  const nothing = () => {}
  const requests = new Requests({
    control: controlThatFails(forget),
    counters,
    observer: {
      watchesDecisions: false,
      decided: nothing,
      transition: nothing,
      notice: nothing,
      deadLetter: nothing,
      carriedOut: nothing,
      refused: nothing,
      link: nothing,
      subscribed: nothing,
      kept: nothing,
      trouble: (trouble) => void troubles.push(trouble),
    },
    mayAnswer: makeMayAnswer(['response/#']),
    send: async (message) => void sent.push(message),
    sendNow: (message) => void sentNow.push(message),
    nowMs: () => nowMs,
  })
  const answers = () => sent.map(({ payload }) => JSON.parse(Buffer.from(payload).toString()))
  const at = (ms: number) => {
    nowMs = ms
  }
  return { requests, sent, sentNow, troubles, counters, answers, at }
}

let packetId = 0
function message(verb: string, fields: object, more: Partial<InboundMessage> = {}): InboundMessage {
  return {
    broker: 'default',
    topic: `tocsin/request/${verb}`,
    payload: Buffer.from(JSON.stringify(fields)),
    qos: 1,
    retain: false,
    dup: false,
    packetId: ++packetId,
    receivedAt: 0,
    properties: null,
    connection: 1,
    subscriptionIds: null,
    ...more,
  }
}

describe('requests', () => {
  test('may be acknowledged when their answer has gone out, not sooner', async () => {
    let finish = () => {}
    const waiting = new Promise<void>((resolve) => {
      finish = resolve
    })
    const { requests, sent } = stage(async () => {
      await waiting
      return { ok: true, value: { forgotten: true } }
    })
    const taken = requests.take(message('forget', { request_id: 'a', rule: 'r', key: { n: 7, b: true } }))
    let acknowledged = false
    void taken.then(() => {
      acknowledged = true
    })
    await requests.take(message('rules', { request_id: 'b' }))
    expect([acknowledged, sent.map(({ topic }) => topic)]).toEqual([false, ['response/b']])
    finish()
    await taken
    expect(sent.map(({ topic }) => topic)).toEqual(['response/b', 'response/a'])
    await requests.idle()
  })

  test('that come again are not answered again, also while the first is in hand', async () => {
    const { requests, sent, counters } = stage()
    const first = message('rules', { request_id: 'a' })
    await Promise.all([requests.take(first), requests.take({ ...first, dup: true, connection: 2 })])
    await requests.take({ ...first, dup: true })
    expect([sent.length, counters.redelivered, counters.requests]).toEqual([1, 2, 1])
    // The same packet id for something else, and QoS 0, which has none.
    await requests.take({ ...message('rules', { request_id: 'b' }), packetId: first.packetId, dup: true })
    await requests.take({ ...first, qos: 0, packetId: 0 })
    await requests.take({ ...first, qos: 0, packetId: 0 })
    expect(sent.length).toBe(4)
  })

  test('beyond a hundred a second are told to wait, and beyond that dropped', async () => {
    const { requests, sent, sentNow, counters, at } = stage()
    const ask = (count: number) =>
      Promise.all(
        Array.from({ length: count }, (_, n) => requests.take(message('rules', { request_id: `q${n}` }))),
      )
    await ask(1_000)
    expect([sent.length, sentNow.length, counters.requestsBusy]).toEqual([200, 500, 800])
    expect(JSON.parse(Buffer.from(sentNow[0]?.payload ?? []).toString())).toEqual({
      status: 'error',
      data: null,
      error: { code: 'busy', message: 'Tocsin answers 100 requests a second. Ask again later.' },
      request_id: 'q200',
    })
    expect(sentNow[0]?.qos).toBe(0)
    at(1_000)
    await ask(150)
    expect(sent.length).toBe(300)
  })

  test('that fail inside are answered, and told to who runs it', async () => {
    const { requests, answers, troubles } = stage()
    await requests.take(message('status', { request_id: 'a' }))
    expect(answers()[0]).toMatchObject({ status: 'error', error: { code: 'failed' } })
    expect(JSON.stringify(answers())).not.toContain('disk')
    expect(troubles).toEqual([{ kind: 'request', message: 'A request failed (status): the disk is gone' }])
  })

  test('refused for where their answer was to go are told once a minute', async () => {
    const { requests, sent, troubles, counters, at } = stage()
    const wanted = (responseTopic: string) => message('rules', {}, { properties: { responseTopic } })
    for (let n = 0; n < 10; n++) await requests.take(wanted(`tocsin/request/${n}`))
    at(59_999)
    await requests.take(wanted('other'))
    expect([troubles.length, counters.requestsDropped, sent.length]).toEqual([1, 11, 0])
    at(60_000)
    await requests.take(wanted('other'))
    expect(troubles.map(({ message }) => message)).toEqual([
      'A request wanted its answer on "tocsin/request/0", where answers may not go. It was not answered.',
      'A request wanted its answer on "other", where answers may not go. It was not answered.',
    ])
  })

  test('never get an answer longer than 256 KiB', async () => {
    const { requests, answers } = stage(async () => ({
      ok: true,
      value: { forgotten: true, more: 'x'.repeat(300_000) },
    }))
    await requests.take(message('forget', { request_id: 'a', rule: 'r', key: {} }))
    expect(answers()).toMatchObject([
      { status: 'error', data: null, error: { code: 'too-large' }, request_id: 'a' },
    ])
  })
})

test('a bucket gives its burst at once, then so many a second, and never more than the burst', () => {
  const bucket = new TokenBucket(10, 5)
  const taken = (nowMs: number, tries: number) =>
    Array.from({ length: tries }, () => bucket.take(nowMs)).filter((one) => one).length
  expect([taken(0, 9), taken(99, 9), taken(100, 9), taken(350, 9), taken(1e9, 9), taken(5, 1)]).toEqual([
    5, 0, 1, 2, 5, 0,
  ])
})
