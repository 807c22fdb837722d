/** Every code of reading a directory, of YAML and of the configuration is provoked, at the place it is about. */
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { problemCatalogue } from '../../src/core/problem-catalogue.ts'
import { goodRule, places, ruleWith, Workspace } from './workspace.ts'

type Case = readonly [
  expected: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  env?: Record<string, string>,
]

const inRule = (expected: string, lines: string, env: Record<string, string> = {}): Case => [
  `a.yaml:${expected}`,
  { 'a.yaml': ruleWith(lines) },
  env,
]

const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]']
for (const [index, name] of [...'bcdefgh'].entries()) {
  bomb.push(`${name}: &${name} [${Array.from({ length: 10 }, () => `*${'abcdefgh'[index]}`).join(', ')}]`)
}

const cases: readonly Case[] = [
  [':1:1 config-no-files', {}],
  [':1:1 config-no-rules', { 'a.yaml': '' }],
  ['big.yaml:1:1 config-file-too-large', { 'a.yaml': goodRule, 'big.yaml': new Uint8Array(10_000_000) }],
  ['a.yaml:2:3 config-encoding', { 'a.yaml': Buffer.from([0x61, 0x3a, 0x0a, 0x20, 0x20, 0xff, 0x0a]) }],
  ['a.yaml:1:1 config-encoding', { 'a.yaml': Buffer.from('\uFEFFrules:', 'utf16le') }],
  ['a.yaml:1:3 config-encoding', { 'a.yaml': Buffer.from([0x61, 0x62, 0xc3]) }],

  ['a.yaml:2:1 yaml-tab', { 'a.yaml': 'rules:\n\t- id: x\n' }],
  ['a.yaml:2:1 yaml-documents', { 'a.yaml': 'rules:\n---\nrules:\n' }],
  ['a.yaml:4:4 yaml-alias-limit', { 'a.yaml': 'x' }],
  ['a.yaml:1:1 yaml-depth', { 'a.yaml': '['.repeat(1_000_000) }],
  ['a.yaml:1:198 yaml-depth', { 'a.yaml': `rules: ${'[0,'.repeat(70)}${']'.repeat(70)}` }],
  inRule('4:5 yaml-duplicate-key', 'topic: b'),
  inRule('4:12 yaml-alias', 'value: *nobody'),
  inRule('4:14 yaml-alias', 'key: &k [*k]'),
  inRule('4:11 yaml-tag', 'when: !payload.on'),
  inRule('4:10 yaml-tag', 'key: !!binary aGk='),
  inRule('4:12 yaml-key', 'key: { [a]: c }'),
  inRule('4:12 yaml-key', 'key: { __proto__: 1 }'),
  inRule('4:18 yaml-number', 'description: 12345678901234567890'),
  inRule('4:18 yaml-number', 'description: .inf'),
  inRule('4:11 yaml-template-unquoted', 'when: {{ payload }}'),
  inRule('4:11 yaml-template-unquoted', 'when: {{ payload }} > 3'),
  inRule('4:18 yaml-syntax', 'description: @home'),
  inRule('4:18 yaml-syntax', 'description: 100% : x'),

  inRule('4:18 config-variable-missing', `description: \${env:NOPE}`),
  inRule('4:23 config-variable-missing', `description: "a\\n \${env:NOPE}"`),
  inRule('4:18 config-variable-syntax', `description: \${NOPE}`),
  inRule('4:18 config-variable-syntax', `description: \${env:NOPE`),
  inRule('4:11 config-variable-place', `when: \${env:WHEN}`, { WHEN: 'payload > 3' }),
  inRule('4:18 config-secret-file', `description: \${file:nothing.txt}`),

  inRule('4:5 config-unknown-key', 'abobe: 3'),
  [
    'a.yaml:2:5 config-missing-key',
    { 'a.yaml': 'rules:\n  - topic: a\n    then: [{ publish: { topic: a } }]\n' },
  ],
  inRule('4:5 config-empty', 'when: # payload > 3'),
  inRule('4:14 config-type', 'enabled: yes'),
  inRule('4:13 config-value', 'decode: xml'),
  ['a.yaml:2:9 config-name', { 'a.yaml': goodRule.replace('hot', 'Too hot!') }],
  ['a.yaml:1:12 config-name', { 'a.yaml': `brokers: { "a b": { url: mqtt://x } }\n${goodRule}` }],
  ['a.yaml:1:43 config-duration', { 'a.yaml': 'brokers: { a: { url: mqtt://x, keepalive: 5 min } }' }],
  ['a.yaml:1:32 config-size', { 'a.yaml': 'settings: { limits: { payload: 1 meg } }' }],
  ['a.yaml:1:22 config-url', { 'a.yaml': 'brokers: { a: { url: "tcp://x" } }' }],
  ['a.yaml:1:44 config-tls', { 'a.yaml': 'brokers: { a: { url: mqtts://x, tls: { ca: no.pem } } }' }],
  ['a.yaml:1:19 config-zone', { 'a.yaml': 'settings: { zone: Berlin }' }],
  ['b.yaml:2:9 config-duplicate-id', { 'a.yaml': goodRule, 'b.yaml': goodRule }],
  [
    'b.yaml:1:13 config-duplicate-setting',
    { 'a.yaml': `settings: { zone: UTC }\n${goodRule}`, 'b.yaml': 'settings: { zone: UTC }' },
  ],
  inRule('4:13 config-not-yet', 'decode: sparkplug'),
]

