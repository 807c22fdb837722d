/** Every example of the documentation does what the page says it does. */
import { describe, expect, test } from 'vitest'
import { actions } from '../../src/actions/index.ts'
import { problemReport } from '../../src/cli/problem-report.ts'
import { UNKNOWN } from '../../src/core/conditions/unknown.ts'
import { lintRules } from '../../src/core/lint/lint-rules.ts'
import { type Scope, scopeRoots } from '../../src/core/rules/scope.ts'
import { compileSource } from '../../src/core/rules/source.ts'
import { compileText } from '../../src/core/templates/text.ts'
import { compileValue } from '../../src/core/templates/value.ts'
import { findZone } from '../../src/core/zone.ts'
import { decoders } from '../../src/decoders/index.ts'
import { defaultDecodeLimits } from '../../src/ports/decoder.ts'
import { Workspace } from '../config/workspace.ts'
import { makeDirectory, tocsin } from '../support/tocsin.ts'
import { type Example, examplesOf, pageNames, readPage, rowsOf } from './pages.ts'

const examples = pageNames.flatMap(examplesOf)
const ofKind = (kind: string) =>
  examples
    .filter((example) => example.kind === kind)
    .map((example) => [`${example.page}:${example.line}`, example] as const)

/** What the examples' `${env:…}` and `${file:…}` find. */
const env = {
  MQTT_URL: 'mqtt://broker.example.com:1883',
  MQTT_PASSWORD: 'secret-of-the-docs',
  CLOUD_PASSWORD: 'secret-of-the-cloud',
  SMTP_URL: 'smtp://mail.example.com',
  SMTP_PASSWORD: 'secret-of-the-mail',
  TWILIO_SID: `AC${'0'.repeat(32)}`,
  TWILIO_AUTH_TOKEN: 'secret-of-the-texts',
  CHAT_URL: 'https://hooks.example.com/secret-of-the-chat',
  PAGERDUTY_KEY: 'secret-of-the-pager',
  BOT_TOKEN: '123:secret-of-the-bot',
  HOOK_SECRET: 'secret-of-the-hook',
}
const readSecretFile = () => ({ ok: true, text: 'secret-of-a-file' }) as const

/** A rule of the examples on `sensors/+device/data`, and the moment they are evaluated: a Friday night in Berlin. */
const zone = findZone('Europe/Berlin')!
const nowMs = Date.UTC(2026, 10, 20, 22, 15)
const roots = scopeRoots(['device', 'rest'], { value: false, window: false, with: false }, zone.localTime)

function scopeOf(payloadText: string): Scope {
  return {
    payload: decode('auto', payloadText),
    bytes: undefined,
    captures: ['g1', 'hall/north'],
    value: undefined,
    topic: 'sensors/g1/data',
    qos: 1,
    retain: false,
    properties: null,
    receivedAt: nowMs,
    nowMs,
    prev: { payload: { temperature: 30 }, value: 30, age: 90_000 },
    window: undefined,
    with: undefined,
  }
}

function decode(name: string, text: string): unknown {
  if (text === '' || text === '(empty)') return undefined
  const prepared = decoders.find((one) => one.name === name)?.prepare(defaultDecodeLimits)
  if (prepared?.ok !== true) throw new Error(`no decoder ${name}`)
  const decoded = prepared.value(Buffer.from(text))
  return decoded.ok ? decoded.value : 'dead letter'
}

function load(text: string) {
  const workspace = new Workspace({ 'example.yaml': text })
  const loaded = workspace.load(env, { readSecretFile, lintRules })
  // An example may show one section alone: who is told of its alerts stands elsewhere.
  const elsewhere = ['config-no-rules', 'alert-without-policy', 'receiver-unused', 'receiver-undeliverable']
  const problems = loaded.problems.filter(({ code }) => !elsewhere.includes(code))
  const report = problemReport(problems, { colour: false }).replaceAll(workspace.directory, 'rules')
  return { problems, report }
}

test('every block of YAML says how it is checked', () => {
  const known = ['check', 'problem', 'rulestest', 'unchecked']
  const unmarked = examples.filter(({ language, kind }) => language === 'yaml' && !known.includes(kind))
  expect(unmarked.map(({ page, line }) => `${page}:${line}`)).toEqual([])
  expect(ofKind('check').length).toBeGreaterThan(10)
})

describe('configuration that is good', () => {
  test.each(ofKind('check'))('%s', (_, { text }) => {
    expect(load(text).report).toBe('')
  })
})

