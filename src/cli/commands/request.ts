/** `tocsin request TOPIC [JSON] [DIR]`: asks whoever answers on a topic, and prints the answer. */
import { printable } from '../../core/printable.ts'
import { checkTopicName } from '../../core/topics/filter.ts'
import { errorOf } from '../../tools/request/error-answer.ts'
import { type Answer, connectTo } from '../../tools/request/requester.ts'
import { defaultDirectory, isDirectory } from '../arguments.ts'
import { brokerOptions } from '../broker-options.ts'
import { findBroker } from '../home-broker.ts'
import { type AskFlags, defaultWaitMs } from '../options.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { readInput } from '../read-input.ts'
import { UsageError } from '../usage-error.ts'

export interface RequestFlags extends AskFlags {
  readonly url?: string
  readonly broker?: string
  readonly protocol?: 'auto' | '5' | '3.1.1'
}

/** As much as a request may have. */
const inputLimitBytes = 1_048_576

/** `text`: JSON, or `-` for standard input. `directory`: null when none was named. */
export async function request(
  topic: string,
  text: string,
  directory: string | null,
  flags: RequestFlags,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stderr } = surroundings
  checkTopic(topic)
  // Who asks for nothing in particular may leave out the JSON.
  if (directory === null && !isJson(text) && isDirectory(text))
    return request(topic, '{}', text, flags, parts, surroundings)
  const json = text === '-' ? await readRequest(surroundings) : text
  checkJson(json)
  const found = findBroker(
    { directory, url: flags.url, name: flags.broker },
    defaultDirectory,
    parts,
    surroundings,
  )
  if (!found.ok) {
    stderr.write(found.report)
    return 1
  }
  const tell = (message: string, help: string) => {
    stderr.write(found.redact(`${printable(message)}\nhelp: ${printable(help)}\n`))
    return 1 as const
  }
  const { name: _, clientId: __, ...options } = brokerOptions('request', found.broker)
  const connected = await connectTo({ ...options, protocol: flags.protocol ?? options.protocol }, parts.clock)
  const { hint } = found
  const withHint = (help: string) => (hint === null ? help : `${help} ${hint}`)
  if (!connected.ok) return tell(connected.failure.message, withHint(connected.failure.help))
  const { requester } = connected
  const answered = await requester.ask(topic, json, { timeoutMs: flags.timeout ?? defaultWaitMs })
  await requester.close()
  if (answered.ok) return show(answered.value, flags.format, surroundings)
  const { code, message } = answered.error
  if (code === 'bad-request' || code === 'too-large') throw new UsageError(message)
  return tell(message, withHint(helpOn(code, requester.url)))
}

function checkTopic(topic: string): void {
  const wrong = checkTopicName(topic)
  if (wrong !== null) throw new UsageError(`${wrong.message}. ${wrong.help ?? ''}`.trim())
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function checkJson(text: string): void {
  try {
    JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? printable(error.message) : ''
    throw new UsageError(
      `What is asked is no JSON: ${reason}.\nWrite it after the topic, in single quotes, such as '{"device": "g7"}'; a directory comes after it.`,
    )
  }
}

async function readRequest({ stdin }: Surroundings): Promise<string> {
  const input = await readInput(stdin, inputLimitBytes)
  if (input === null) throw new UsageError('The request on standard input is larger than 1 MiB.')
  return input.toString()
}

function helpOn(code: string, url: string): string {
  switch (code) {
    case 'timeout':
    case 'nobody-listens':
      return `See that who answers runs, uses the broker ${url} and this topic, and answers to the response topic of MQTT 5 or to response/<request_id>.`
    case 'needs-mqtt-5':
      return 'Write what is asked as a field, such as \'{"data": 22}\'.'
    default:
      return 'The log of the broker may say more.'
  }
}

function show(
  { payload, json }: Answer,
  format: 'text' | 'json',
  { stdout, stderr }: Surroundings,
): ExitCode {
  if (format === 'json' && json === undefined) {
    stderr.write('The answer is no JSON. Without --format json it is printed as it is.\n')
    return 1
  }
  if (format === 'json') stdout.write(`${onOneLine(textOf(payload))}\n`)
  else if (stdout.isTTY === true) stdout.write(`${forPeople(payload, json)}\n`)
  else {
    stdout.write(payload)
    if (payload.at(-1) !== newline) stdout.write('\n')
  }
  const reason = errorOf(json)
  if (reason === null) return 0
  stderr.write(`The answer is an error${reason === '' ? '.' : `: ${printable(reason)}`}\n`)
  return 1
}

const newline = 0x0a

/** Nothing in it steers a terminal. */
function forPeople(payload: Uint8Array, json: unknown): string {
  if (payload.length === 0) return '(empty)'
  const text = json === undefined ? textOf(payload) : (laidOut(json) ?? textOf(payload))
  return text.split('\n').map(printable).join('\n')
}

/** Null when it is nested too deeply. */
function laidOut(json: unknown): string | null {
  try {
    return JSON.stringify(json, null, 2)
  } catch {
    return null
  }
}

/** JSON has line breaks only between its parts: numbers and all else stay as they were written. */
function onOneLine(json: string): string {
  return json.trimStart().replace(/[\r\n\t]+/g, ' ')
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload).toString().trimEnd()
}
