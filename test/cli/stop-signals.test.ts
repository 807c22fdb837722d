import { expect, test } from 'vitest'
import { stopSignals } from '../../src/cli/stop-signals.ts'

function signalled(...signals: [atMs: number, signal: string][]): string[] {
  let nowMs = 0
  const done: string[] = []
  const told = stopSignals(() => nowMs, {
    stop: (signal) => done.push(`${nowMs}: stop on ${signal}`),
    quit: () => done.push(`${nowMs}: quit`),
  })
  for (const [atMs, signal] of signals) {
    nowMs = atMs
    told(signal)
  }
  return done
}

test('one signal stops, and its echo changes nothing', () => {
  expect(signalled([0, 'SIGINT'], [0, 'SIGINT'], [3, 'SIGTERM'], [499, 'SIGINT'])).toEqual([
    '0: stop on SIGINT',
  ])
})

test('whoever asks again later does not want to wait', () => {
  expect(signalled([0, 'SIGTERM'], [500, 'SIGTERM'])).toEqual(['0: stop on SIGTERM', '500: quit'])
  expect(signalled([0, 'SIGTERM'], [2, 'SIGTERM'], [900, 'SIGINT'])).toEqual([
    '0: stop on SIGTERM',
    '900: quit',
  ])
})
