/** What people ask about alerts and do about them, by request, on virtual time. */
import { beforeEach, describe, expect, test } from 'vitest'
import { EngineAlertingControl } from '../../src/engine/alerting-control.ts'
import { EngineControl } from '../../src/engine/control.ts'
import { Counters } from '../../src/engine/counters.ts'
import { keepInJournal } from '../../src/engine/inbox.ts'
import { verbs } from '../../src/engine/requests/verbs.ts'
import type { AlertView, DeliveryView } from '../../src/ports/alerting-control.ts'
import type { Page } from '../../src/ports/control.ts'
import {
  AlertWorld,
  arrives,
  failure,
  hot,
  hour,
  minute,
  type WorldOptions,
} from '../core/alerts/alert-world.ts'

let world: AlertWorld

/** The request, as it comes over MQTT: its data, or `code: message`. */
async function ask(verb: string, input: object = {}): Promise<unknown> {
  const control = new EngineControl({
    version: '1',
    store: world.store,
    line: world.line,
    counters: new Counters(),
    links: () => new Map(),
    outgoing: () => ({}),
    dropped: () => ({}),
    nowMs: () => world.clock.now(),
    wallOffsetMs: () => 0,
    uptimeMs: () => 0,
  })
  const known = verbs.find(({ name }) => name === verb)
  if (known === undefined) throw new Error(`there is no verb ${verb}`)
  const asked = known.ask(control, { ...input })
  await world.settle()
  const answer = await asked
  return answer.ok ? answer.value : `${answer.error.code}: ${answer.error.message}`
}

async function alerts(input: object = {}): Promise<readonly AlertView[]> {
  const page = (await ask('alerts', input)) as Page<AlertView, string>
  if (typeof page === 'string') throw new Error(page)
  return page.items
}

async function deliveries(input: object = {}): Promise<readonly DeliveryView[]> {
  return ((await ask('deliveries', input)) as Page<DeliveryView, string>).items
}

async function open(options: WorldOptions = {}): Promise<void> {
  world = await AlertWorld.open(options)
}

const warm = {
  ...hot,
  id: 'warm',
  topic: 'w/+device',
  forMs: 5 * minute,
  alert: { severity: 'warning', summary: '{{ device }} is warm' },
} as const

beforeEach(() => open())

describe('alerts', () => {
  test('are shown with what rule, key and policy say of them', async () => {
    await world.send({ g1: 36 })
    await world.advance(minute)
    const group = await world.group()
    expect(await alerts()).toEqual([
      {
        name: expect.stringMatching(/^hot\/[0-9a-f]{16}$/),
        rule: 'hot',
        key: { device: 'g1' },
        labels: { device: 'g1', rule: 'hot', severity: 'critical' },
        severity: 'critical',
        state: 'firing',
        summary: 'g1 is at 36 °C',
        description: null,
        values: { t: '36' },
        since: '2026-11-23T12:00:00.000Z',
        resolved_at: null,
        acked: null,
        silenced: null,
        inhibited: false,
        flapping: false,
        episode: world.startMs,
        group: { policy: 'default', labels: { rule: 'hot' } },
        ack_code: group.ackCode,
      },
    ])
  })

  test('are found by state, rule and labels, and come in pages', async () => {
    await world.send({ g1: 36, g2: 40, h1: 50 })
    await world.send({ g1: 20 })
    const devices = async (input: object) => (await alerts(input)).map(({ key }) => key.device).sort()
    expect(await devices({})).toEqual(['g2', 'h1'])
    expect(await devices({ state: 'resolved' })).toEqual(['g1'])
    expect(await devices({ state: ['firing', 'resolved'], match: { device: '/^g/' } })).toEqual(['g1', 'g2'])
    expect(await devices({ rule: 'hot', match: { device: ['h1', 'x'], severity: 'critical' } })).toEqual([
      'h1',
    ])
    expect(await devices({ match: { device: 7 } })).toEqual([])
    expect(await ask('alerts', { rule: 'hott' })).toBe(
      'unknown-rule: No rule with the id "hott" is running. Did you mean hot?',
    )
    expect(await ask('alerts', { match: { device: '/(/' } })).toContain('bad-request: The pattern /(/')
    expect(await ask('alerts', { state: 'open' })).toBe(
      'bad-request: `state` must be pending, firing or resolved, or a list of them.',
    )
    const names: string[] = []
    for (let after: string | null | undefined; after !== null; ) {
      const page = (await ask('alerts', { limit: 1, ...(after === undefined ? {} : { after }) })) as Page<
        AlertView,
        string
      >
      expect(page.items.length).toBe(1)
      names.push(...page.items.map(({ name }) => name))
      after = page.next
    }
    expect(names).toEqual((await alerts()).map(({ name }) => name))
  })

  test('beyond what one answer looks at come with the next page, also when the first has none', async () => {
    const readings = Array.from({ length: 10_500 }, (_, n) => [`d${n}`, 40] as const)
    await world.send(Object.fromEntries(readings))
    const first = (await ask('alerts', { match: { device: 'd7' } })) as Page<AlertView, string>
    const second = (await ask('alerts', { match: { device: 'd7' }, after: first.next })) as Page<
      AlertView,
      string
    >
    expect(first.next).toMatch(/^hot\/[0-9a-f]{16}$/)
    expect([...first.items, ...second.items].map(({ key }) => key.device)).toEqual(['d7'])
    expect(second.next).toBeNull()
  })
})

