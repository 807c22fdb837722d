/** Messages that read a state and left it: marked with the commit that changes it, for they may come again. */
import { expect, test } from 'vitest'
import { Draft } from '../../src/core/state.ts'
import { Bystanders } from '../../src/engine/bystanders.ts'

const markOf = (name: string) => (draft: Draft) => draft.write(`mark/default/${name}`, {})

function commitOf(bystanders: Bystanders, slice: string, atMs: number): string[] {
  const draft = new Draft(() => undefined)
  draft.write(slice, {})
  bystanders.mark(draft, atMs)
  return [...draft.changes.keys()].filter((id) => id.startsWith('mark/'))
}

test('who read the state that changes is marked, and only once', () => {
  const bystanders = new Bystanders()
  bystanders.add(['rule/a/1', 'keys/a', 'link/default'], markOf('1'), 0)
  bystanders.add(['rule/b/1', 'keys/b', 'link/default'], markOf('2'), 0)
  expect(commitOf(bystanders, 'link/default', 10)).toEqual([])
  expect(commitOf(bystanders, 'rule/a/1', 10)).toEqual(['mark/default/1'])
  bystanders.committed()
  expect(commitOf(bystanders, 'rule/a/1', 20)).toEqual([])
  expect(commitOf(bystanders, 'rule/b/1', 20)).toEqual(['mark/default/2'])
})

test('a commit that fails leaves them to the next one', () => {
  const bystanders = new Bystanders()
  bystanders.add(['rule/a/1'], markOf('1'), 0)
  expect(commitOf(bystanders, 'rule/a/1', 10)).toEqual(['mark/default/1'])
  expect(commitOf(bystanders, 'rule/a/1', 20)).toEqual(['mark/default/1'])
})

test('they are forgotten once the broker has their acknowledgement, and bounded', () => {
  const bystanders = new Bystanders()
  bystanders.add(['rule/a/1'], markOf('old'), 0)
  expect(commitOf(bystanders, 'rule/a/1', 5_001)).toEqual([])
  for (let number = 0; number < 5_000; number++) bystanders.add(['rule/a/1'], markOf(String(number)), 6_000)
  const marks = commitOf(bystanders, 'rule/a/1', 6_000)
  expect(marks).toHaveLength(2_000)
  expect(marks.at(-1)).toBe('mark/default/4999')
})
