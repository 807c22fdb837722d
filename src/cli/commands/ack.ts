/** `tocsin ack [DIR] ALERT|CODE`: somebody takes care of an alert, or of all that a notification told of. */
import { readNamed, whoAmI } from '../arguments.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { type ActOptions, act } from './act.ts'

export function ack(
  words: readonly string[],
  options: ActOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { directory, name } = readNamed(
    words,
    'one alert, such as overheating/4f7a, or one code, such as 4F7',
  )
  const by = options.by ?? whoAmI(surroundings)
  const input = name.includes('/') ? { alert: name, by } : { code: name, by }
  const said = ({ acknowledged }: { acknowledged: string }) => `Acknowledged: ${acknowledged}`
  return act(directory, 'ack', input, said, options, parts, surroundings)
}
