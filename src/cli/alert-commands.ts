/** The commands about alerts: they ask the running Tocsin, over the broker of the rules' directory. */
import { type Command, InvalidArgumentError } from 'commander'
import { parseDuration } from '../core/duration.ts'
import { defaultDirectory } from './arguments.ts'
import { type AskFlags, count, defaultWaitMs, format, waitMs } from './options.ts'
import type { ExitCode, Parts, Surroundings } from './parts.ts'

/** Alerts shown at once. */
const mostAlerts = 1_000
const mostKept = 100
const mostDeliveries = 1_000
/** A mail server may take its time. */
const defaultSendMs = 30_000

type Flags = AskFlags & { readonly by?: string }

export function addAlertCommands(
  program: Command,
  parts: Parts,
  surroundings: Surroundings,
  exit: (code: ExitCode) => void,
): void {
  const asking = (command: Command) =>
    command
      .option('--timeout <duration>', 'how long to wait for an answer; 5s unless given', waitMs)
      .option('--format <format>', 'text or json', format, 'text')
  const acting = (command: Command) =>
    asking(command.option('--by <name>', 'who does it, for the audit trail; your user name unless given'))
  const asked = <Options extends AskFlags>({ timeout = defaultWaitMs, ...options }: Options) => ({
    ...options,
    timeoutMs: timeout,
  })
  const directoryFirst = 'after the directory of the rules, if that is not rules/'

  asking(
    program
      .command('alerts')
      .description('list the alerts that are open now, the worst first')
      .argument('[dir]', 'the directory of the rules: its broker is asked', defaultDirectory)
      .option('--all', 'also those that resolved some minutes ago')
      .option('--rule <id>', 'only those of this rule')
      .option('--match <label=value...>', 'only those with these labels, e.g. site=greenhouse device=/^g/')
      .option('--limit <number>', `how many, at most ${mostAlerts}`, count(mostAlerts), 100),
  ).action(async (dir: string, options: AskFlags & { all?: boolean; limit: number }) => {
    const { alerts } = await import('./commands/alerts.ts')
    exit(await alerts(dir, asked(options), parts, surroundings))
  })
  acting(
    program
      .command('ack')
      .usage('[options] [dir] <alert|code>')
      .description('acknowledge an alert, or all that a notification told of: nobody else is told of it')
      .argument('<alert...>', `e.g. overheating/4f7a, or the code of a notification, 4F7; ${directoryFirst}`),
  ).action(async (words: string[], options: Flags) => {
    const { ack } = await import('./commands/ack.ts')
    exit(await ack(words, asked(options), parts, surroundings))
  })
  acting(
    program
      .command('resolve')
      .usage('[options] [dir] <alert>')
      .description('end an alert by hand; it opens again only after its condition was false')
      .argument('<alert...>', `e.g. overheating/4f7a; ${directoryFirst}`),
  ).action(async (words: string[], options: Flags) => {
    const { resolve } = await import('./commands/resolve.ts')
    exit(await resolve(words, asked(options), parts, surroundings))
  })
  acting(
    program
      .command('silence')
      .usage('[options] --for <duration> [dir] <label=value...>')
      .description('tell nobody of the alerts that match, for a while')
      .argument(
        '<label=value...>',
        `all must fit; a label given twice has one of its values; ${directoryFirst}`,
      )
      .requiredOption('--for <duration>', 'how long, e.g. 2h', duration)
      .option('--comment <text>', 'why', ''),
  ).action(async (pairs: string[], options: Flags & { for: string; comment: string }) => {
    const { silence } = await import('./commands/silence.ts')
    exit(await silence(pairs, asked(options), parts, surroundings))
  })
  acting(
    program
      .command('unsilence')
      .usage('[options] [dir] <id>')
      .description('end a silence')
      .argument('<id...>', `as \`tocsin silences\` lists it; ${directoryFirst}`),
  ).action(async (words: string[], options: Flags) => {
    const { unsilence } = await import('./commands/silence.ts')
    exit(await unsilence(words, asked(options), parts, surroundings))
  })
  asking(
    program
      .command('silences')
      .description('list the silences that have not ended')
      .argument('[dir]', 'the directory of the rules', defaultDirectory),
  ).action(async (dir: string, options: AskFlags) => {
    const { silences } = await import('./commands/silence.ts')
    exit(await silences(dir, asked(options), parts, surroundings))
  })
  const list = asking(
    program
      .command('deliveries')
      .description('list what goes to receivers and what became of it; `retry` sends a dead one again')
      .argument('[dir]', 'the directory of the rules', defaultDirectory)
      .option('--dead', 'only what was given up')
      .option('--limit <number>', `how many, at most ${mostDeliveries}`, count(mostDeliveries), 30),
  ).action(async (dir: string, options: AskFlags & { dead?: boolean; limit: number }) => {
    const { deliveries } = await import('./commands/deliveries.ts')
    exit(await deliveries(dir, asked(options), parts, surroundings))
  })
  acting(
    list
      .command('retry')
      .usage('[options] [dir] <id>')
      .description('send a dead delivery again')
      .argument('<id...>', `as \`tocsin deliveries --dead\` lists it; ${directoryFirst}`),
  ).action(async (words: string[], _options: Flags, command: Command) => {
    const { retry } = await import('./commands/deliveries.ts')
    // Options that the list has too are taken by it.
    const options: Flags = command.optsWithGlobals()
    exit(await retry(words, asked(options), parts, surroundings))
  })
  asking(
    program
      .command('inbox')
      .description('list what was kept instead of being sent (`smtp: inbox`, `twilio: inbox`), newest first')
      .argument('[dir]', 'the directory of the rules', defaultDirectory)
      .option('--limit <number>', `how many, at most ${mostKept}`, count(mostKept), 20),
  ).action(async (dir: string, options: AskFlags & { limit: number }) => {
    const { inbox } = await import('./commands/inbox.ts')
    exit(await inbox(dir, asked(options), parts, surroundings))
  })
  acting(
    program
      .command('notify-test')
      .usage('[options] [dir] <receiver>')
      .description('send a test to a receiver, and see whether it arrives')
      .argument('<receiver...>', `its name; ${directoryFirst}`)
      .option('--wait <duration>', 'how long to wait until it is sent; 30s unless given', waitMs),
  ).action(async (words: string[], { wait = defaultSendMs, ...options }: Flags & { wait?: number }) => {
    const { notifyTest } = await import('./commands/notify-test.ts')
    exit(await notifyTest(words, { ...asked(options), waitMs: wait }, parts, surroundings))
  })
}

/** Checked here, and read by the Tocsin that is asked. */
function duration(text: string): string {
  if ((parseDuration(text) ?? 0) > 0) return text
  throw new InvalidArgumentError('Write a duration such as 30m, 2h or 1d12h.')
}