describe('an acknowledgement', () => {
  test('names the alert by the beginning of its fingerprint, and stops the escalation', async () => {
    await world.send({ g1: 36 })
    world.told()
    const [alert] = await alerts()
    const name = alert?.name ?? ''
    expect(
      await ask('ack', {
        alert: name.slice(0, 'hot/1234'.length).toUpperCase().replace('HOT', 'hot'),
        by: 'Ann',
      }),
    ).toEqual({
      acknowledged: name,
    })
    expect((await alerts())[0]?.acked).toEqual({ by: 'Ann', at: '2026-11-23T12:00:00.000Z' })
    await world.advance(hour)
    expect(world.told()).toEqual([])
    expect(await world.audit()).toContain('acked')
    expect(await ask('ack', { alert: name, by: 'Bob' })).toBe(`already: ${name} is acknowledged already.`)
  })

  test('by code is for all of the group, and shown at every member', async () => {
    await world.send({ g1: 36, g2: 37 })
    const { ackCode } = await world.group()
    expect(await ask('ack', { code: ackCode.toLowerCase(), by: ' Ann\n ' })).toEqual({
      acknowledged: expect.any(String),
    })
    expect((await alerts()).map(({ acked }) => acked?.by)).toEqual(['Ann', 'Ann'])
    expect(await ask('ack', { code: ackCode, by: 'Bob' })).toBe(
      'already: It was acknowledged by Ann already.',
    )
    await world.send({ g3: 39 })
    expect((await alerts({ match: { device: 'g3' } })).map(({ acked }) => acked)).toEqual([null])
  })

  test('of what there is not says what there is', async () => {
    await world.send({ g1: 36 })
    const by = 'Ann'
    expect(await ask('ack', { alert: 'hto/12345678', by })).toContain('Did you mean hot?')
    expect(await ask('ack', { alert: 'hot/0000000000000000', by })).toBe(
      'not-found: There is no alert hot/0000000000000000. The request `alerts` lists them.',
    )
    expect(await ask('ack', { alert: 'hot/1', by })).toContain(
      'bad-request: Write an alert as <rule>/<fingerprint>',
    )
    expect(await ask('ack', { code: '???', by })).toBe(
      'not-found: There is nothing to acknowledge under ???.',
    )
    expect(await ask('ack', { by })).toContain('bad-request: Write either `alert`')
    expect(await ask('ack', { alert: 'hot/12345678', code: 'X', by })).toContain('bad-request: Write either')
    expect(await ask('ack', { alert: 'hot/12345678' })).toBe('bad-request: `by` is missing.')
    expect(await ask('ack', { alert: 'hot/12345678', by: '\u202e ' })).toContain('`by` must say who it is')
  })

  test('that fits several alerts asks for more', async () => {
    await world.send(Object.fromEntries(Array.from({ length: 3_000 }, (_, n) => [`d${n}`, 40])))
    const names: string[] = []
    for (let after: string | null | undefined; after !== null; ) {
      const page = (await ask('alerts', { limit: 100, ...(after === undefined ? {} : { after }) })) as Page<
        AlertView,
        string
      >
      names.push(...page.items.map(({ name }) => name))
      after = page.next
    }
    const begins = names.map((name) => name.slice(0, 8))
    const twice = begins.find((begin, index) => begins.indexOf(begin) !== index) ?? ''
    expect(await ask('ack', { alert: twice, by: 'Ann' })).toMatch(/^ambiguous: .* fits several alerts: hot\//)
  })

  test('where nothing is configured to open alerts is answered too', async () => {
    const program = { ...world.line.program, alerting: null }
    world.line.replaceProgram(program)
    expect(await ask('ack', { code: '4F7', by: 'Ann' })).toContain('not-found: There are no alerts')
    expect(await ask('notify-test', { receiver: 'email', by: 'Ann' })).toContain('unknown-receiver')
  })
})

test('an alert resolved by hand is resolved until its condition was false', async () => {
  await world.send({ g1: 36 })
  const [alert] = await alerts()
  expect(await ask('resolve', { alert: alert?.name, by: 'Ann' })).toEqual({ resolved: alert?.name })
  expect(await alerts()).toEqual([])
  expect(await alerts({ state: 'resolved' })).toMatchObject([
    { state: 'resolved', resolved_at: '2026-11-23T12:00:00.000Z' },
  ])
  expect(await ask('resolve', { alert: alert?.name, by: 'Ann' })).toContain('not-found')
})

describe('a silence', () => {
  const wanted = { match: { device: '/^g/' }, for: '2h', by: 'Ann', comment: 'painting' }

  test('holds its alerts back until it ends, or is ended', async () => {
    await world.send({ g1: 36, h1: 40 })
    const made = await ask('silence', wanted)
    const silence = {
      id: expect.any(String),
      match: { device: '/^g/' },
      by: 'Ann',
      comment: 'painting',
      created_at: '2026-11-23T12:00:00.000Z',
      until: '2026-11-23T14:00:00.000Z',
    }
    expect(made).toEqual({ ...silence, alerts: 1 })
    const { id } = made as { id: string }
    await world.settle()
    const silenced = (await alerts()).map(({ key, silenced }) => [key.device, silenced])
    expect(Object.fromEntries(silenced)).toEqual({ g1: { id, until: '2026-11-23T14:00:00.000Z' }, h1: null })
    expect(await ask('silences')).toEqual({ items: [silence], next: null })
    expect(await ask('unsilence', { id, by: 'Bob' })).toEqual({ ended: id })
    await world.settle()
    expect((await alerts()).map((alert) => alert.silenced)).toEqual([null, null])
    expect(await ask('unsilence', { id, by: 'Bob' })).toBe(`not-found: There is no silence ${id}.`)
    expect(await ask('silences')).toEqual({ items: [], next: null })
  })

  test('asked for again within a minute is not made twice', async () => {
    const first = await ask('silence', wanted)
    await world.advance(minute - 1)
    expect(await ask('silence', wanted)).toEqual(first)
    const other = (await ask('silence', { ...wanted, for: '3h' })) as { id: string }
    expect(other.id).not.toBe((first as { id: string }).id)
    await world.advance(1)
    const third = (await ask('silence', wanted)) as { id: string }
    const page = (await ask('silences', { limit: 2 })) as Page<{ id: string }, string>
    const rest = (await ask('silences', { after: page.next })) as Page<{ id: string }, string>
    expect([...page.items, ...rest.items].map(({ id }) => id)).toEqual([
      (first as { id: string }).id,
      other.id,
      third.id,
    ])
    expect([page.next, rest.next]).toEqual([other.id, null])
    await world.advance(4 * hour)
    expect(await ask('silences')).toEqual({ items: [], next: null })
  })

  test('of everything, without an end or with a bad pattern is refused', async () => {
    expect(await ask('silence', { ...wanted, match: {} })).toContain(
      'bad-request: A silence needs at least one label',
    )
    expect(await ask('silence', { ...wanted, for: '1:30' })).toBe(
      'bad-request: `for` must be a duration such as "2h", at most 366d.',
    )
    expect(await ask('silence', { ...wanted, for: '9999d' })).toContain('at most 366d')
    expect(await ask('silence', { ...wanted, match: { device: '/[/' } })).toContain(
      'bad-request: The pattern',
    )
    expect(await ask('silence', { match: { a: 'b' }, by: 'x' })).toBe('bad-request: `for` is missing.')
  })
})

describe('deliveries', () => {
  test('that died are listed with the reason, and sent again when somebody says so', async () => {
    world.channel = () => failure('permanent', 'refused')
    await world.send({ g1: 36 })
    const dead = (await deliveries({ state: 'dead' })).toSorted((a, b) => (a.receiver < b.receiver ? -1 : 1))
    expect(dead).toMatchObject([
      {
        receiver: 'email',
        channel: 'email',
        address: 'email',
        state: 'dead',
        kind: 'firing',
        title: 'g1 is at 36 °C',
        attempts: 1,
        queued_at: '2026-11-23T12:00:00.000Z',
        failure: { reason: 'refused', message: 'it failed' },
      },
      expect.anything(),
      expect.anything(),
    ])
    world.channel = () => 'lost'
    const delivery = dead[0]?.id
    expect(await ask('retry', { delivery, by: 'Ann' })).toEqual({ retried: delivery })
    expect(await deliveries({ ids: [delivery, 'none'] })).toMatchObject([{ id: delivery, state: 'leased' }])
    expect(await ask('retry', { delivery, by: 'Ann' })).toContain('already:')
    expect(await ask('retry', { delivery: 'none', by: 'Ann' })).toBe(
      'not-found: There is no dead delivery none.',
    )
    expect((await deliveries({ state: ['dead', 'undelivered'] })).length).toBe(2)
  })

  test('come in pages', async () => {
    await open({ policy: { groupBy: ['device'], repeat: null, steps: [{ afterMs: 0, notify: ['email'] }] } })
    await world.send({ a: 40, b: 40, c: 40, d: 40, e: 40 })
    const seen: string[] = []
    for (let after: string | null | undefined; after !== null; ) {
      const page = (await ask('deliveries', { limit: 2, ...(after === undefined ? {} : { after }) })) as Page<
        DeliveryView,
        string
      >
      seen.push(...page.items.map(({ id }) => id))
      after = page.next
    }
    expect(new Set(seen).size).toBe(5)
    expect(seen.length).toBe(5)
  })
})

describe('a test notification', () => {
  test('goes to every address of the receiver, whose deliveries are answered', async () => {
    const answer = await ask('notify-test', { receiver: 'email', by: 'Ann' })
    expect(answer).toMatchObject({ receiver: 'email', deliveries: [{ kind: 'test', channel: 'email' }] })
    expect(world.last).toMatchObject({
      kind: 'test',
      title: 'Test of email',
      severity: 'info',
      by: 'Ann',
      alerts: [],
    })
    const [{ id }] = (answer as { deliveries: [DeliveryView] }).deliveries
    expect(await deliveries({ ids: [id] })).toMatchObject([{ id, state: 'delivered' }])
    const again = await ask('notify-test', { receiver: 'email', by: 'Ann' })
    expect((again as { deliveries: [DeliveryView] }).deliveries[0].id).not.toBe(id)
  })

  test('to nobody says who there is', async () => {
    expect(await ask('notify-test', { receiver: 'emial', by: 'Ann' })).toBe(
      'unknown-receiver: No receiver is named "emial". Did you mean email?',
    )
    expect(await ask('notify-test', { receiver: 'everybody', by: 'Ann' })).toContain(
      'There is: email, sms, manager.',
    )
  })

  test('tells when it was held back', async () => {
    world.channel = () => arrives
    const caps = { numberHour: 1, numberDay: 1, allHour: 1, allDay: 1, moneyDay: null, reserve: 0 }
    await open({ smsCaps: caps })
    await ask('notify-test', { receiver: 'manager', by: 'Ann' })
    expect(await ask('notify-test', { receiver: 'sms', by: 'Ann' })).toEqual({
      receiver: 'sms',
      deliveries: [],
    })
  })
})

test('what was kept instead of being sent is listed, newest first', async () => {
  const keep = keepInJournal(world.store, { kept: () => {} }, () => world.clock.now())
  const message = {
    channel: 'email',
    to: 'ops@example.com',
    subject: 'hot',
    text: 'it is hot',
    kind: 'firing',
    severity: 'critical',
  } as const
  for (const delivery of ['a', 'b', 'c']) await keep({ ...message, delivery })
  const first = (await ask('inbox', { limit: 2 })) as Page<object, number>
  expect(first.items).toEqual([
    { seq: 3, at: '2026-11-23T12:00:00.000Z', ...message, delivery: 'c' },
    { seq: 2, at: '2026-11-23T12:00:00.000Z', ...message, delivery: 'b' },
  ])
  expect(await ask('inbox', { before: first.next })).toMatchObject({ items: [{ delivery: 'a' }], next: null })
})

test('the audit trail says who did what', async () => {
  await open({ rules: [hot, warm] })
  await world.send({ g1: 36 })
  const [alert] = await alerts()
  await ask('ack', { alert: alert?.name, by: 'Ann' })
  const page = (await ask('audit', { subject: alert?.name })) as Page<object, number>
  expect(page.items).toContainEqual({
    seq: expect.any(Number),
    at: '2026-11-23T12:00:00.000Z',
    subject: alert?.name,
    what: 'acked',
    data: expect.objectContaining({ by: 'Ann', via: 'mqtt' }),
  })
})

test('nothing is answered before it is durable', async () => {
  await world.send({ g1: 36 })
  const [alert] = await alerts()
  const { store } = world
  const commit = store.commit.bind(store)
  let refuse = true
  store.commit = async (what) =>
    refuse ? { ok: false, failure: { reason: 'full', message: 'The disk is full.', help: '' } } : commit(what)
  const control = new EngineAlertingControl({
    store,
    line: world.line,
    nowMs: () => world.clock.now(),
    wallOffsetMs: () => 0,
  })
  let answered = false
  const asked = control.ack({ alert: alert?.name ?? '' }, { by: 'Ann', via: 'http' }).then((answer) => {
    answered = true
    return answer
  })
  for (let turn = 0; turn < 50; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
  expect(answered).toBe(false)
  refuse = false
  await world.advance(minute)
  expect(await asked).toEqual({ ok: true, value: { acknowledged: alert?.name } })
})
