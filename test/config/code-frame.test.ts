import { expect, test } from 'vitest'
import { codeFrame } from '../../src/config/code-frame.ts'
import { SourceText } from '../../src/config/source-text.ts'

const frame = (line: string, from: number, to: number) =>
  codeFrame(new SourceText('a.yaml', line), { line: 1, column: from + 1 }, to + 1)

test('the carets stand under what is meant, however wide the signs before it are', () => {
  expect(frame('topic: sensors/##', 15, 17)).toBe('1 | topic: sensors/##\n  |                ^^')
  expect(frame('温度: { topic: 温 }', 13, 14)).toBe('1 | 温度: { topic: 温 }\n  |                ^^')
})

test('nothing of a file steers the terminal or turns the line around', () => {
  expect(frame('a: \u001b[2J\u202eb', 3, 9)).toBe('1 | a:  [2J b\n  |    ^^^^^^')
})
