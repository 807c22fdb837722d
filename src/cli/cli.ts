/** The command line: its commands, their options, and what each exit code means. */
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { addAlertCommands } from './alert-commands.ts'
import { defaultDirectory } from './arguments.ts'
import { check } from './commands/check.ts'
import { evaluate } from './commands/eval.ts'
import { schema } from './commands/schema.ts'
import { addDoctorCommand } from './doctor-command.ts'
import { type AskFlags, count, defaultWaitMs, format, waitMs } from './options.ts'
import type { ExitCode, Parts, Surroundings } from './parts.ts'
import { addRequestCommand } from './request-command.ts'
import { addSimulateCommand } from './simulate-command.ts'
import { UsageError } from './usage-error.ts'
import { addWatchCommand } from './watch-command.ts'

/** Dead letters shown at once. */
const mostLetters = 100
/** Commands shown at once. */
const mostCommands = 1_000
const logLevels = ['debug', 'info', 'warn', 'error']

/** Runs a command and answers with the exit code: 0 good, 1 problems found, 2 wrong usage. */
export async function runCli(
  argv: readonly string[],
  version: string,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  let code: ExitCode = 0
  const { stdout, stderr } = surroundings
  const program = new Command('tocsin')
    .description(
      'Rules for MQTT: YAML rules route messages, raise alerts and answer requests, beside your broker.',
    )
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
    })
    // With their arguments the names would leave no room for what the commands do.
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .showHelpAfterError('(`tocsin --help` lists the commands)')
    .addHelpText(
      'after',
      '\n`tocsin <command> --help` tells the arguments and options of a command.\nExit codes: 0 good, 1 problems found, 2 wrong usage.',
    )

  const exit = (exitCode: ExitCode) => {
    code = exitCode
  }

  program.commandsGroup('Rules:')
  program
    .command('demo')
    .description('run the rules with a built-in broker (or that of MQTT_URL) and a small simulated fleet')
    .argument('[dir]', 'the directory of the rules', defaultDirectory)
    .option('--no-simulate', 'no simulated devices')
    .option('--log-level <level>', 'of the JSON lines, when this is no terminal', logLevel, 'info')
    .action(async (dir: string, options: { simulate: boolean; logLevel: string }) => {
      const { demo } = await import('./commands/demo.ts')
      code = await demo(dir, options, parts, surroundings)
    })
  program
    .command('run')
    .description('run the rules of a directory with the brokers configured there')
    .argument('<dir>', 'the directory of the rules')
    .option('--log-level <level>', 'of the JSON lines, when this is no terminal', logLevel, 'info')
    .option('--demo', 'keep and show what receivers without an account would be sent, instead of refusing')
    .action(async (dir: string, options: { logLevel: string; demo?: boolean }) => {
      const { run } = await import('./commands/run.ts')
      code = await run(dir, options, parts, surroundings)
    })
  program
    .command('check')
    .description('find every problem of a configuration, without running it')
    .argument('[dir]', 'the directory of the rules', defaultDirectory)
    .option('--format <format>', 'text or json', format, 'text')
    .action((dir: string, options: { format: 'text' | 'json' }) => {
      code = check(dir, options, parts, surroundings)
    })
  program
    .command('test')
    .description(
      'run the rule tests (*.test.yaml) that stand beside the rules, on virtual time, without a broker',
    )
    .argument('[dir]', 'the directory of the rules', defaultDirectory)
    .option('--filter <text>', 'only tests with this text in their name or file')
    .option('--watch', 'run them again when a file changes')
    .option('--format <format>', 'text, json or junit', testFormat, 'text')
    .action(async (dir: string, options: { format: 'text' | 'json' | 'junit' }) => {
      const { test } = await import('./commands/test.ts')
      code = await test(dir, options, parts, surroundings)
    })
  program
    .command('eval')
    .description('try an expression, or JsonLogic, on a payload and see the value of every part')
    .argument('<condition>', 'e.g. \'payload.temperature > 35\', or \'{">": [{"var": "payload"}, 35]}\'')
    .argument(
      '[payload]',
      'the payload as a message would carry it; - reads standard input; none is an empty one',
      '',
    )
    .option('--topic <topic>', 'the topic of the message', 'test')
    .option('--filter <filter>', 'the topic of the rule: its captures become variables')
    .option('--decode <decoder>', 'how the payload is decoded', 'auto')
    .option('--format <format>', 'text or json', format, 'text')
    .action(async (condition: string, payload: string, options) => {
      code = await evaluate(condition, payload, options, parts, surroundings)
    })
  program
    .command('schema')
    .description('print the JSON Schema of the configuration, for editors')
    .action(() => {
      code = schema(parts, surroundings)
    })

  program.commandsGroup('What is going on:')
  addDoctorCommand(program, parts, surroundings, exit)
  addWatchCommand(program, parts, surroundings, exit)
  program
    .command('status')
    .description('ask the running Tocsin how it is: rules, brokers, what waits')
    .argument('[dir]', 'the directory of the rules: its broker is asked', defaultDirectory)
    .option('--timeout <duration>', 'how long to wait for an answer; 5s unless given', waitMs)
    .option('--format <format>', 'text or json', format, 'text')
    .action(async (dir: string, { timeout = defaultWaitMs, ...options }: AskFlags) => {
      const { status } = await import('./commands/status.ts')
      code = await status(dir, { ...options, timeoutMs: timeout }, parts, surroundings)
    })
  program
    .command('dead-letters')
    .description('list messages that could not be understood, newest first, also when no Tocsin runs')
    .argument('[dir]', 'the directory of the rules', defaultDirectory)
    .option('--limit <number>', 'how many, at most 100', count(mostLetters), 20)
    .option('--topic <topic>', 'only those of this topic')
    .option('--timeout <duration>', 'how long to wait for an answer; 5s unless given', waitMs)
    .option('--format <format>', 'text or json', format, 'text')
    .action(
      async (
        dir: string,
        { timeout = defaultWaitMs, ...options }: AskFlags & { limit: number; topic?: string },
      ) => {
        const { deadLetters } = await import('./commands/dead-letters.ts')
        code = await deadLetters(dir, { ...options, timeoutMs: timeout }, parts, surroundings)
      },
    )

  program.commandsGroup('Devices and requests:')
  addSimulateCommand(program, parts, surroundings, exit)
  addRequestCommand(program, parts, surroundings, exit)
  program
    .command('commands')
    .description('list the commands to devices that wait for their acknowledgement, and how the latest ended')
    .argument('[dir]', 'the directory of the rules: its broker is asked', defaultDirectory)
    .option('--limit <number>', `how many, at most ${mostCommands}`, count(mostCommands), 100)
    .option('--timeout <duration>', 'how long to wait for an answer; 5s unless given', waitMs)
    .option('--format <format>', 'text or json', format, 'text')
    .action(async (dir: string, { timeout = defaultWaitMs, ...options }: AskFlags & { limit: number }) => {
      const { commands } = await import('./commands/commands.ts')
      code = await commands(dir, { ...options, timeoutMs: timeout }, parts, surroundings)
    })
  program
    .command('forget')
    .description('drop what a rule knows about one key, and what is open about it: a device was taken away')
    .usage('[options] [dir] <rule> [key...]')
    .argument(
      '<rule...>',
      'the id of the rule, after the directory of the rules, if that is not rules/; then the parts of the key, e.g. device=g7',
    )
    .option('--timeout <duration>', 'how long to wait for an answer; 5s unless given', waitMs)
    .option('--format <format>', 'text or json', format, 'text')
    .action(async (words: string[], { timeout = defaultWaitMs, ...options }: AskFlags) => {
      const { forget } = await import('./commands/forget.ts')
      code = await forget(words, { ...options, timeoutMs: timeout }, parts, surroundings)
    })

  program.commandsGroup('Alerts:')
  addAlertCommands(program, parts, surroundings, exit)
  for (const command of program.commands)
    command.showHelpAfterError(`(\`tocsin ${command.name()} --help\` tells its arguments and options)`)
  program.commandsGroup('Help:').helpCommand('help [command]', 'say more about a command')

  try {
    if (argv.length === 0) {
      program.outputHelp()
      return 2
    }
    await program.parseAsync([...argv], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (error instanceof UsageError) {
      stderr.write(`${error.message}\n`)
      return 2
    }
    throw error
  }
}

function testFormat(text: string): 'text' | 'json' | 'junit' {
  if (text === 'text' || text === 'json' || text === 'junit') return text
  throw new InvalidArgumentError('Write text, json or junit.')
}

function logLevel(text: string): string {
  if (logLevels.includes(text)) return text
  throw new InvalidArgumentError(`Write one of ${logLevels.join(', ')}.`)
}
