/** What `tocsin simulate` takes on the command line. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../core/duration.ts'
import { deviceLimit, rateLimit } from '../tools/simulate/fleet-model.ts'
import { type ScenarioName, scenarios } from '../tools/simulate/scenario.ts'
import type { SimulateOptions } from './commands/simulate.ts'
import { format } from './options.ts'
import type { ExitCode, Parts, Surroundings } from './parts.ts'

export function addSimulateCommand(
  program: Command,
  parts: Parts,
  surroundings: Surroundings,
  exit: (code: ExitCode) => void,
): void {
  program
    .command('simulate')
    .description('send the readings of a simulated fleet to a broker, to try rules on')
    .argument(
      '[dir]',
      "the directory of the rules: its broker is used, else MQTT_URL's, else that of the demo",
    )
    .option('--devices <number>', `how many, at most ${deviceLimit}`, devices, 100)
    .addOption(
      new Option('--rate <rate>', 'messages of the whole fleet, e.g. 10/s, 300/m or 60/h')
        .argParser(rate)
        .default(10, '10/s'),
    )
    .option('--scenario <name>', `what goes wrong: ${scenarios.join(', ')}`, scenario, 'mixed')
    .option('--seed <number>', 'another seed gives other readings, the same one the same', seed, 1)
    .option('--url <url>', 'another broker, e.g. mqtt://user:password@host:1883')
    .option('--broker <name>', 'one of the brokers of the directory')
    .option('--for <duration>', 'end after so long, e.g. 1m; until Ctrl+C unless given', duration)
    .option('--format <format>', 'text or json', format, 'text')
    .action(async (dir: string | undefined, options: SimulateOptions) => {
      const { simulate } = await import('./commands/simulate.ts')
      exit(await simulate(dir ?? null, options, parts, surroundings))
    })
}

function devices(text: string): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (number >= 1 && number <= deviceLimit) return number
  throw new InvalidArgumentError(
    `Write a number from 1 to ${deviceLimit}. For more load, raise --rate: fewer devices then send more often.`,
  )
}

const unitSeconds = { s: 1, m: 60, h: 3_600 } as const
const slowestPerSecond = 1 / 3_600

/** Messages per second. */
function rate(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,9})?)\/([smh])$/.exec(text)
  const unit = match?.[2]
  if (unit === 's' || unit === 'm' || unit === 'h') {
    const perSecond = Number(match?.[1]) / unitSeconds[unit]
    if (perSecond >= slowestPerSecond && perSecond <= rateLimit) return perSecond
  }
  throw new InvalidArgumentError(
    `Write messages of the whole fleet per second, minute or hour, such as 10/s, 300/m or 60/h, from 1/h to ${rateLimit}/s.`,
  )
}

function scenario(text: string): ScenarioName {
  const found = scenarios.find((name) => name === text)
  if (found !== undefined) return found
  throw new InvalidArgumentError(`Write one of ${scenarios.join(', ')}.`)
}

function seed(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Write a whole number.')
}

function duration(text: string): number {
  const durationMs = parseDuration(text)
  if (durationMs !== null && durationMs > 0) return durationMs
  throw new InvalidArgumentError('Write a duration such as 30s, 5m or 1h30m.')
}
