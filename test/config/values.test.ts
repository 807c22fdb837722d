import { describe, expect, it } from 'vitest'
import { gather } from '../../src/config/gather.ts'
import { configLimits } from '../../src/config/limits.ts'
import { parseYaml } from '../../src/config/parse-yaml.ts'
import { calendarSchema } from '../../src/config/sections/calendar.ts'
import { ruleSchema } from '../../src/config/sections/rule.ts'
import { parseSize } from '../../src/core/byte-size.ts'
import { formatDuration, parseDuration } from '../../src/core/duration.ts'
import { explainDuration } from '../../src/core/explain-duration.ts'
import { decoders } from '../../src/decoders/index.ts'
import { Workspace } from './workspace.ts'

describe('durations', () => {
  it('read back as they are written', () => {
    for (const [text, ms] of [
      ['250ms', 250],
      ['90s', 90_000],
      ['5m', 300_000],
      ['1h30m', 5_400_000],
      ['2d', 172_800_000],
    ] as const) {
      expect(parseDuration(text)).toBe(ms)
      expect(parseDuration(formatDuration(ms))).toBe(ms)
    }
  })

  it('that are none are explained', () => {
    const help = (text: string) => `${explainDuration(text).message}: ${explainDuration(text).help}`
    expect(help('01:30')).toBe(
      '`01:30` could mean two durations: 1m30s or 1h30m: write 1m30s (minutes and seconds) or 1h30m (hours and minutes)',
    )
    expect(help('01:30:00')).toBe('`01:30:00` is not a duration: write 1h30m')
    expect(help('300')).toBe('`300` lacks a unit: did you mean 300s? Units are ms, s, m, h, d')
    expect(help('5 min')).toBe('`5 min` is not a duration: write 5m')
    expect(help('1.5h')).toBe('`1.5h` is not a duration: write 1h30m')
    expect(help('90 seconds')).toBe('`90 seconds` is not a duration: write 1m30s')
    expect(help('2w')).toBe('`2w` is not a duration: weeks are written as days: 14d')
    for (const text of ['', 'soon', '-5m', '30m1h', '00:00', '1e9h']) {
      expect(parseDuration(text)).toBeNull()
      expect(explainDuration(text).help).not.toBe('')
    }
  })
})

it('sizes are read, and others explained', () => {
  expect(parseSize('10MiB')).toEqual({ ok: true, bytes: 10_485_760 })
  expect(parseSize('10MB')).toEqual({ ok: true, bytes: 10_000_000 })
  expect(parseSize('10 mb')).toMatchObject({ ok: false, help: 'write 10MiB' })
  expect(parseSize('big')).toMatchObject({ ok: false })
  expect(parseSize('999999999999GiB')).toMatchObject({ ok: false })
})

describe('calendars, behind the list of what is not available', () => {
  it('hold days, hours and a zone', () => {
    expect(
      calendarSchema.parse({ days: ['mon-wed', 'fri-sun', 'sun'], from: '22:00', to: '06:30', zone: 'UTC' }),
    ).toEqual({
      days: [1, 2, 3, 5, 6, 7],
      fromMinute: 1_320,
      toMinute: 390,
      zone: 'UTC',
    })
    expect(calendarSchema.parse({ to: '24:00' })).toEqual({
      days: [1, 2, 3, 4, 5, 6, 7],
      fromMinute: 0,
      toMinute: 0,
      zone: null,
    })
  })

  it('refuse what is no day or time', () => {
    for (const bad of [
      { days: ['monday'] },
      { days: [] },
      { days: ['mon-tue-wed'] },
      { from: '25:00' },
      { from: 2200 },
      { to: '9' },
      { zone: 'Berlin' },
    ]) {
      const result = calendarSchema.safeParse(bad)
      expect(result.success, JSON.stringify(bad)).toBe(false)
    }
    expect(calendarSchema.safeParse({ days: ['monday'] }).error?.issues[0]).toMatchObject({
      params: { code: 'config-calendar' },
    })
  })
})

