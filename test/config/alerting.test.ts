/** Receivers, policies, inhibitions and their settings, with all that is not available yet turned on. */
import { describe, expect, it, test } from 'vitest'
import { actions } from '../../src/actions/index.ts'
import { channels } from '../../src/channels/index.ts'
import { jsonSchema } from '../../src/config/json-schema.ts'
import type { LoadedConfiguration } from '../../src/config/load.ts'
import { undeliverable } from '../../src/config/undeliverable.ts'
import { decoders } from '../../src/decoders/index.ts'
import { Workspace } from './workspace.ts'

const available = { notYet: {}, channels }

const receivers = `receivers:
  ops-email: { email: { to: [ops@example.com] } }
  ops-sms: { sms: { to: ["+15550100"] } }
`
const accounts = `settings:
  smtp: { url: "smtp://mail.example.com", from: "Tocsin <t@example.com>" }
  twilio: inbox
`
const policy = `policies:
  default:
    steps: [{ notify: ops-email }, { after: 5m, notify: [ops-sms] }]
    repeat: { every: 1h }
`
const rules = (alert = '{ severity: critical, summary: hot }', more = 'for: 1m') => `rules:
  - id: hot
    topic: greenhouse/+site
    when: payload > 35
    ${more}
    alert: ${alert}
`
const all = receivers + accounts + policy + rules()

const load = (text: string, env = {}): LoadedConfiguration =>
  new Workspace({ 'a.yaml': text }).load(env, available)

/** Each problem as `severity code line: message help`. */
function told(text: string, env = {}): string[] {
  return load(text, env).problems.map(
    ({ severity, code, line, message, help }) => `${severity} ${code} ${line}: ${message} ${help ?? ''}`,
  )
}
const codes = (text: string) => load(text).problems.map(({ severity, code }) => `${severity} ${code}`)

function configurationOf(text: string) {
  const { configuration, problems } = load(text)
  if (configuration === null) throw new Error(problems[0]?.message)
  return configuration
}

describe('what is written', () => {
  it('becomes plain definitions, with every default filled in', () => {
    const { receivers: found, policies, inhibits, settings } = configurationOf(all)
    expect(load(all).problems).toEqual([])
    expect([...found.values()]).toEqual([
      { name: 'ops-email', channels: [{ channel: 'email', target: { to: ['ops@example.com'] } }] },
      { name: 'ops-sms', channels: [{ channel: 'sms', target: { to: ['+15550100'] } }] },
    ])
    expect([...policies.values()]).toEqual([
      {
        name: 'default',
        groupBy: ['rule'],
        groupWaitMs: 0,
        groupIntervalMs: 300_000,
        steps: [
          { afterMs: 0, notify: ['ops-email'] },
          { afterMs: 300_000, notify: ['ops-sms'] },
        ],
        repeat: { everyMs: 3_600_000, times: null },
        ackTimeoutMs: null,
        resolved: true,
        mute: [],
      },
    ])
    expect(inhibits).toEqual([])
    expect(settings.accounts).toMatchObject({
      smtp: { kind: 'account', account: { host: 'mail.example.com', port: 587 } },
      twilio: { kind: 'inbox' },
    })
    expect(settings.http).toEqual({
      listen: { host: '127.0.0.1', port: 8080 },
      publicUrl: null,
      trustProxy: false,
      written: false,
    })
    expect(settings.watch).toEqual({ policy: 'default', brokerDownMs: 300_000, heartbeat: null })
  })

  it('takes every key', () => {
    const { policies, inhibits, settings } = configurationOf(`${receivers}
calendars: { night: { from: "22:00", to: "06:00" } }
policies:
  default:
    group_by: [rule, site]
    group_wait: 10s
    group_interval: 1m
    steps: [{ notify: ops-email }, { after: 5m, notify: ops-sms }]
    repeat: { every: 1h, times: 3 }
    ack_timeout: 4h
    resolved: false
    mute: [{ during: night, except: critical }]
inhibit:
  - { when: { rule: hot }, mute: { rule: [hot, /^silent-/], severity: info }, same: site }
settings:
  smtp: inbox
  twilio: inbox
  http: { listen: "[::1]:9000", public_url: "https://tocsin.example.com/", trust_proxy: true }
  watch: { policy: none, broker_down: 1m, heartbeat: { url: "https://hc-ping.com/abc", every: 5m } }
${rules()}`)
    expect(policies.get('default')).toMatchObject({
      groupBy: ['rule', 'site'],
      groupWaitMs: 10_000,
      groupIntervalMs: 60_000,
      repeat: { everyMs: 3_600_000, times: 3 },
      ackTimeoutMs: 14_400_000,
      resolved: false,
      mute: [{ calendar: 'night', except: ['critical'] }],
    })
    expect(inhibits).toEqual([
      { when: { rule: 'hot' }, mute: { rule: ['hot', '/^silent-/'], severity: 'info' }, same: ['site'] },
    ])
    expect(settings.http).toEqual({
      listen: { host: '::1', port: 9000 },
      publicUrl: 'https://tocsin.example.com',
      trustProxy: true,
      written: true,
    })
    expect(settings.watch).toEqual({
      policy: null,
      brokerDownMs: 60_000,
      heartbeat: { url: 'https://hc-ping.com/abc', everyMs: 300_000 },
    })
  })

  it('may stand in several files', () => {
    const workspace = new Workspace({ 'a.yaml': receivers + rules(), 'b.yaml': accounts + policy })
    expect(workspace.load({}, available).problems).toEqual([])
    workspace.write('c.yaml', receivers + policy)
    expect(workspace.load({}, available).problems.map(({ message }) => message.slice(0, 50))).toEqual([
      'The receiver `ops-email` is written twice; the fir',
      'The receiver `ops-sms` is written twice; the first',
      'The policy `default` is written twice; the first i',
    ])
  })
})

