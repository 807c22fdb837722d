/** `tocsin eval`: tries a condition on a payload and shows what every part of it came to. */
import { styleText } from 'node:util'
import { compileExplained, type Explanation } from '../../core/conditions/explain.ts'
import { parseExpression } from '../../core/conditions/expression.ts'
import { truth, UNKNOWN } from '../../core/conditions/unknown.ts'
import { printable } from '../../core/printable.ts'
import type { Problem, Result } from '../../core/problem.ts'
import { type Scope, scopeRoots } from '../../core/rules/scope.ts'
import { textWidth } from '../../core/text-width.ts'
import { captureValues, type Filter, parseFilter } from '../../core/topics/filter.ts'
import { Matcher } from '../../core/topics/matcher.ts'
import { findZone } from '../../core/zone.ts'
import { defaultDecodeLimits } from '../../ports/decoder.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { readInput } from '../read-input.ts'
import { UsageError } from '../usage-error.ts'

export interface EvalOptions {
  readonly topic: string
  readonly filter?: string
  readonly decode: string
  readonly format: 'text' | 'json'
}

/** Standard input is read up to this size. */
const inputLimitBytes = 4 * 1024 * 1024

export async function evaluate(
  condition: string,
  payloadText: string,
  options: EvalOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stdout, stderr } = surroundings
  const logic = readCondition(condition)
  if (!logic.ok) return tell(condition, logic.problems, stderr)
  const filter = options.filter === undefined ? null : readFilter(options.filter, options.topic)
  const payload = decode(await readPayload(payloadText, surroundings), options.decode, parts)
  const zone = findZone(surroundings.zone)
  if (zone === null) throw new Error(`the platform does not know its own time zone ${surroundings.zone}`)
  const names = filter?.captures.map(({ name }) => name) ?? []
  const roots = scopeRoots(names, { value: false, window: false, with: false }, zone.localTime)
  const compiled = compileExplained(logic.value, roots)
  if (!compiled.ok) return tell(condition, compiled.problems, stderr)
  const nowMs = parts.clock.now()
  const scope: Scope = {
    payload,
    bytes: undefined,
    captures: filter === null ? [] : captureValues(filter, options.topic),
    value: undefined,
    topic: options.topic,
    qos: 1,
    retain: false,
    properties: null,
    receivedAt: nowMs,
    nowMs,
    prev: undefined,
    window: undefined,
    with: undefined,
  }
  const { explanation, shortened } = compiled.value(scope)
  const verdict = truth(explanation.value)
  if (options.format === 'json') {
    const shown = {
      verdict: verdict === UNKNOWN ? 'unknown' : verdict,
      jsonlogic: logic.value,
      ...plain(explanation),
    }
    stdout.write(`${JSON.stringify(shown, null, 2)}\n`)
    return 0
  }
  const colour = stdout.isTTY === true
  const lines = tree(explanation, '', '', colour)
  if (shortened) lines.push('… the rest is left out')
  const meaning =
    verdict === UNKNOWN
      ? 'unknown: a rule with this condition neither fires nor clears'
      : verdict
        ? 'true: a rule with this condition acts'
        : 'false: a rule with this condition does not act'
  stdout.write(`${lines.join('\n')}\n\n${meaning}\n`)
  return 0
}

function readCondition(text: string): Result<unknown> {
  if (!text.trimStart().startsWith('{')) return parseExpression(text)
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch {
    throw new UsageError('The condition begins with { and is no JSON. Write JsonLogic, or an expression.')
  }
}

function readFilter(text: string, topic: string): Filter {
  const parsed = parseFilter(text)
  if (!parsed.ok)
    throw new UsageError(parsed.problems.map(({ message, help }) => `${message}. ${help ?? ''}`).join('\n'))
  const matches = new Matcher([{ filter: parsed.value, value: true }]).match(topic).length > 0
  if (!matches)
    throw new UsageError(
      `The topic ${topic} does not match ${text}. Give the topic of the message with --topic.`,
    )
  return parsed.value
}

async function readPayload(text: string, { stdin }: Surroundings): Promise<Uint8Array> {
  if (text !== '-') return Buffer.from(text)
  const input = await readInput(stdin, inputLimitBytes)
  if (input === null) throw new UsageError('The payload on standard input is larger than 4 MiB.')
  return input
}

function decode(bytes: Uint8Array, name: string, parts: Parts): unknown {
  const decoder = parts.decoders.find((one) => one.name === name)
  if (decoder === undefined) {
    throw new UsageError(
      `There is no decoder ${name}. There is: ${parts.decoders.map((one) => one.name).join(', ')}.`,
    )
  }
  // A zero-byte payload is missing, not an error.
  if (bytes.length === 0) return undefined
  const prepared = decoder.prepare(defaultDecodeLimits)
  const decoded = prepared.ok ? prepared.value(bytes) : null
  if (decoded === null) throw new Error(`the decoder ${name} cannot be prepared`)
  if (!decoded.ok) throw new UsageError(`The payload cannot be decoded: ${decoded.failure.message}`)
  return decoded.value
}

function tell(text: string, problems: readonly Problem[], stderr: NodeJS.WritableStream): ExitCode {
  for (const { message, help, offset, code } of problems) {
    stderr.write(`error: ${message}\n`)
    if (offset !== undefined) {
      const before = textWidth(onOneLine(text.slice(0, offset)))
      stderr.write(`  ${onOneLine(text)}\n  ${' '.repeat(before)}^\n`)
    }
    if (help !== undefined) stderr.write(`  help: ${help}\n`)
    stderr.write(`  see docs/ERRORS.md#${code}\n`)
  }
  return 1
}

/** A blank for each sign that cannot be shown, so that a place in the text stays where it is. */
function onOneLine(text: string): string {
  return [...text].map(printable).join('')
}

function tree(part: Explanation, lead: string, indent: string, colour: boolean): string[] {
  const value = part.value === UNKNOWN ? 'unknown' : printable(JSON.stringify(part.value) ?? 'missing')
  const style =
    part.value === UNKNOWN ? 'yellow' : part.value === true ? 'green' : part.value === false ? 'red' : 'cyan'
  const shown = colour ? styleText(style, value, { validateStream: false }) : value
  const because = part.because === undefined ? '' : `  (${part.because})`
  const own = `${lead}${printable(part.text)}  =  ${shown}${because}`
  const children = part.children.flatMap((child, index) => {
    const last = index === part.children.length - 1
    return tree(child, `${indent}${last ? '└─ ' : '├─ '}`, `${indent}${last ? '   ' : '│  '}`, colour)
  })
  return [own, ...children]
}

function plain(part: Explanation): Record<string, unknown> {
  return {
    text: part.text,
    value: part.value === UNKNOWN ? null : part.value,
    unknown: part.value === UNKNOWN,
    ...(part.because === undefined ? {} : { because: part.because }),
    parts: part.children.map(plain),
  }
}
