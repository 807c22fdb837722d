/** The options of `tocsin watch`. */
import { type Command, InvalidArgumentError } from 'commander'
import { parseDuration } from '../core/duration.ts'
import type { WatchFlags } from './commands/watch.ts'
import { count, format } from './options.ts'
import type { ExitCode, Parts, Surroundings } from './parts.ts'

const mostMessages = 999_999
const longestMs = 30 * 86_400_000

export function addWatchCommand(
  program: Command,
  parts: Parts,
  surroundings: Surroundings,
  ended: (code: ExitCode) => void,
): void {
  program
    .command('watch')
    .description('show messages as they come, which rules they met, and why not')
    .argument('[filter]', "whose topics are shown, e.g. 'sensors/#'; what the rules listen to unless given")
    .argument('[dir]', 'the directory of the rules; rules/ unless given')
    .option('--rule <id>', 'only messages that this rule met')
    .option('--broker <name>', 'only this broker of the configuration')
    .option('--latest', 'a live table of the latest message of every topic')
    .option('--count <number>', 'end after so many messages', count(mostMessages))
    .option('--for <duration>', 'end after so long, e.g. 30s', duration)
    .option('--format <format>', 'text or json', format, 'text')
    .action(async (filter: string | undefined, directory: string | undefined, flags: WatchFlags) => {
      const { watch } = await import('./commands/watch.ts')
      const words = [filter, directory].filter((word) => word !== undefined)
      ended(await watch(words, flags, parts, surroundings))
    })
}

function duration(text: string): number {
  const durationMs = parseDuration(text)
  if (durationMs !== null && durationMs > 0 && durationMs <= longestMs) return durationMs
  throw new InvalidArgumentError('Write a duration such as 30s or 5m, at most 30d.')
}