describe('mistakes, with the reports that are shown for them', () => {
  test.each(ofKind('problem'))('%s', (_, example) => {
    const { problems, report } = load(example.text)
    expect(problems.map(({ code }) => code)).toEqual(example.argument.split(', '))
    const next = examples[examples.indexOf(example) + 1]
    if (next?.kind === 'report') expect(report.trim()).toBe(next.text.trim())
  })

  test('every report stands below its mistake', () => {
    const lost = examples.filter(
      ({ kind }, index) => kind === 'report' && examples[index - 1]?.kind !== 'problem',
    )
    expect(lost).toEqual([])
  })
})

describe('tables of expressions', () => {
  const rows = ofKind('expressions').flatMap(([place, { text }]) =>
    rowsOf(text).map(([expression = '', payload = '', result = '']) => [expression, payload, result, place]),
  )
  test.each(rows)('%s on %s is %s', (expression, payload, result) => {
    const source = expression?.startsWith('{') ? JSON.parse(expression) : (expression ?? '')
    const compiled = compileSource(source, roots)
    if (!compiled.ok) {
      expect(result).toBe(compiled.problems[0]?.code)
      return
    }
    const value = compiled.value.run(scopeOf(payload ?? ''))
    expect(value === UNKNOWN ? 'unknown' : value).toEqual(
      result === 'unknown' ? result : JSON.parse(result ?? ''),
    )
  })
})

describe('tables of expressions and the same as JsonLogic', () => {
  const rows = ofKind('jsonlogic').flatMap(([, { text }]) => rowsOf(text))
  test.each(rows)('%s is %s', async (expression, logic) => {
    const { parseExpression } = await import('../../src/core/conditions/expression.ts')
    const parsed = parseExpression(expression ?? '')
    expect(parsed.ok && parsed.value).toEqual(JSON.parse(logic ?? ''))
  })
})

describe('tables of templates', () => {
  const rows = ofKind('templates').flatMap(([, { text, argument }]) =>
    rowsOf(text).map(([template = '', payload = '', result = '']) => [argument, template, payload, result]),
  )
  test.each(rows)('in a %s: %s on %s gives %s', (where, template = '', payload = '', result = '') => {
    const options = { zone: zone.name, keepLevels: new Set(['rest']) }
    if (where === 'payload') {
      const compiled = compileValue(template, roots, options)
      if (!compiled.ok) throw new Error(compiled.problems[0]?.message)
      const rendered = compiled.value.render(scopeOf(payload), nowMs)
      expect(rendered.ok && rendered.value).toEqual(JSON.parse(result))
      return
    }
    if (where !== 'text' && where !== 'topic' && where !== 'file') throw new Error(`no mode ${where}`)
    const compiled = compileText(template, roots, where, options)
    if (!compiled.ok) {
      expect(compiled.problems[0]?.code).toBe(result)
      return
    }
    const rendered = compiled.value.render(scopeOf(payload), nowMs)
    expect(rendered.ok ? rendered.text : 'nothing is sent').toBe(result)
  })
})

describe('tables of decoders', () => {
  const rows = ofKind('decoders').flatMap(([, { text }]) => rowsOf(text))
  test.each(rows)('%s reads %s as %s', (name = '', payload = '', result = '') => {
    const value = decode(name, payload)
    expect(value ?? 'missing').toEqual(/^(missing|dead letter)$/.test(result) ? result : JSON.parse(result))
  })
})

describe('sessions at the terminal', () => {
  test.each(ofKind('eval'))('%s', async (_, { text }) => {
    for (const session of text.split(/^\$ tocsin /m).slice(1)) {
      const [command = '', ...output] = session.split('\n')
      const { stdout, stderr } = await tocsin(wordsOf(command))
      expect(`${stdout}${stderr}`.trim()).toBe(output.join('\n').trim())
    }
  })
})

/** As a shell splits a command into words; only plain words and single quotes are understood. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
}

describe('rules with their tests', () => {
  const pairs = ofKind('rulestest')
  test.skipIf(pairs.length === 0).each(pairs)('%s', async (_, example: Example) => {
    const rules = examples[examples.indexOf(example) - 1]
    const directory = makeDirectory({ 'example.yaml': rules?.text ?? '', 'example.test.yaml': example.text })
    try {
      const { code, stdout, stderr } = await tocsin(['test', directory.path])
      expect(code, `${stdout}${stderr}`).toBe(0)
    } finally {
      directory.remove()
    }
  })
})

test('every action has a section of its own', () => {
  const sections = [...readPage('docs/language.md').matchAll(/^### ([A-Z][a-z]+)$/gm)].map(([, name]) => name)
  const names = actions.map(({ name }) => `${name[0]?.toUpperCase()}${name.slice(1)}`)
  expect(sections).toEqual(expect.arrayContaining(names))
})