describe('mistakes', () => {
  test.each([
    ['receivers: { a: {} }', 'config-missing-key 1: A receiver needs an address'],
    ['receivers: { a: { email: { to: [x] } } }', 'config-value 1: `x` is not a mail address'],
    ['receivers: { a: { sms: { to: [+15550100] } } }', 'Put it in quotes: "+15550100"'],
    ['receivers: { a: { emial: { to: [] } } }', 'Did you mean `email`?'],
    ['receivers: { a: { slack_configs: [] } }', 'Here it is `webhook: { url: …, preset: slack }`'],
    [
      'policies: { none: { steps: [{ notify: a }] } }',
      'config-name 1: `none` cannot be the name of a policy',
    ],
    ['policies: { a: { steps: [] } }', '`steps` must have at least 1 item'],
    ['policies: { a: { notify: x } }', 'Here it is `steps: [{ notify: … }]`'],
    ['policies: { a: { steps: [{ after: 5m }] } }', '`notify` is missing'],
    ['policies: { a: { steps: [{ notify: [x, x] }] } }', '`x` is told twice'],
    ['policies: { a: { repeat_interval: 1h } }', 'Here it is `repeat: { every: … }`'],
    ['policies: { a: { send_resolved: true } }', 'Here it is `resolved:`'],
    ['policies: { a: { escalation_rules: [] } }', 'Here it is `steps:`'],
    ['policies: { a: { routes: [] } }', 'another policy, named by the alerts'],
    ['policies: { a: { steps: [{ escalation_delay_in_minutes: 5 }] } }', 'a duration such as 5m'],
    ['inhibit: { when: {} }', '`inhibit` must be a list'],
    ['inhibit: [{ source_match: {} }]', 'Here it is `when:`'],
    ['inhibit: [{ equal: [a] }]', 'Here it is `same:`'],
    ['inhibit: [{ when: {}, mute: { rule: a } }]', 'This would match every alert'],
    ['inhibit: [{ when: { rule: /(/ }, mute: { rule: a } }]', 'error expr-pattern 1: The pattern /(/'],
    ['escalation_policies: []', 'Here it is `policies:`, with `steps:`'],
    ['settings: { smtp: Inbox }', '`smtp` must be an account, or the word inbox'],
    ['settings: { smpt: inbox }', 'Did you mean `smtp`?'],
    ['settings: { http: { listen: 8080 } }', 'Write 127.0.0.1:8080 for this machine alone'],
    ['settings: { http: { listen: "1.2.3:8080" } }', '`listen` is an address and a port'],
    ['settings: { http: { listen: "localhost:99999" } }', '`listen` is an address and a port'],
    ['settings: { http: { public_url: example.com } }', '`public_url` is not a web address'],
    ['settings: { watch: { heartbeat: { url: x } } }', '`url` is not a web address'],
  ])('%s', (text, expected) => {
    expect(told(text).join('\n')).toContain(expected)
  })

  it('of the order of steps are found, equal times are none', () => {
    const steps = (list: string) => `${receivers}${accounts}policies: { default: { steps: [${list}] } }\n`
    expect(told(steps('{ after: 5m, notify: ops-email }, { notify: ops-sms }'))[0]).toContain(
      'Step 2 comes before the step above it',
    )
    expect(codes(steps('{ after: 5m, notify: ops-email }, { after: 5m, notify: ops-sms }'))).toEqual([
      'warning config-no-rules',
    ])
  })

  it('a label that every alert has cannot be written', () => {
    const text = receivers + accounts + policy + rules('{ summary: x, labels: { severity: high } }')
    expect(told(text)).toEqual([
      'error config-value 16: Every alert has the label `severity` already. Choose another name.',
    ])
  })
})

