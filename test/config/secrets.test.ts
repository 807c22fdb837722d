import { symlinkSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { problemsJson } from '../../src/cli/problem-report.ts'
import { redactFragments, Secrets } from '../../src/config/secrets.ts'
import { substitute } from '../../src/config/substitute.ts'
import { goodRule, ruleWith, Workspace } from './workspace.ts'

const none = { env: {}, readSecretFile: () => ({ ok: false, message: 'no', help: 'no' }) as const }
/** `$` and a brace, without a template's meaning. */
const v = (inner: string) => `$\{${inner}}`

describe('variables', () => {
  const resolve = (text: string, env: Record<string, string> = {}) => substitute(text, { ...none, env }).text

  it('stand anywhere in a text, several times, with defaults', () => {
    const env = { HOST: 'example.com', EMPTY: '' }
    expect(resolve(`mqtt://${v('env:HOST')}:${v('env:PORT:-1883')}`, env)).toBe('mqtt://example.com:1883')
    expect(resolve(v('env:EMPTY:-full'), env)).toBe('full')
    expect(resolve(v('env:EMPTY'), env)).toBe('')
    expect(resolve(v('env:NONE:-'), env)).toBe('')
  })

  it('are written plainly with two dollars', () => {
    expect(resolve(`$${v('env:HOST')} costs $5`)).toBe(`${v('env:HOST')} costs $5`)
  })

  it('are not looked for in what comes in, nor is that read as YAML', () => {
    expect(resolve(v('env:A'), { A: v('env:B'), B: 'x' })).toBe(v('env:B'))
    const workspace = new Workspace({ 'a.yaml': ruleWith(`description: ${v('env:A')}`) })
    const { configuration } = workspace.load({ A: '{ a: 1 } # not a map' })
    expect(configuration?.definitions[0]?.description).toBe('{ a: 1 } # not a map')
  })

  it('do not reach what is not in the environment', () => {
    for (const name of ['constructor', '__proto__', 'toString']) {
      expect(substitute(v(`env:${name}`), none).problems[0]?.code).toBe('config-variable-missing')
    }
  })

  it('become a number or a boolean where the schema wants one', () => {
    const workspace = new Workspace({
      'a.yaml': ruleWith(`qos: ${v('env:QOS')}\n    enabled: ${v('env:ON')}`),
    })
    expect(workspace.load({ QOS: '0', ON: 'false' }).configuration?.definitions[0]).toMatchObject({
      qos: 0,
      enabled: false,
    })
    expect(workspace.load({ QOS: 'zero', ON: 'yes' }).problems.map(({ message }) => message)).toEqual([
      `\`qos\` must be 0 or 1; this is the value of \`${v('env:QOS')}\`.`,
      `\`enabled\` must be \`true\` or \`false\`; this is the value of \`${v('env:ON')}\`.`,
    ])
  })

  it('that are not written so are explained', () => {
    const help = (text: string) => substitute(text, none).problems.map((problem) => problem.help)
    expect(help(v('MQTT_URL'))).toEqual([`write ${v('env:MQTT_URL')}; for a plain $\{ write $$\{`])
    expect(help(v('MQTT_URL:-x'))[0]).toContain(v('env:MQTT_URL'))
    expect(help(v('env:a-b'))[0]).toContain(v('env:NAME'))
  })
})

describe('secret files', () => {
  it('are read without their last line break, from the configuration directory unless the path is absolute', () => {
    const workspace = new Workspace({
      'a.yaml': ruleWith(`description: ${v('file:key.txt')}`),
      'key.txt': 'two\nlines\r\n',
    })
    expect(workspace.load().configuration?.definitions[0]?.description).toBe('two\nlines')
    workspace.write('a.yaml', ruleWith(`description: ${v(`file:${workspace.path('key.txt')}`)}`))
    expect(workspace.load().problems).toEqual([])
  })

  it.each([
    ['missing.txt', 'it does not exist'],
    ['folder', 'is not a file'],
    ['zero', 'is not a file'],
    ['big.txt', 'larger than 64 KiB'],
    ['binary', 'not UTF-8'],
  ])('%s cannot be used', (name, reason) => {
    const workspace = new Workspace({
      'a.yaml': ruleWith(`description: ${v(`file:${name}`)}`),
      'folder/x': '',
      'big.txt': 'x'.repeat(70_000),
      binary: new Uint8Array([0xff, 0xfe]),
    })
    symlinkSync('/dev/zero', workspace.path('zero'))
    const [problem] = workspace.load().problems
    expect(problem?.code).toBe('config-secret-file')
    expect(problem?.message).toContain(reason)
  })
})

describe('secrets', () => {
  it('are in no message, frame or JSON, wherever they are misused', () => {
    const secret = 'hunter2-Tr0ub4dor'
    const uses = [
      'id',
      'topic',
      'when',
      'value',
      'decode',
      'qos',
      'enabled',
      'broker',
      'key',
      'with',
      'then',
      'for',
      secret,
    ]
    for (const key of uses) {
      for (const value of [
        v('env:SECRET'),
        `"a ${v('env:SECRET')} {{ b"`,
        `[${v('env:SECRET')}]`,
        `{ a: ${v('env:SECRET')} }`,
      ]) {
        const lines = ['id: x', 'topic: a', 'then: [{ publish: { topic: b } }]'].filter(
          (line) => !line.startsWith(`${key}:`),
        )
        const text = `rules:\n  - ${[...lines, ...(key === secret ? [] : [`${key}: ${value}`])].join('\n    ')}\n`
        const workspace = new Workspace({ 'a.yaml': text })
        const { problems } = workspace.load({ SECRET: secret })
        const shown = workspace.report({ SECRET: secret }) + problemsJson(problems)
        for (const piece of ['hunter2', 'Tr0ub4dor', 'hunt', 'ador']) expect(shown, text).not.toContain(piece)
      }
    }
  })

  it('that stand in the file itself are masked in frames', () => {
    const workspace = new Workspace({
      'a.yaml': `brokers:
  default: { url: "mqtt://joe:hunter2@example.com", password: "hunter3", nope: 1 }
  other:
    url: mqtt://example.com
    password: hunter4 # mine
    nope: 2
${goodRule}`,
      'b.yaml': 'brokers:\n  third:\n    password: hunter5\n    url: @\n',
    })
    const report = workspace.report()
    expect(report).not.toMatch(/hunter\d/)
    expect(report).toContain('password: •••')
    expect(report).toContain('mqtt://joe:•••@example.com')
  })

  it('are replaced in any text by where they come from', () => {
    const secrets = new Secrets()
    secrets.add({ label: v('env:PASSWORD'), value: 'p@ss word' })
    secrets.add({ label: v('env:LONGER'), value: 'p@ss word and more' })
    secrets.add({ label: v('env:SHORT'), value: 'on' })
    expect(secrets.redact('mqtt://u:p%40ss%20word@h and p@ss word')).toBe(
      `mqtt://u:${v('env:PASSWORD')}@h and ${v('env:PASSWORD')}`,
    )
    expect(secrets.redact('p@ss word and more')).toBe(v('env:LONGER'))
    // Too short to be told from ordinary words.
    expect(secrets.redact('one of them')).toBe('one of them')
    expect(redactFragments('cannot read p@ss here', [{ label: v('env:X'), value: 'p@ss word' }])).toBe(
      'cannot read •••here',
    )
  })

  it('of a loaded configuration can be kept out of logs', () => {
    const workspace = new Workspace({
      'a.yaml': `brokers: { default: { url: "${v('env:MQTT_URL')}", password: literal-one } }\n${goodRule}`,
    })
    const { configuration, problems } = workspace.load({ MQTT_URL: 'mqtt://joe@example.com' })
    expect(problems).toEqual([])
    expect(configuration?.brokers.get('default')).toMatchObject({
      url: 'mqtt://example.com',
      username: 'joe',
    })
    expect(configuration?.secrets.redact('literal-one at mqtt://joe@example.com')).toBe(
      `••• at ${v('env:MQTT_URL')}`,
    )
  })
})
