/** Asks the Tocsin that runs on the broker of a configuration, and tells in words when it cannot be asked. */
import type { Settings } from '../config/configuration.ts'
import { answersBelow, makeMayAnswer } from '../core/requests/answer-place.ts'
import type { Answered } from '../tools/request/answered.ts'
import { connectRequester } from '../tools/request/request.ts'
import type { Requests } from '../tools/request/requests.ts'
import { brokerOptions } from './broker-options.ts'
import { fallbackHint, homeBroker } from './home-broker.ts'
import type { Parts, Surroundings } from './parts.ts'
import { problemReport } from './problem-report.ts'
import { load, requestBroker } from './service.ts'

/** How a command is told about its broker and its patience. */
export interface AskOptions {
  readonly format: 'text' | 'json'
  readonly timeoutMs: number
}

export type Outcome<T> =
  | { readonly kind: 'answer'; readonly value: T; readonly settings: Settings }
  /** Tocsin answered with an error. */
  | { readonly kind: 'error'; readonly code: string; readonly message: string }
  /** Nobody answered, or the broker cannot be reached. */
  | { readonly kind: 'silence'; readonly message: string; readonly help: string; readonly settings: Settings }
  /** The configuration names no broker that could be used; the report says why. */
  | { readonly kind: 'unusable'; readonly report: string }

/** Nobody asked, as far as these go; everything else is an answer. */
const silences = new Set(['timeout', 'nobody-listens', 'refused', 'link-lost'])

/** A connection over which several things can be asked. */
export interface Conversation {
  ask<V extends keyof Requests>(verb: V, input: Requests[V]['input']): Promise<Outcome<Requests[V]['answer']>>
  close(): Promise<void>
}

/** Asks one thing. */
export async function ask<V extends keyof Requests>(
  directory: string,
  verb: V,
  input: Requests[V]['input'],
  options: Pick<AskOptions, 'timeoutMs'>,
  parts: Parts,
  surroundings: Surroundings,
): Promise<Outcome<Requests[V]['answer']>> {
  const begun = await converse(directory, options, parts, surroundings)
  if (begun.kind !== 'conversation') return begun
  const outcome = await begun.conversation.ask(verb, input)
  await begun.conversation.close()
  return outcome
}

/** Connects, to ask more than one thing. */
export async function converse(
  directory: string,
  { timeoutMs }: Pick<AskOptions, 'timeoutMs'>,
  parts: Parts,
  surroundings: Surroundings,
): Promise<
  | { readonly kind: 'conversation'; readonly conversation: Conversation }
  | Extract<Outcome<never>, { readonly kind: 'silence' | 'unusable' }>
> {
  const { configuration, sound, problems, secrets } = load(directory, parts, surroundings)
  const { settings } = sound
  const written = sound.brokers.get(requestBroker(sound.brokers) ?? '')
  if (written === undefined && configuration === null) {
    return {
      kind: 'unusable',
      report: problemReport(problems, { colour: surroundings.stderr.isTTY === true }),
    }
  }
  const broker = written ?? homeBroker(surroundings)
  const hint = written === undefined ? fallbackHint(directory, surroundings) : null
  const silence = (message: string, help: string) => {
    const advice = secrets.redact(hint === null ? help : `${help} ${hint}`)
    return { kind: 'silence', message: secrets.redact(message), help: advice, settings } as const
  }
  if (!makeMayAnswer(settings.respondTo)(`${answersBelow}any`)) {
    return silence(
      'The settings let no answer go to response/…, where this command listens.',
      'Add response/# to `respond_to` under `settings`, and start Tocsin again.',
    )
  }
  const { name: _, clientId: __, ...options } = brokerOptions('request', broker)
  const connected = await connectRequester(options, { clock: parts.clock })
  if (!connected.ok) return silence(connected.failure.message, connected.failure.help)
  const { requester } = connected
  const conversation: Conversation = {
    async ask<V extends keyof Requests>(verb: V, input: Requests[V]['input']) {
      const answered: Answered<Requests[V]['answer']> = await requester.ask(verb, input, { timeoutMs })
      if (answered.ok) return { kind: 'answer', value: answered.value, settings }
      const { code, message } = answered.error
      if (!silences.has(code)) return { kind: 'error', code, message }
      const help =
        code === 'timeout' || code === 'nobody-listens'
          ? `Start it with \`tocsin run ${directory}\`. If it runs, see that it uses the broker ${requester.url}, and that this user may publish to tocsin/request/# and hear response/#.`
          : 'The access list of the broker decides what this user may do.'
      return silence(message, help)
    },
    close: () => requester.close(),
  }
  return { kind: 'conversation', conversation }
}

/** Items of one page at most. */
const pageLimit = 100

/** Asks page after page, until there are `limit` items or no more: `next` of the answer is not null when there are more. */
export async function askPages<Item, Answer extends Page<Item>>(
  limit: number,
  ask: (page: { readonly limit: number; readonly after: string | undefined }) => Promise<Outcome<Answer>>,
): Promise<Outcome<Answer>> {
  const items: Item[] = []
  for (let after: string | undefined; ; ) {
    const page = await ask({ limit: Math.min(pageLimit, limit - items.length), after })
    if (page.kind !== 'answer') return page
    items.push(...page.value.items)
    const { next } = page.value
    if (next === null || items.length >= limit) return { ...page, value: { ...page.value, items } }
    after = next
  }
}

interface Page<Item> {
  readonly items: readonly Item[]
  readonly next: string | null
}

/** Tells why there is no answer; the exit code is 1 then. */
export function tellSilence(
  outcome: Exclude<Outcome<unknown>, { readonly kind: 'answer' }>,
  { stderr }: Surroundings,
): 1 {
  if (outcome.kind === 'unusable') stderr.write(outcome.report)
  else if (outcome.kind === 'error') stderr.write(`${outcome.message}\n`)
  else stderr.write(`${outcome.message}\nhelp: ${outcome.help}\n`)
  return 1
}
