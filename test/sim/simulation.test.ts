/**
 * Nothing acknowledged is lost, and what comes at least once comes rarely twice, whatever breaks and whenever:
 * random rules and messages through the real engine, with crashes, cut links, failing disks and reloads anywhere.
 */
import { describe, expect, test } from 'vitest'
import { replay } from './replay.ts'
import { seedRanges } from './seeds.ts'

describe('whatever breaks, nothing is lost and nothing is made up', () => {
  test.each(seedRanges(1_000))(
    'with the seeds $first to $last',
    { timeout: 120_000 },
    async ({ first, last }) => {
      for (let seed = first; seed <= last; seed++) {
        const story = await replay(seed)
        if (story !== null) expect.fail(story)
      }
    },
  )
})
