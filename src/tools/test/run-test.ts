/** Runs one test: its steps in order, until the first whose expectations are not met. */
import type { MessageProperties } from '../../core/message.ts'
import type { Program } from '../../core/program.ts'
import type { CompiledRule } from '../../core/rules/compiled-rule.ts'
import type { Store } from '../../ports/store.ts'
import { carryOut } from './answers.ts'
import { listsOf, type Mismatch, mismatches } from './compare.ts'
import type { Reach } from './recorded-channels.ts'
import type { PlacedStep, RuleTest } from './test-files.ts'
import type { TestStep } from './test-schema.ts'
import { type Decided, type Happened, type SentMessage, VirtualWorld, WorldFailure } from './virtual-world.ts'

export interface RunDependencies {
  readonly rules: readonly CompiledRule[]
  makeProgram(rules: readonly CompiledRule[]): Program
  /** Names of the brokers; the first is the default. */
  readonly brokers: readonly string[]
  createStore(): Store
  /** How people are reached; nobody is unless given. */
  readonly reach?: Reach | undefined
}

export interface TestResult {
  readonly test: RuleTest
  readonly tookMs: number
  /** Null when all was as expected. */
  readonly failure: TestFailure | null
}

export interface TestFailure {
  /** `file:line` */
  readonly place: string
  /** Virtual time, ms since the start of the test. */
  readonly atMs: number
  /** In words, when the test could not go on. */
  readonly message: string | null
  readonly mismatches: readonly Mismatch[]
  /** The latest messages and what the rules made of them. */
  readonly decided: readonly Decided[]
  /** What else went wrong meanwhile, in words. */
  readonly notes: readonly string[]
}

export async function runTest(test: RuleTest, deps: RunDependencies): Promise<TestResult> {
  const began = performance.now()
  const rules =
    test.rules === undefined ? deps.rules : deps.rules.filter(({ id }) => test.rules?.includes(id))
  const program = deps.makeProgram(rules)
  const world = new VirtualWorld({
    program,
    ...(deps.reach === undefined ? {} : { reach: deps.reach }),
    brokers: deps.brokers,
    store: deps.createStore(),
    startMs: test.start,
  })
  let failure: TestFailure | null = null
  let current: PlacedStep | undefined
  try {
    for (const { broker, ...message } of test.retained ?? []) {
      const { qos = 1 } = message
      world.broker(broker).receive({ ...message, qos, payload: payloadOf(message), retain: true })
    }
    await world.start()
    for (const step of test.steps) {
      current = step
      failure = await runStep(step, world, program)
      if (failure !== null) break
    }
  } catch (error) {
    if (!(error instanceof WorldFailure)) throw error
    failure = {
      place: current?.place() ?? `${test.file}:${test.line}`,
      atMs: world.elapsedMs,
      message: error.message,
      mismatches: [],
      ...hints(world.take()),
    }
  }
  return { test, tookMs: performance.now() - began, failure }
}

async function runStep(step: PlacedStep, world: VirtualWorld, program: Program): Promise<TestFailure | null> {
  await world.advanceTo(step.atMs)
  if (typeof step.link === 'string') await world.setLink(step.link === 'up')
  else for (const [name, link] of Object.entries(step.link ?? {})) await world.setLink(link === 'up', name)
  if (step.restart !== undefined) await world.restart(step.restart)
  if (step.clock !== undefined) await world.jumpClock(step.clock)
  if (step.forget !== undefined) {
    const { rule: id, key } = step.forget
    const names = program.rule(id)?.key.names ?? []
    const known = await world.forget(
      id,
      names.map((name) => key[name] ?? ''),
    )
    if (!known) {
      const message = `nothing is known of this key of ${id}, so that it cannot be forgotten`
      return stopped(step.place('forget'), message, world)
    }
  }
  for (const [channel, condition] of Object.entries(step.channel ?? {}))
    world.channels.set(channel, condition)
  const refusal = await carryOut(step, world, program)
  if (refusal !== null) return stopped(step.place(refusal.key), refusal.message, world)
  for (const message of step.send ?? []) await world.send(sentMessage(message))
  for (const { broker, topic, payload } of step.acknowledge ?? []) {
    const sent = await world.acknowledge(topic, payload, broker)
    if (!sent)
      return stopped(step.place('acknowledge'), `no command waits for an acknowledgement on ${topic}`, world)
  }
  if (step.expect === undefined) return null
  const happened = world.take()
  const found = mismatches(step.expect, listsOf(happened, await world.states(), await world.alerts()))
  const [first] = found
  if (first === undefined) return null
  return {
    place: step.place('expect', ...first.path),
    atMs: world.elapsedMs,
    message: null,
    mismatches: found,
    ...hints(happened),
  }
}

/** A step that could not be done. */
function stopped(place: string, message: string, world: VirtualWorld): TestFailure {
  return { place, atMs: world.elapsedMs, message, mismatches: [], ...hints(world.take()) }
}

type Sent = NonNullable<TestStep['send']>[number]

function sentMessage(written: Sent): SentMessage {
  const { content_type, response_topic, correlation_data, user_properties, ...message } = written
  const properties: MessageProperties = {
    ...(content_type === undefined ? {} : { contentType: content_type }),
    ...(response_topic === undefined ? {} : { responseTopic: response_topic }),
    ...(correlation_data === undefined ? {} : { correlationData: Buffer.from(correlation_data) }),
    ...(user_properties === undefined ? {} : { userProperties: Object.entries(user_properties) }),
  }
  const known = Object.keys(properties).length > 0 ? { properties } : {}
  return { ...message, payload: payloadOf(written), ...known }
}

/** Text as it is, anything else as JSON, nothing as no bytes. */
function payloadOf({ payload, raw }: Pick<Sent, 'payload' | 'raw'>): Uint8Array {
  if (raw !== undefined) return Buffer.from(raw, 'base64')
  if (payload === undefined) return new Uint8Array()
  return Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))
}

const shownDecisions = 5

function hints(happened: Happened): Pick<TestFailure, 'decided' | 'notes'> {
  return {
    decided: happened.decided.slice(-shownDecisions),
    notes: [
      ...happened.notices.map(({ rule, message }) => `${rule}: ${message}`),
      ...happened.deadLetters.map(({ topic, message }) => `${topic} could not be read: ${message}`),
      ...happened.refused.map(({ what, message }) => `${what} was refused: ${message}`),
      ...new Set(happened.unsent),
      ...happened.troubles.map(({ message }) => message),
    ],
  }
}
