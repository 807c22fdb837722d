// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule language.
/**
 * Commands whatever breaks and whenever: each ends, in one way only, and is not sent after its end. The devices are
 * rules of the same engine, so that what they answer is late, comes twice or not at all.
 */
import { expect, test } from 'vitest'
import type { RuleParts } from '../support/rules.ts'
import { makeScenario, type Scenario } from './scenario.ts'
import { seedRanges } from './seeds.ts'
import { type Output, run } from './world.ts'

const end = (how: string) => [
  { publish: { topic: 'out/end', payload: { command: '{{ command.id }}', n: '{{ payload.id }}', how } } },
]

const commander: RuleParts & { id: string } = {
  id: 'commander',
  topic: 'in/+d',
  when: 'payload.id >= 0',
  then: [
    {
      command: {
        topic: 'devices/{{ d }}/command',
        payload: { n: '{{ payload.id }}' },
        id: 'id',
        ack: { topic: 'devices/{{ d }}/ack' },
        within: '800ms',
        retries: 2,
        on_ack: end('acknowledged'),
        on_timeout: end('timed out'),
      },
    },
  ],
}

/** Every fourth command is not understood. */
const device: RuleParts & { id: string } = {
  id: 'device',
  topic: 'devices/+d/command',
  when: 'payload.n % 4 != 0',
  then: [{ publish: { topic: 'devices/{{ d }}/ack', payload: { id: '{{ payload.id }}' } } }],
}

function scenarioOf(seed: number): Scenario {
  const scenario = makeScenario(seed)
  const rules = [commander, device].map((parts) => ({ timeClass: 'B' as const, parts }))
  return { ...scenario, rules }
}

/** Everything that is wrong, in words. */
async function check(seed: number): Promise<string[]> {
  const scenario = scenarioOf(seed)
  const { outputs, faults, slices, acknowledged } = await run(scenario)
  const wrong = [...faults]
  const ends = new Map<string, Set<string>>()
  const ended = new Set<string>()
  const read = ({ text }: Output) => JSON.parse(text) as Record<string, string>
  for (const output of outputs) {
    if (output.topic === 'out/end') {
      const { command = '', n, how = '' } = read(output)
      ends.set(command, (ends.get(command) ?? new Set()).add(how))
      ended.add(String(n))
    } else if (output.topic.endsWith('/command')) {
      const { id = '' } = read(output)
      if (ends.has(id)) wrong.push(`${id} is sent after its end`)
    }
  }
  for (const [id, ways] of ends) if (ways.size > 1) wrong.push(`${id} ends as ${[...ways].join(' and ')}`)
  for (const output of outputs) {
    if (!output.topic.endsWith('/command')) continue
    const { id = '' } = read(output)
    if (!ends.has(id)) wrong.push(`${id} has no end`)
  }
  for (const happening of scenario.happenings) {
    if (happening.kind !== 'send' || !happening.message.topic.startsWith('in/')) continue
    const { payload } = happening.message
    const n = /^\{.*"id": ?(\d+).*\}$/.exec(payload)?.[1]
    if (n === undefined || !acknowledged.has(payload) || ended.has(n)) continue
    wrong.push(`the message ${payload} was acknowledged and commands nothing`)
  }
  const waiting = slices.filter(({ id }) => id.startsWith('command/'))
  if (waiting.length > 0) wrong.push(`${waiting.length} topics of commands that still wait`)
  const count = slices.find(({ id }) => id === 'commands')?.data as { waiting: number } | undefined
  if ((count?.waiting ?? 0) !== 0) wrong.push(`${count?.waiting} commands count as waiting`)
  return wrong
}

test.each(seedRanges(40))(
  'with the seeds $first to $last each command ends once',
  { timeout: 60_000 },
  async ({ first, last }) => {
    for (let seed = first; seed <= last; seed++) {
      const wrong = await check(seed)
      expect(wrong, `TOCSIN_SEED=${seed} npx vitest run test/sim/commands`).toEqual([])
    }
  },
)
