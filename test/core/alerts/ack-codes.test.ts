/** The code of every conversation is one that an answer by text message can name. */
import { expect, test } from 'vitest'
import { parseReply } from '../../../src/channels/sms/replies.ts'
import type { GroupState } from '../../../src/core/alerts/group-state.ts'
import { AlertWorld, policyOf } from './alert-world.ts'

test('each of a thousand conversations has a code of its own, which is understood as people type it', async () => {
  const world = await AlertWorld.open({ policy: policyOf({ groupBy: ['device'] }) })
  await world.send(Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`d${index}`, 40])))
  const codes = (await world.slices<GroupState>('group/')).map(({ ackCode }) => ackCode)
  expect(new Set(codes).size).toBe(1_000)
  for (const code of codes) {
    expect(parseReply(`ack ${code.toLowerCase()}`)).toEqual({ kind: 'ack', code })
    expect(parseReply(`Resolve ${code}`)).toEqual({ kind: 'resolve', code })
  }
  expect(codes.filter((code) => code.length === 3).length).toBeGreaterThan(900)
})
