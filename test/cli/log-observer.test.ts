/** The log tells what goes wrong, but a flood of it is not a flood of lines. */
import { expect, it } from 'vitest'
import { createLogger, logObserver } from '../../src/cli/log-observer.ts'

it('tells of bad messages once in a while, with their number', () => {
  const lines: string[] = []
  let nowMs = 0
  const logger = createLogger({ write: (text) => lines.push(text) }, 'info', (text) => text)
  const observer = logObserver(logger, () => nowMs)
  const letter = {
    broker: 'default',
    payload: Buffer.from('{'),
    reason: 'syntax',
    message: 'no JSON',
    atMs: 0,
  }
  for (let count = 0; count < 1_000; count++)
    observer.deadLetter({ ...letter, topic: `in/${count}`, rules: ['a'] })
  observer.deadLetter({ ...letter, topic: 'other', rules: ['b'] })
  nowMs = 10_000
  observer.deadLetter({ ...letter, topic: 'in/last', rules: ['a'] })
  const told = lines.map((line) => JSON.parse(line))
  expect(told.map(({ topic }) => topic)).toEqual([
    ...Array.from({ length: 20 }, (_, index) => `in/${index}`),
    'other',
    'in/last',
  ])
  expect(told.at(-1)).toMatchObject({ level: 'warn', more_since: 980, rules: ['a'], msg: 'no JSON' })
})

it('tells of what a rule leaves undone once in a while', () => {
  const lines: string[] = []
  let nowMs = 0
  const logger = createLogger({ write: (text) => lines.push(text) }, 'info', (text) => text)
  const observer = logObserver(logger, () => nowMs)
  const leaveUndone = () => observer.notice({ kind: 'request-refused', rule: 'a', message: 'lacks data' })
  for (let count = 0; count < 100; count++) leaveUndone()
  nowMs = 10_000
  leaveUndone()
  nowMs = 20_000
  leaveUndone()
  expect(lines.map((line) => JSON.parse(line).more_since)).toEqual([undefined, 99, undefined])
})
