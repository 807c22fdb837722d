/** `tocsin test` as people see it: what it says, and with which exit code. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import { actions } from '../../../src/actions/index.ts'
import { channels } from '../../../src/channels/index.ts'
import { runCli } from '../../../src/cli/cli.ts'
import type { Parts } from '../../../src/cli/parts.ts'
import { decoders } from '../../../src/decoders/index.ts'
import { systemClock } from '../../../src/engine/system-clock.ts'
import { createStore } from '../../../src/stores/index.ts'
import { waitFor } from '../../support/wait-for.ts'

const rules = `rules:
  - id: hot
    topic: s/+id
    when: payload.t > 35
    then: [{ publish: { topic: "out/{{ id }}", payload: { t: "{{ payload.t }}" } } }]
  - id: silent
    topic: s/+id
    absent: { for: 10m }
    alert: { summary: x }
`

const good = `tests:
  - name: warns
    steps:
      - send: { topic: s/a, payload: { t: 36 } }
        expect: { publish: [{ topic: out/a, payload: { t: 36 } }] }
`

function workspace(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'tocsin-test-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(directory, name)), { recursive: true })
    writeFileSync(path.join(directory, name), text)
  }
  return directory
}

class Screen extends Writable {
  text = ''
  readonly columns = 100

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

const refuse = () => {
  throw new Error('a test needs no such part')
}

function start(argv: readonly string[], stopRequested: () => Promise<string> = () => new Promise(() => {})) {
  const stdout = new Screen()
  const stderr = new Screen()
  const parts: Parts = {
    actions,
    decoders,
    channels,
    createStore,
    clock: systemClock(),
    createBroker: refuse,
    startEmbeddedBroker: refuse,
    createLogWriter: refuse,
  } as Partial<Parts> as Parts
  const code = runCli(argv, '0', parts, {
    env: {},
    stdout,
    stderr,
    stdin: process.stdin,
    zone: 'UTC',
    stopRequested,
    onHangup: () => () => {},
  })
  return { code, stdout, stderr }
}

async function run(files: Readonly<Record<string, string>>, ...more: string[]) {
  const directory = workspace(files)
  const { code, stdout, stderr } = start(['test', directory, ...more])
  const clean = (text: string) =>
    text
      .replaceAll(directory, 'rules')
      .replaceAll(/\d+ ms/g, '_ ms')
      .replaceAll(/ +$/gm, '')
  return { code: await code, stdout: clean(stdout.text), stderr: clean(stderr.text) }
}

describe('tests that pass', () => {
  test('are ticked off', async () => {
    expect(await run({ 'r.yaml': rules, 'r.test.yaml': good })).toEqual({
      code: 0,
      stdout: 'rules/r.test.yaml\n✓ warns (_ ms)\n\n1 passed (1 test in 1 file, _ ms)\n',
      stderr: '',
    })
  })

  test('are chosen by a text', async () => {
    const { stdout } = await run(
      { 'r.yaml': rules, 'a/r.test.yaml': good, 'b/x.test.yml': good },
      '--filter',
      'x.test',
    )
    expect(stdout).toContain('1 passed (1 test in 1 file')
    const none = await run({ 'r.yaml': rules, 'r.test.yaml': good }, '--filter', 'nothing')
    expect(none).toMatchObject({ code: 1, stderr: 'No test in rules has "nothing" in its name or file.\n' })
  })
})

describe('a test that fails', () => {
  const bad = good.replace('topic: out/a, payload: { t: 36 }', 'topic: out/b, qos: 1')

  test('shows expected and happened side by side, its line, and what the rules made of it', async () => {
    const { code, stdout } = await run({ 'r.yaml': rules, 'r.test.yaml': bad })
    expect(code).toBe(1)
    expect(stdout).toBe(`rules/r.test.yaml
✗ warns (_ ms)
  rules/r.test.yaml:5 at 0s
  published
      expected                                      │ happened
    ✗ { topic: out/b, qos: 1 }                      │ { topic: out/a, qos: 1, payload: { t: 36 } }
  what the rules made of the latest messages:
    s/a {"t":36} → hot true, silent true

1 failed (1 test in 1 file, _ ms)
`)
  })

  test('tells a machine the same', async () => {
    const { code, stdout } = await run({ 'r.yaml': rules, 'r.test.yaml': bad }, '--format', 'json')
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      passed: 0,
      failed: 1,
      tests: [
        {
          name: 'warns',
          line: 2,
          passed: false,
          failure: {
            place: 'rules/r.test.yaml:5',
            at: '0s',
            mismatches: [
              {
                list: 'publish',
                expected: [{ topic: 'out/b' }],
                happened: [{ topic: 'out/a', payload: { t: 36 } }],
              },
            ],
          },
        },
      ],
    })
  })

  test('is JUnit XML that a build server reads', async () => {
    const { stdout } = await run(
      { 'r.yaml': rules, 'r.test.yaml': bad.replace('warns', '"warns <b> & \\"c\\" \\x01"') },
      '--format',
      'junit',
    )
    expect(stdout).toContain('<testsuites tests="1" failures="1" errors="0"')
    expect(stdout).toContain('name="warns &lt;b&gt; &amp; &quot;c&quot;  "')
    expect(stdout).toContain('<failure message="not as expected at rules/r.test.yaml:5">')
    expect(stdout).not.toMatch(/[\u0001]/)
  })

  test('says what cannot be forgotten', async () => {
    const { stdout } = await run({
      'r.yaml': rules,
      'r.test.yaml': `tests:
  - name: forgets
    steps:
      - forget: { rule: silent, key: { id: a } }
`,
    })
    expect(stdout).toContain('nothing is known of this key of silent')
  })

  const alerting = {
    'r.yaml': `settings: { smtp: inbox }
receivers: { ops: { email: { to: [ops@example.com] } } }
policies: { default: { steps: [{ notify: ops }] } }
${rules}`,
  }
  const steps = (...lines: string[]) => ({
    ...alerting,
    'r.test.yaml': `tests:\n  - name: x\n    steps:\n${lines.map((line) => `      - ${line}\n`).join('')}`,
  })
  const silent = 'send: { topic: s/a, payload: { t: 1 } }'

  test('shows who was told, and what could not be sent', async () => {
    const wanted = 'expect: { notify: [{ receiver: ops, severity: critical }] }'
    const { code, stdout } = await run(steps(silent, `{ at: 10m, ${wanted} }`))
    expect(code).toBe(1)
    expect(stdout).toContain(`  told
      expected                                      │ happened
    ✗ { receiver: ops, severity: critical }         │ { receiver: ops, channel: email, kind:
                                                    │ firing, severity: warning, title: x }
`)
    const down = await run(steps(silent, 'channel: { email: down }', `{ at: 10m, ${wanted} }`))
    expect(down.stdout).toContain('│ (nothing)')
    expect(down.stdout).toContain('note: ops (email): the channel is down, as the test says\n')
  })

  test.each([
    ['ack: { rule: silent }', 'no alert of `silent` fires'],
    ['ack: { rule: silent, key: { id: a } }', 'No alert named silent/'],
    ['ack: { code: ZZZ }', 'There is nothing to acknowledge under ZZZ.'],
    ['ack: { latest: ops }', 'There is nothing to acknowledge.'],
    ['resolve: { alert: silent/00 }', 'No alert named silent/00 fires.'],
    ['unsilence: { match: { rule: hot } }', 'there is no silence with these labels'],
  ])('says why nothing comes of %s', async (step, message) => {
    const { code, stdout } = await run(steps(silent, step))
    expect(code).toBe(1)
    expect(stdout).toContain(`rules/r.test.yaml:5 at 0s\n  ${message}`)
  })

  test('says which alert is not clear', async () => {
    const both = 'send: [{ topic: s/a, payload: 1 }, { topic: s/b, payload: 1 }]'
    const { stdout } = await run(steps(both, '{ at: 10m, ack: { rule: silent } }'))
    expect(stdout).toContain('2 alerts of `silent` fire: say which one with `key`')
  })

  test('stops at its first step that is not as expected', async () => {
    const { stdout } = await run({
      'r.yaml': rules,
      'r.test.yaml': `tests:
  - name: two
    steps:
      - { at: 1m, expect: { publish: [{ topic: never }] } }
      - { at: 2m, expect: { publish: [{ topic: later }] } }
`,
    })
    expect(stdout).toContain('r.test.yaml:4 at 1m')
    expect(stdout).not.toContain('later')
  })
})

describe('a test file with problems', () => {
  const problem = async (text: string) => {
    const { code, stdout } = await run({ 'r.yaml': rules, 'r.test.yaml': text })
    expect(code).toBe(1)
    const lines = stdout.split('\n')
    return lines.filter((line) => /^(error:| {2}help:| {2}rules\/)/.test(line)).map((line) => line.trim())
  }
  const step = (text: string) => problem(`tests:\n  - name: x\n    steps:\n      - ${text}\n`)

  test.each([
    ['at: 5', /`5` is not a duration|5/],
    ['sent: { topic: a }', /`sent` is not a key of/],
    ['send: { topic: a/+, payload: 1 }', /contains the wildcard/],
    ['send: { topic: a, qos: 2 }', /QoS 2/],
    ['send: { topic: a, raw: "%%" }', /not base64/],
    ['send: { topic: a, raw: aa, payload: 1 }', /same thing/],
    ['send: { topic: a, broker: cloud }', /no broker named "cloud"/],
    ['expect: { notify: [{ receiver: ops }] }', /no receiver `ops`/],
    ['expect: { notify: [{ channel: fax }] }', /no channel `fax`/],
    ['ack: x', /`ack` must be/],
    ['ack: { by: ops }', /Exactly one of `rule`, `alert`, `code`, `latest`/],
    ['ack: { rule: silent, code: X }', /Exactly one of/],
    ['ack: { rule: silnt }', /no rule `silnt`/],
    ['ack: { rule: silent, key: { device: a } }', /other parts/],
    ['ack: { code: ABC, key: { id: a } }', /`key` belongs to a `rule`/],
    ['ack: { latest: ops }', /no receiver `ops`/],
    ['resolve: { code: ABC }', /`code` is not a key/],
    ['silence: { match: {}, for: 1h }', /would match every alert/],
    ['silence: { match: { rule: silent } }', /`for` is missing/],
    ['unsilence: { match: { rule: "/(/" } }', /pattern/],
    ['channel: { fax: down }', /no channel `fax`/],
    ['channel: { sms: gone }', /`up`.*`down`|must be/],
    ['expect: { published: [] }', /`published` is not a key/],
    ['expect: { publish: [{ topik: a }] }', /`topik` is not a key/],
    ['expect: { publish: [{ topic: "/(/" }] }', /is not a pattern/],
    ['expect: { publish: [{ payload: { a: ["/[/"] } }] }', /is not a pattern/],
    ['expect: { alerts: [{ rule: hott }] }', /no rule `hott`/],
    ['expect: { alerts: [{ state: resolved }] }', /must be .*pending/],
    ['forget: { rule: hot, key: { device: a } }', /other parts/],
    ['clock: 1h', /`clock` must be a jump/],
    ['restart: false', /restart/],
    ['link: broken', /`link` must be/],
  ])('%s', async (text, message) => {
    const found = await step(text)
    expect(found[0]).toMatch(message)
    expect(found[1]).toMatch(/^rules\/r\.test\.yaml:4:\d+$/)
  })

  test('says what was meant', async () => {
    expect(await step('expect: { alerts: [{ rule: hott }] }')).toContain('help: Did you mean `hot`?')
    expect(await step('forget: { rule: hot, key: { device: a } }')).toContain('help: Write key: { id: … }.')
  })

  test('steps stand in the order of time, and a restart takes its time', async () => {
    const text = (second: string) =>
      `tests:\n  - name: x\n    steps:\n      - { at: 1m, restart: 10m }\n      - at: ${second}\n`
    expect((await problem(text('10m')))[0]).toContain('`at` is earlier')
    expect(await run({ 'r.yaml': rules, 'r.test.yaml': text('11m') })).toMatchObject({ code: 0 })
  })

  test('a name that is missing, rules that do not exist, a start that is no moment', async () => {
    expect((await problem('tests:\n  - steps: [{ at: 1m }]\n'))[0]).toContain('`name` is missing')
    expect((await problem('tests:\n  - { name: x, rules: [cold], steps: [{ at: 1m }] }\n'))[0]).toContain(
      'no rule `cold`',
    )
    expect((await problem('tests:\n  - { name: x, start: noon, steps: [{ at: 1m }] }\n'))[0]).toContain(
      'not a moment',
    )
    expect((await problem('test: []\n'))[0]).toContain('`test` is not a key of a test file')
    expect((await problem('- name: x\n'))[0]).toContain(
      'a test file holds a list below `tests:`'.replace('a', 'A'),
    )
  })

  test('does not keep the tests of other files from running', async () => {
    const { code, stdout } = await run({ 'r.yaml': rules, 'a.test.yaml': 'tests: 5\n', 'b.test.yaml': good })
    expect(code).toBe(1)
    expect(stdout).toContain('`tests` must be a list')
    expect(stdout).toContain('✓ warns')
  })
})

describe('a directory', () => {
  test('without tests says how one is written', async () => {
    const { code, stderr } = await run({ 'r.yaml': rules })
    expect(code).toBe(1)
    expect(stderr).toContain('There are no tests in rules.')
    expect(stderr).toContain('tests:\n  - name:')
  })

  test('whose rules have problems runs no test', async () => {
    const { code, stdout } = await run({
      'r.yaml': rules.replace('topic: s/+id', 'topic: s/+id+'),
      'r.test.yaml': good,
    })
    expect(code).toBe(1)
    expect(stdout).toContain('error:')
    expect(stdout).not.toContain('✓')
  })

  test('that is not there is told', async () => {
    const { code, stdout } = start(['test', '/nowhere/at/all'])
    expect(await code).toBe(1)
    expect(stdout.text).toContain('`/nowhere/at/all` cannot be read')
  })

  test('that is not there cannot be watched either', async () => {
    expect(await start(['test', '/nowhere/at/all', '--watch']).code).toBe(1)
  })

  test('a format that does not exist is wrong usage', async () => {
    expect(await start(['test', '.', '--format', 'xml']).code).toBe(2)
  })
})

describe('speed', () => {
  test('a year in which little happens takes no time', async () => {
    const year = `tests:
  - name: a year
    steps:
      - send: { topic: s/a, payload: { t: 1 } }
      - at: 365d
        expect: { alerts: [{ rule: silent, state: firing }] }
`
    const began = performance.now()
    expect(await run({ 'r.yaml': rules, 'r.test.yaml': year })).toMatchObject({ code: 0 })
    expect(performance.now() - began).toBeLessThan(1_000)
  })

  test('a hundred tests take well under two seconds', async () => {
    const [head = '', ...body] = good.split('\n')
    const many = [head, ...Array.from({ length: 100 }, () => body.join('\n').trimEnd())].join('\n')
    const began = performance.now()
    expect((await run({ 'r.yaml': rules, 'r.test.yaml': many })).stdout).toContain('100 passed')
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})

describe('watching', () => {
  test('runs the tests again when a file changes, until it is told to stop', async () => {
    const directory = workspace({ 'r.yaml': rules, 'r.test.yaml': good })
    const stop = Promise.withResolvers<string>()
    const { code, stdout } = start(['test', directory, '--watch'], () => stop.promise)
    const waits = (text: string) => text.split('Waiting for a change').length - 1
    await waitFor('the first run', () => waits(stdout.text) === 1)
    writeFileSync(path.join(directory, 'r.test.yaml'), good.replace('out/a', 'out/b'))
    await waitFor('the second run', () => stdout.text.includes('1 failed') && waits(stdout.text) === 2)
    stop.resolve('SIGINT')
    expect(await code).toBe(1)
  })
})