it('rules over time have their schema, behind the list of what is not available', () => {
  const rule = ruleSchema({ actions: [], decoders }).parse({
    id: 'x',
    topic: 'a/+b',
    for: '2m',
    clear: { when: 'value < 3', for: 'with.limit.hold' },
    window: { over: '5m' },
    absent: { for: '1h', expect: ['a', 'b'] },
    throttle: '1s',
    alert: { summary: 'x', labels: { site: 'y' } },
    with: { limit: { table: 't', row: 'b' }, other: { topic: 'c/+b', max_age: '1h' } },
  })
  expect(rule).toMatchObject({
    topic: ['a/+b'],
    enabled: true,
    qos: 1,
    decode: 'auto',
    for: 120_000,
    clear: { for: { expression: 'with.limit.hold' } },
    window: { over: 300_000, min: 1 },
    absent: { for: 3_600_000, expect: ['a', 'b'] },
    throttle: 1_000,
    alert: { severity: 'warning' },
    with: { other: { topic: 'c/+b', max_age: 3_600_000 } },
  })
})

it('there are at most 100,000 rules', () => {
  // Gathered over and over, so that no file of that size has to be parsed.
  const file = parseYaml('a.yaml', `rules:\n${'  - {}\n'.repeat(10_001)}`, {
    env: {},
    readSecretFile: () => ({ ok: false, message: '', help: '' }),
  })
  const codes = new Set<string>()
  const { rules } = gather(
    Array.from({ length: 10 }, () => file),
    { actions: [], decoders },
    (_, { code }) => codes.add(code),
  )
  expect(rules).toHaveLength(configLimits.rules)
  expect(codes).toContain('config-too-many-rules')
}, 60_000)

describe('brokers', () => {
  const load = (text: string) =>
    new Workspace({ 'a.yaml': `brokers:\n  default: ${text}\n` })
      .load()
      .problems.filter(({ severity }) => severity === 'error')
  const first = (text: string) => load(text)[0]

  it('have one of the URLs that MQTT knows', () => {
    for (const url of [
      'mqtt://a',
      'mqtts://a:8883',
      'ws://a/mqtt',
      'wss://a:1/x',
      'embedded',
      'embedded:1884',
      'mqtt://[::1]:1883',
    ]) {
      expect(load(`{ url: "${url}" }`)).toEqual([])
    }
    expect(first('{ url: "tcp://a" }')?.help).toBe('Write mqtt://.')
    expect(first('{ url: "https://a" }')?.help).toBe('Write wss://.')
    expect(first('{ url: "a:1883" }')?.code).toBe('config-url')
    expect(first('{ url: "mqtt://" }')?.code).toBe('config-url')
    expect(first('{ url: "embedded:99999" }')?.code).toBe('config-url')
  })

  it('explain the keys of other tools', () => {
    expect(first('{ host: a }')?.message).toContain('not a key')
    expect(load('{ host: a, port: 1883 }').map(({ help }) => help)).toContain(
      'Here it is `url: "mqtt://host:1883"`.',
    )
  })

  it('refuse a password without a username, at the password', () => {
    for (const [text, column] of [
      ['{ url: "mqtt://a", password: q }', 41],
      ['{ url: "mqtt://:q@a" }', 19],
    ] as const) {
      expect(first(text)).toMatchObject({
        code: 'config-url',
        column,
        message: 'There is a password, but no username.',
        help: 'Add `username:`, or remove the password.',
      })
    }
    expect(load('{ url: "mqtt://u@a", password: q }')).toEqual([])
  })

  it('say what the built-in broker does not have', () => {
    const told = load('{ url: embedded, username: u, password: p, protocol: 5, tls: {} }')
    expect(told.map(({ message }) => message)).toEqual([
      'The built-in broker has no `username`.',
      'The built-in broker has no `password`.',
      'The built-in broker speaks MQTT 3.1.1 only.',
      'The built-in broker has no `tls`.',
    ])
  })

  it('refuse a password that is given twice, wildcards in the status topic, and a lone certificate', () => {
    expect(first('{ url: "mqtt://u:p@a", password: q }')?.code).toBe('config-url')
    expect(first('{ url: "mqtt://a", status_topic: a/# }')?.message).toContain('wildcards')
    expect(first('{ url: "mqtts://a", tls: { cert: "-----BEGIN CERTIFICATE-----" } }')?.code).toBe(
      'config-tls',
    )
    expect(first('{ url: "mqtt://a", keepalive: 2d }')?.help).toBe('Write at most 65535s.')
    expect(first('{ url: "mqtt://a", protocol: 4 }')?.message).toBe(
      '`protocol` must be 5, auto or 3.1.1; this is the number 4.',
    )
  })
})
