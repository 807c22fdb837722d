/** `tocsin check [DIR]`: every problem of a configuration, without running it. */
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { counted, problemReport, problemsJson } from '../problem-report.ts'
import { load } from '../service.ts'

export function check(
  directory: string,
  options: { readonly format: 'text' | 'json' },
  parts: Parts,
  surroundings: Surroundings,
): ExitCode {
  const { problems, configuration, files } = load(directory, parts, surroundings)
  const { stdout } = surroundings
  if (options.format === 'json') stdout.write(`${problemsJson(problems)}\n`)
  else {
    stdout.write(problemReport(problems, { colour: stdout.isTTY === true }))
    if (configuration !== null) {
      const off = configuration.definitions.length - configuration.rules.length
      const { length } = configuration.rules
      const more = off > 0 ? ` (${off} more ${off === 1 ? 'is' : 'are'} not enabled)` : ''
      const are = length === 1 ? 'is' : 'are'
      stdout.write(
        `${directory}: ${counted(length, 'rule')}${more} in ${counted(files.length, 'file')} ${are} ready to run.\n`,
      )
    }
  }
  return configuration === null ? 1 : 0
}