describe('names that nobody defined', () => {
  test.each([
    ['a receiver', all.replace('notify: ops-email', 'notify: ops-emial'), 'unknown-receiver 9', 'ops-email'],
    [
      'a policy',
      receivers + accounts + policy + rules('{ summary: x, policy: defalt }'),
      'unknown-policy 16',
      'default',
    ],
    [
      'a calendar',
      `calendars: { night: {} }\n${all.replace('repeat:', 'mute: [{ during: nihgt }]\n    repeat:')}`,
      'rule-unknown-calendar 11',
      'night',
    ],
    [
      'the policy of the watch',
      all.replace('twilio: inbox', 'twilio: inbox\n  watch: { policy: dfault }'),
      'unknown-policy 7',
      'default',
    ],
  ])('%s', (_, text, place, meant) => {
    const [problem] = told(text).filter((one) => one.startsWith('error'))
    expect(problem).toContain(`error ${place}`)
    expect(problem).toContain(`Did you mean \`${meant}\`?`)
  })

  it('labels of groups and inhibitions, values of rule and severity', () => {
    const text = all
      .replace('repeat:', 'group_by: [sight]\n    repeat:')
      .concat('inhibit: [{ when: { rule: hto }, mute: { severity: crit }, same: [sitte] }]\n')
    expect(told(text).map((one) => one.split('.')[0])).toEqual([
      'warning unknown-label 10: No alert here has the label `sight`',
      'warning matcher-nothing 18: No rule with an alert has the id `hto`',
      'warning matcher-nothing 18: There is no severity `crit`',
      'warning unknown-label 18: No alert here has the label `sitte`',
    ])
    expect(codes(text.replace('[sight]', '[site]'))).toHaveLength(3)
  })

  it('nothing is said of labels while a rule could not be read', () => {
    const text = all.replace('repeat:', 'group_by: [sight]\n    repeat:').replace('payload > 35', 'payload >')
    expect(codes(text)).toEqual(['error expr-syntax'])
  })
})

