/** What every channel owes the engine, held against a real server on a socket. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { channels } from '../../src/channels/index.ts'
import type { Notification } from '../../src/core/alerts/notification.ts'
import type { Channel, ChannelConnection, SendOutcome } from '../../src/ports/channel.ts'
import { within } from '../support/wait-for.ts'
import {
  type Behaviour,
  type ChannelFixture,
  type ChannelStand,
  notification,
} from './channel-fixtures/fixture.ts'

const reasons = [
  ...['refused', 'bad-recipient', 'bad-credentials', 'unreachable', 'rate-limited', 'server-error'],
  ...['timeout', 'tls', 'not-allowed', 'too-large'],
]

const fixtures = await Promise.all(
  channels.map(async (channel) => {
    const { fixture }: { fixture: ChannelFixture } = await import(`./channel-fixtures/${channel.name}.ts`)
    return { name: channel.name, channel, fixture }
  }),
)

/** Texts that must arrive as texts, whatever they look like. */
const hostile: readonly [string, string][] = [
  ['line breaks and a header', 'hot\r\nBcc: eve@example.com\r\n\r\nX: y\n.\r\nQUIT\r\n'],
  ['HTML', '<script>alert(1)</script><img src=x onerror="alert(2)">&amp;"\'`'],
  ['100 KB', 'too hot '.repeat(12_800)],
  ['one word of 100 KB', 'x'.repeat(102_400)],
  ['emoji', '🔥'.repeat(500)],
  ['right to left', 'חם מדי \u202e gnp.exe \u2066 حار'],
  ['NUL and controls', 'a\0b\u0007c\u001b[31md\u0085e\u2028f'],
  ['a lone surrogate', 'a\ud83db\udc00'],
  [
    'markup of chats',
    '*bold* _it_ ~s~ `code` ```block``` <!channel> <@U123> @everyone [x](http://evil.example) |',
  ],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text that must stay as it is.
  ['templates', '{{ alerts }} {% raw %} ${env:HOME} %s %n'],
  ['only blanks', ' \t \n '],
  ['nothing', ''],
]

function everywhere(text: string): Notification {
  const plain = notification()
  return notification({
    title: text,
    threadTitle: text,
    text,
    alerts: plain.alerts.map((alert) => ({
      ...alert,
      summary: text,
      description: text,
      labels: { [text.slice(0, 60)]: text, marker: 'label-marker' },
      values: { [text.slice(0, 60)]: text },
    })),
  })
}

