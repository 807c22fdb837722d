/** `tocsin resolve [DIR] ALERT`: ends an alert by hand, until its condition was false. */
import { readNamed, whoAmI } from '../arguments.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { type ActOptions, act } from './act.ts'

export function resolve(
  words: readonly string[],
  options: ActOptions,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { directory, name } = readNamed(words, 'one alert, such as overheating/4f7a')
  const input = { alert: name, by: options.by ?? whoAmI(surroundings) }
  const said = ({ resolved }: { resolved: string }) =>
    `Resolved: ${resolved}. It opens again only after its condition was false.`
  return act(directory, 'resolve', input, said, options, parts, surroundings)
}