describe('alerts that nobody hears', () => {
  it('without a policy are told once, however many they are', () => {
    const text = `${rules()}  - { id: b, topic: b, when: payload > 3, alert: { summary: b } }\n`
    expect(told(text)).toEqual([
      'warning alert-without-policy 6: Nobody is told of this alert, nor of 1 more like it: it names no policy, and there is no policy `default`. Write policies: { default: { steps: [{ notify: … }] } }, or policy: none in the alert.',
    ])
    expect(told(rules('{ summary: x, policy: none }'))).toEqual([])
  })

  it('a policy that ends is told for critical alerts only', () => {
    const text = all.replace('    repeat: { every: 1h }\n', '')
    expect(codes(text)).toEqual(['warning policy-ends'])
    expect(codes(text.replace('critical', 'warning'))).toEqual([])
  })

  test.each([
    ['', ['warning sms-flapping']],
    ['for: 1m', []],
    ['clear: { when: payload < 30 }', []],
  ])('a text message for %o', (more, expected) => {
    expect(codes(receivers + accounts + policy + rules('{ summary: x }', more))).toEqual(expected)
  })

  test.each([
    ['', '', ['warning sms-flapping']],
    ['throttle: 10m', '', []],
    ['for: 1m', '', []],
    ['', 'resolved: [{ publish: { topic: x } }]', ['warning sms-flapping']],
  ])('a text message by notify, for %o and %o', (more, resolved, expected) => {
    const rule = `rules:
  - id: news
    topic: news/+site
    when: payload > 35
    ${more}
    ${resolved}
    then: [{ notify: { to: [ops-email, ops-sms], summary: hot } }]
`
    expect(codes(receivers + accounts + rule)).toEqual(expected)
  })

  test('a receiver that notify names and nobody defined', () => {
    const rule = `${rules('{ summary: x }', 'for: 1m')}    then: [{ notify: { to: [ops-smss], summary: hot } }]\n`
    expect(told(receivers + accounts + policy + rule)).toEqual([
      'error unknown-receiver 17: There is no receiver named `ops-smss`. Did you mean `ops-sms`?',
    ])
  })

  it('a receiver that nobody uses, or that has no account', () => {
    expect(codes(`${all}`.replace('notify: [ops-sms]', 'notify: [ops-email]'))).toEqual([
      'warning receiver-unused',
    ])
    expect(told(all.replace('  twilio: inbox\n', ''))[0]).toContain(
      'warning receiver-undeliverable 3: `sms` cannot be sent: there is no `twilio` below `settings`. Write settings: { twilio: { … } }, or twilio: inbox',
    )
    // An account with a mistake is there.
    expect(codes(all.replace('twilio: inbox', 'twilio: {}')).filter((code) => /undeliv/.test(code))).toEqual(
      [],
    )
  })
})

describe('what could not be delivered', () => {
  it('is each channel without an account of a receiver that is used', () => {
    expect(undeliverable(configurationOf(all), channels)).toEqual([])
    const bare = configurationOf(receivers + policy + rules())
    expect(undeliverable(bare, channels).map(({ receiver, channel }) => [receiver, channel])).toEqual([
      ['ops-email', 'email'],
      ['ops-sms', 'sms'],
    ])
    expect(
      undeliverable(configurationOf(receivers + rules('{ summary: x, policy: none }')), channels),
    ).toEqual([])
  })
})

describe('secrets of receivers and settings', () => {
  it('that stand in the file are in no report and no log', () => {
    const workspace = new Workspace({
      'a.yaml': `receivers:
  chat: { webhook: { url: "https://hooks.slack.com/services/T01/B01/abcdef", preset: slack, nope: 1 } }
  pager: { webhook: { preset: pagerduty, routing_key: r0uting-key, nope: 1 } }
settings:
  smtp: { url: "smtp://joe:hunter2@example.com", from: t@example.com, nope: 1 }
  watch: { heartbeat: { url: "https://hc-ping.com/0123-4567-89ab", nope: 1 } }
`,
    })
    const { secrets, problems } = workspace.load({}, available)
    expect(problems.filter(({ severity }) => severity === 'error')).toHaveLength(4)
    const report = workspace.report({}, available)
    for (const secret of ['abcdef', 'r0uting-key', 'hunter2', '0123-4567-89ab']) {
      expect(report).not.toContain(secret)
      expect(secrets.redact(`x /services/T01/B01/abcdef r0uting-key hunter2 /0123-4567-89ab`)).not.toContain(
        secret,
      )
    }
    // The carets stand below the key also where something before it is masked.
    const lines = report.slice(report.indexOf('is not a key')).split('\n')
    const caret = lines.findIndex((line) => line.includes('^^^^'))
    expect(lines[caret - 1]?.slice(lines[caret]?.indexOf('^'))).toMatch(/^nope/)
  })
})

test('the JSON Schema has them, with the channels and their accounts, and a word on every key', () => {
  const schema = jsonSchema({ actions, decoders, channels, notYet: {} })
  const text = JSON.stringify(schema)
  for (const key of [
    'group_interval',
    'ops',
    'routing_key',
    'account_sid',
    'public_url',
    'heartbeat',
    'same',
  ])
    expect(text, key).toContain(key)
  const without = jsonSchema({ actions, decoders, channels, notYet: { file: ['receivers'] } })
  expect(JSON.stringify(without)).not.toContain('routing_key')
})