describe.each(fixtures)('the channel $name', ({ channel, fixture }) => {
  let stand: ChannelStand
  const open: ChannelConnection<unknown>[] = []
  /** Everything the channel ever said. */
  const said: string[] = []
  let count = 0

  beforeAll(async () => {
    stand = await fixture.open()
  })
  afterAll(async () => {
    await Promise.all(open.map((connection) => connection.close()))
    await stand.close()
  })

  const accountOf = (written: unknown) => channel.accountSchema?.parse(written) ?? null
  const connect = (account: unknown = stand.account): ChannelConnection<unknown> => {
    const connection = (channel as Channel).connect(accountOf(account), { nowMs: () => Date.now() })
    open.push(connection)
    return connection
  }
  const onlyTarget = (written: unknown): unknown => {
    const [only] = channel.targets(channel.targetSchema.parse(written))
    if (only === undefined) throw new Error('no target')
    return only.target
  }
  const send = async (
    connection: ChannelConnection<unknown>,
    what: Partial<Parameters<typeof connection.send>[0]> = {},
  ): Promise<SendOutcome> => {
    count += 1
    const outcome = await connection.send({
      deliveryId: `delivery-${count}`,
      notification: notification(),
      target: onlyTarget(stand.target),
      signal: new AbortController().signal,
      ...what,
    })
    said.push(JSON.stringify(outcome))
    return outcome
  }

  test('says what it is', () => {
    expect(channel.name).toMatch(/^[a-z]+$/)
    expect(channel.description).toMatch(/^[^\n]{5,120}$/)
    expect(Object.values(channel.capabilities).every((value) => typeof value === 'boolean')).toBe(true)
    expect(channel.accountName === null).toBe(channel.accountSchema === null)
    expect(connect().parallel).toBeGreaterThan(0)
  })

  test('refuses targets and accounts with a key that it does not know, or nothing in them', () => {
    const wrong = [null, 1, 'x', [], {}, { to: 7 }, { ...(stand.target as object), colour: 'red' }]
    expect(wrong.filter((written) => channel.targetSchema.safeParse(written).success)).toEqual([])
    if (channel.accountSchema === null) return
    const wrongAccounts = [null, 1, [], {}, { ...(stand.account as object), colour: 'red' }]
    expect(wrongAccounts.filter((written) => channel.accountSchema?.safeParse(written).success)).toEqual([])
  })

  test('makes one delivery of every address', () => {
    const targets = channel.targets(channel.targetSchema.parse(stand.several.target))
    expect(targets.map(({ address }) => address)).toEqual(stand.several.addresses)
    const each = targets.map(({ target }) => channel.targets(target).map(({ address }) => address))
    expect(each).toEqual(stand.several.addresses.map((address) => [address]))
    const shown = JSON.stringify(targets.map(({ address }) => address))
    expect(stand.secrets.filter((secret) => shown.includes(secret))).toEqual([])
  })

  test('delivers, and says so', async () => {
    stand.behave('accepts')
    stand.received.clear()
    const outcome = await send(connect())
    expect(outcome).toMatchObject({ ok: true, state: expect.stringMatching(/^(sent|delivered)$/) })
    const [arrived] = await stand.received.count(1)
    expect(arrived?.text).toContain('36.2 °C')
    expect(arrived?.faults).toEqual([])
  })

  test('repeats an attempt so that the other side can recognise it', async () => {
    stand.behave('accepts')
    stand.received.clear()
    const connection = connect()
    await send(connection, { deliveryId: 'same' })
    await send(connection, { deliveryId: 'same' })
    await send(connection, { deliveryId: 'other' })
    const ids = (await stand.received.count(3)).map(({ id }) => id)
    expect(ids[0]).toBe(ids[1])
    if (ids[0] !== null) expect(ids[2]).not.toBe(ids[0])
  })

  test('delivers every kind of notification', async () => {
    stand.behave('accepts')
    const connection = connect()
    for (const kind of ['firing', 'acknowledged', 'resolved', 'digest', 'test', 'message'] as const) {
      const bare = { kind, alerts: [], ackCode: null, ackUrl: null, text: 'what happened' }
      const resolved = notification().alerts.map((alert) => ({
        ...alert,
        state: 'resolved' as const,
        resolvedMs: alert.sinceMs + 840_000,
      }))
      const alerts = kind === 'resolved' ? resolved : notification().alerts
      const full = { kind, alerts, by: 'Ann', threadIndex: 3, more: 7 }
      for (const what of [bare, full]) {
        const outcome = await send(connection, { notification: notification(what) })
        expect({ kind, outcome }).toMatchObject({ kind, outcome: { ok: true } })
      }
    }
  })

  test.each(hostile)('delivers %s safely', async (_name, text) => {
    stand.behave('accepts')
    stand.received.clear()
    const outcome = await send(connect(), { notification: everywhere(text) })
    expect(outcome).toMatchObject({ ok: true })
    const [arrived] = await stand.received.count(1)
    expect(arrived?.faults).toEqual([])
    expect(arrived?.text).not.toMatch(/[\0\u0007\u001b\u202e]/)
    expect(arrived?.text.isWellFormed()).toBe(true)
  })

  const failures = Object.entries(fixture.outcomes).filter(([behaviour]) => behaviour !== 'nobody-there')
  test.each(failures)('tells what it means when the server %s', async (behaviour, expected) => {
    stand.behave(behaviour as Behaviour)
    const outcome = await within(10_000, 'an outcome', send(connect()))
    expect(outcome).toMatchObject({ ok: false, ...expected })
    expectWords(outcome)
  })

  test('tells that nobody is there', async () => {
    const { account, target } = stand.nobodyThere
    const outcome = await within(10_000, 'an outcome', send(connect(account), { target: onlyTarget(target) }))
    expect(outcome).toMatchObject({ ok: false, ...fixture.outcomes['nobody-there'] })
    expectWords(outcome)
  })

  test('recovers on the same connection when the server does', async () => {
    const connection = connect()
    stand.behave('fails')
    expect(await send(connection)).toMatchObject({ ok: false, kind: 'temporary' })
    stand.behave('drops-before')
    expect(await send(connection)).toMatchObject({ ok: false, kind: 'temporary' })
    stand.behave('accepts')
    expect(await send(connection)).toMatchObject({ ok: true })
  })

  test('ends within a second of being told to', async () => {
    stand.behave('hangs-after')
    stand.received.clear()
    const stop = new AbortController()
    const attempt = send(connect(), { signal: stop.signal })
    await stand.received.count(1)
    stop.abort()
    const outcome = await within(1_000, 'the end of the attempt', attempt)
    expect(outcome).toMatchObject({ ok: false, kind: 'ambiguous' })
    expectWords(outcome)
  })

  test('does not begin when it was told to end before', async () => {
    stand.behave('accepts')
    stand.received.clear()
    const outcome = await within(1_000, 'an outcome', send(connect(), { signal: AbortSignal.abort() }))
    expect(outcome).toMatchObject({ ok: false, kind: 'temporary' })
    await send(connect())
    expect(await stand.received.count(1)).toHaveLength(1)
  })

  test('closes, also twice, and sends nothing afterwards', async () => {
    stand.behave('accepts')
    const connection = connect()
    await send(connection)
    await within(2_000, 'closing', connection.close())
    await connection.close()
    expect(await within(1_000, 'an outcome', send(connection))).toMatchObject({
      ok: false,
      kind: 'temporary',
    })
  })

  test('never shows a secret', () => {
    expect(said.length).toBeGreaterThan(20)
    const marks = [...stand.secrets, 'MarkerOfTheAckLink']
    const encoded = marks.flatMap((mark) => [mark, encodeURIComponent(mark), btoa(mark).replace(/=+$/, '')])
    expect(encoded.filter((mark) => said.some((text) => text.includes(mark)))).toEqual([])
  })

  function expectWords(outcome: SendOutcome): void {
    if (outcome.ok) throw new Error('it was sent')
    expect(reasons).toContain(outcome.reason)
    expect(outcome.message).toMatch(/^[^\0-\u001f]{10,500}$/)
    if (outcome.retryAfterMs !== undefined) expect(outcome.retryAfterMs).toBeGreaterThan(0)
  }
})
