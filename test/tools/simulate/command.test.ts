import { describe, expect, test } from 'vitest'
import { answerCommand } from '../../../src/tools/simulate/command.ts'

const answer = (text: string, led: 'ON' | 'OFF' = 'OFF') => answerCommand(led, Buffer.from(text))

describe('a command', () => {
  test('switches the LED and gives the id back as it came', () => {
    expect(answer('{"led":"ON","id":"a7"}')).toEqual({
      led: 'ON',
      payload: '{"led":"ON","id":"a7"}',
      understood: true,
    })
    expect(answer('{"id":7,"led":"off"}', 'ON')).toMatchObject({
      led: 'OFF',
      payload: '{"led":"OFF","id":7}',
    })
    expect(answer('{"led":"ON"}').payload).toBe('{"led":"ON"}')
  })

  test('may be just a word', () => {
    expect(answer('ON\n')).toMatchObject({ led: 'ON', payload: '{"led":"ON"}' })
  })

  test.each(['', 'reboot', 'null', '[]', '{"led":{}}', '{"led":', '7'])(
    'that is %j changes nothing and is told so',
    (text) => {
      const { led, payload, understood } = answer(text, 'ON')
      expect([led, understood]).toEqual(['ON', false])
      expect(JSON.parse(payload)).toHaveProperty('error')
    },
  )

  test.each(['{"led":{"toString":1}}', '{"led":["on"]}', '{"led":[{"toString":1}]}', '{"led":{},"id":{}}'])(
    'is no command: %s',
    (text) => expect(answer(text).understood).toBe(false),
  )

  test('keeps its id when it is refused, but not one of any size', () => {
    expect(JSON.parse(answer('{"fan":1,"id":"x"}').payload).id).toBe('x')
    expect(JSON.parse(answer(JSON.stringify({ led: 'ON', id: 'x'.repeat(201) })).payload)).toEqual({
      led: 'ON',
    })
    expect(JSON.parse(answer(JSON.stringify({ led: 'ON', note: 'x'.repeat(5_000) })).payload)).toHaveProperty(
      'error',
    )
  })
})
