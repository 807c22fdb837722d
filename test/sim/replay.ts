/** Runs a seed, and when it fails finds a smaller scenario that fails alike and tells its story. */
import { judge } from './oracle.ts'
import { makeScenario, type Scenario, withoutFaults } from './scenario.ts'
import { run, type Surroundings } from './world.ts'

/** Runs spent on making a failing scenario smaller. */
const shrinkLimit = 400
/** Lines of a story that are shown: its end is what matters. */
const storyLines = 120

export async function check(scenario: Scenario, surroundings: Surroundings = {}): Promise<string[]> {
  const reference = await run(withoutFaults(scenario))
  return judge(scenario, await run(scenario, surroundings), reference)
}

/** Null when all is well; else what is wrong, and the story of a small scenario in which it still is. */
export async function replay(seed: number, surroundings: Surroundings = {}): Promise<string | null> {
  const scenario = makeScenario(seed)
  const wrong = await check(scenario, surroundings)
  return wrong.length === 0 ? null : await explain(scenario, wrong, surroundings)
}

export async function explain(
  scenario: Scenario,
  wrong: readonly string[],
  surroundings: Surroundings = {},
): Promise<string> {
  const small = await shrink(scenario, kindOf(wrong), surroundings)
  const story: string[] = []
  const still = await check(small, { ...surroundings, tell: (line) => story.push(line) })
  const end = story.findIndex((line) => line.includes('from here on everything works'))
  const told = story.slice(Math.max(0, end - storyLines), end + storyLines / 2)
  return [
    `Seed ${scenario.seed} is wrong. To see it again: TOCSIN_SEED=${scenario.seed} npx vitest run test/sim`,
    ...wrong.slice(0, 10).map((line) => `  ${line}`),
    `The same with ${small.happenings.length} of ${scenario.happenings.length} happenings:`,
    ...still.slice(0, 5).map((line) => `  ${line}`),
    ...told,
  ].join('\n')
}

function kindOf(wrong: readonly string[]): string {
  return /^\D*/.exec(wrong[0] ?? '')?.[0].slice(0, 6) ?? ''
}

/** Leaves out happenings, many at once first, as long as it still fails alike. */
async function shrink(scenario: Scenario, kind: string, surroundings: Surroundings): Promise<Scenario> {
  let small = scenario
  let runs = 0
  for (let size = Math.ceil(small.happenings.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < small.happenings.length && runs < shrinkLimit; runs++) {
      const happenings = small.happenings.toSpliced(from, size)
      const wrong = await check({ ...small, happenings }, surroundings)
      if (wrong.some((line) => kindOf([line]) === kind)) small = { ...small, happenings }
      else from += size
    }
  }
  return small
}
