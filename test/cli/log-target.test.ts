import { expect, test } from 'vitest'
import { logTarget } from '../../src/cli/log-target.ts'
import type { Trouble } from '../../src/ports/observer.ts'
import { csv, useLogFolder } from '../files/log-folder.ts'

const folder = useLogFolder()

test('why lines wait is told, once a minute', async () => {
  const troubles: Trouble[] = []
  let nowMs = 1_000
  const writer = folder.writer({ limits: { waitingLines: 1 } })
  const target = logTarget(writer, { trouble: (one) => troubles.push(one) }, { now: () => nowMs })
  /** The second comes too early. */
  const twoAtOnce = () => Promise.all([1, 2].map((n) => target.deliver(csv('s.csv', { n }), null)))
  expect(await twoAtOnce()).toMatchObject([{ ok: true }, { ok: false, kind: 'temporary' }])
  expect(troubles).toEqual([
    {
      kind: 'log',
      message: expect.stringContaining('waiting for the disk'),
      help: expect.stringContaining('tried again'),
    },
  ])
  await twoAtOnce()
  expect(troubles).toHaveLength(1)
  nowMs += 60_000
  await twoAtOnce()
  expect(troubles).toHaveLength(2)
  await target.deliver(csv('../s.csv', { n: 1 }), null)
  expect(troubles).toHaveLength(2)
})
