/** The simulation's long form: other seeds than the short one, and a hundred times as many. */
import { describe, expect, test } from 'vitest'
import { replay } from './replay.ts'
import { seedRanges } from './seeds.ts'

const beyondShort = 1_000_000

describe('whatever breaks, nothing is lost and nothing is made up, for long', () => {
  test.each(seedRanges(100_000))('with the seeds $first to $last', async ({ first, last }) => {
    for (let seed = first; seed <= last; seed++) {
      const story = await replay(first === last ? seed : beyondShort + seed)
      if (story !== null) expect.fail(story)
    }
  })
})