/** Provoked by tests of their own, below or beside this file. */
const elsewhere = [
  'config-calendar',
  'config-no-broker',
  'config-too-many-rules',
  'config-directory',
  'config-too-many-files',
  'config-total-size',
  'config-too-deep',
  'config-symlink',
  'config-unreadable',
  'config-too-many-problems',
  'yaml-size',
]

describe('each code', () => {
  for (const [expected, files, env] of cases) {
    it(expected, () => {
      const given = expected.includes('alias-limit') ? { 'a.yaml': bomb.join('\n') } : files
      const workspace = new Workspace(given)
      const loaded = workspace.load(env)
      const code = expected.split(' ')[1]
      const told = places(loaded, workspace.directory)
      if (code === 'yaml-alias-limit') expect(told.map((place) => place.split(' ')[1])).toContain(code)
      else expect(told).toContain(expected)
      for (const { message, help, line, column } of loaded.problems) {
        expect(message).toMatch(/^[^a-z].*[.?!:…]$/s)
        expect(help ?? 'None.').toMatch(/^[^a-z].*[.?!:…]$/s)
        expect(line).toBeGreaterThan(0)
        expect(column).toBeGreaterThan(0)
      }
    })
  }

  it('is provoked', () => {
    const provoked = new Set([...cases.map(([expected]) => expected.split(' ')[1]), ...elsewhere])
    const codes = Object.keys(problemCatalogue).filter((code) => /^(config|yaml)-/.test(code))
    expect(codes.filter((code) => !provoked.has(code))).toEqual([])
  })
})

describe('the directory', () => {
  it('that does not exist, or is a file, is told with what to do', () => {
    const workspace = new Workspace({ 'a.yaml': goodRule })
    expect(new Workspace().load().configuration).toBeNull()
    for (const name of ['nowhere', 'a.yaml']) {
      const other = Object.assign(Object.create(workspace), { directory: workspace.path(name) })
      const [problem] = Workspace.prototype.load.call(other).problems
      expect(problem).toMatchObject({ code: 'config-directory', line: 1, column: 1, frame: '' })
      expect(problem?.help).toContain('Name the directory')
    }
  })

  it('has at most a thousand files', () => {
    const files = Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`${index}.yaml`, '']))
    expect(new Workspace(files).load().problems.map(({ code }) => code)).toContain('config-too-many-files')
  })

  it('has at most 32 MiB of them', () => {
    const megabyte = '#'.repeat(1_048_576)
    const files = Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`${index}.yaml`, megabyte]))
    expect(new Workspace(files).load().problems.map(({ code }) => code)).toContain('config-total-size')
  })

  it('is not nested deeper than 16', () => {
    const workspace = new Workspace({
      [`${'d/'.repeat(17)}a.yaml`]: goodRule,
      [`${'e/'.repeat(16)}a.yaml`]: goodRule,
    })
    const { problems, files } = workspace.load()
    expect(problems.map(({ code }) => code)).toEqual(['config-too-deep'])
    expect(files).toHaveLength(1)
  })

  it('may hold links to its own files, as Kubernetes mounts them, and no links that leave it', () => {
    const outside = new Workspace({ 'secret.yaml': 'password: hunter2', 'sub/b.yaml': goodRule })
    const workspace = new Workspace({ '..2026_01/rules.yaml': goodRule })
    symlinkSync('..2026_01', workspace.path('..data'))
    symlinkSync('..data/rules.yaml', workspace.path('rules.yaml'))
    symlinkSync('.', workspace.path('loop'))
    expect(workspace.load().problems).toEqual([])
    expect(workspace.load().configuration?.rules).toHaveLength(1)
    symlinkSync(outside.path('secret.yaml'), workspace.path('stolen.yaml'))
    symlinkSync(outside.path('sub'), workspace.path('sub'))
    symlinkSync('nowhere.yaml', workspace.path('dangling.yaml'))
    expect(places(workspace.load(), workspace.directory)).toEqual([
      'dangling.yaml:1:1 config-unreadable',
      'stolen.yaml:1:1 config-symlink',
      'sub:1:1 config-symlink',
    ])
    expect(workspace.report()).not.toContain('hunter2')
  })

  it('names what is no ordinary file', () => {
    const workspace = new Workspace({ 'a.yaml': goodRule })
    mkdirSync(workspace.path('b.yaml'))
    symlinkSync('/dev/zero', workspace.path('zero.yaml'))
    expect(places(workspace.load(), workspace.directory)).toEqual(['zero.yaml:1:1 config-symlink'])
    // Root may read everything, and then there is nothing to refuse.
    chmodSync(workspace.path('a.yaml'), 0o000)
    expect(workspace.load().files.length).toBe(process.getuid?.() === 0 ? 1 : 0)
  })
})

it('a file holds at most 500,000 values', () => {
  const workspace = new Workspace({ 'a.yaml': `rules: [${'0,'.repeat(510_000)}]` })
  expect(workspace.load().problems.map(({ code }) => code)).toEqual(['yaml-size'])
}, 60_000)
