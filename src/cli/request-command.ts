/** The options of `tocsin request`. */
import { type Command, Option } from 'commander'
import type { RequestFlags } from './commands/request.ts'
import { format, waitMs } from './options.ts'
import type { ExitCode, Parts, Surroundings } from './parts.ts'

export function addRequestCommand(
  program: Command,
  parts: Parts,
  surroundings: Surroundings,
  ended: (code: ExitCode) => void,
): void {
  program
    .command('request')
    .description('ask whoever answers on a topic, and print the answer')
    .argument('<topic>', 'the topic of the request, in full')
    .argument('[json]', `what is asked, e.g. '{"device": "g7"}'; - reads standard input`, '{}')
    .argument(
      '[dir]',
      "the directory of the rules: its broker is used, else MQTT_URL's, else that of the demo",
    )
    .option('--url <url>', 'another broker, e.g. mqtt://user:password@host:1883')
    .option('--broker <name>', 'one of the brokers of the directory')
    .addOption(new Option('--protocol <version>', 'of MQTT, for --url').choices(['auto', '5', '3.1.1']))
    .option('--timeout <duration>', 'how long to wait for the answer; 5s unless given', waitMs)
    .option('--format <format>', 'text, or json for one line of JSON', format, 'text')
    .action(async (topic: string, json: string, directory: string | undefined, flags: RequestFlags) => {
      const { request } = await import('./commands/request.ts')
      ended(await request(topic, json, directory ?? null, flags, parts, surroundings))
    })
}
