import { expect, test } from 'vitest'
import { textWidth } from '../../../src/core/text-width.ts'
import { failureText } from '../../../src/tools/test/report-text.ts'

test('expected and happened stand side by side within the terminal, whatever they are written in', () => {
  const text = failureText(
    {
      place: 'a.test.yaml:3',
      atMs: 0,
      message: null,
      mismatches: [
        {
          list: 'publish',
          path: ['publish'],
          inclusion: false,
          expected: [{ topic: 'out', payload: '温度'.repeat(40) }],
          happened: [
            {
              shown: { topic: 'out', payload: `👨‍👩‍👧\u001b[2J\u202e${'🙂'.repeat(40)}` },
              fits: () => false,
            },
          ],
          missing: new Set([0]),
          unexpected: new Set([0]),
          elsewhere: null,
        },
      ],
      decided: [],
      notes: [],
    },
    { colour: false, columns: 80 },
  )
  const lines = text.split('\n')
  expect(lines.length).toBeGreaterThan(4)
  for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(80)
  const bars = lines.filter((line) => line.includes('│')).map((line) => textWidth(line.split('│')[0] ?? ''))
  expect(new Set(bars).size).toBe(1)
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]|\p{Cs}/u)
})
