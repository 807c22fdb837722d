/** How a running Tocsin speaks: lines for a person on a terminal, JSON lines otherwise. */
import type { Configuration } from '../config/configuration.ts'
import type { LoadedConfiguration } from '../config/load.ts'
import type { Observer } from '../ports/observer.ts'
import { createLogger, logObserver } from './log-observer.ts'
import type { Parts, Surroundings } from './parts.ts'
import { counted, problemReport, problemsJson } from './problem-report.ts'
import { terminalObserver } from './terminal-observer.ts'

export interface Presence {
  readonly observer: Observer
  /** One line about what is going on, e.g. that the embedded broker listens. */
  note(message: string): void
  started(directory: string, configuration: Configuration): void
  reloaded(loaded: LoadedConfiguration, notes: readonly string[]): void
  failed(failure: { readonly message: string; readonly help: string }): void
  stopping(signal: string): void
  stopped(): void
}

const defaultColumns = 120

export function present(
  configuration: Configuration,
  logLevel: string,
  parts: Parts,
  surroundings: Surroundings,
): Presence {
  const redact = (text: string) => configuration.secrets.redact(text)
  return surroundings.stdout.isTTY === true
    ? onTerminal(configuration, redact, parts, surroundings)
    : asJson(logLevel, redact, surroundings)
}

function onTerminal(
  configuration: Configuration,
  redact: (text: string) => string,
  parts: Parts,
  { stdout, env }: Surroundings,
): Presence {
  const colour = env.NO_COLOR === undefined || env.NO_COLOR === ''
  const write = (text: string) => void stdout.write(text)
  const observer = terminalObserver({
    write,
    colour,
    // A terminal that does not know its width says 0.
    columns: () => stdout.columns || defaultColumns,
    clock: parts.clock,
    zone: configuration.settings.zone,
    redact,
  })
  return {
    observer,
    note: (message) => write(`${redact(message)}\n`),
    started: (directory, { rules }) =>
      write(`${counted(rules.length, 'rule')} from ${directory}. Ctrl+C ends it.\n\n`),
    reloaded(loaded, notes) {
      write(problemReport(loaded.problems, { colour }))
      if (loaded.configuration === null)
        write('The edited rules were not taken: the old ones keep running.\n')
      else write(`Loaded again: ${counted(loaded.configuration.rules.length, 'rule')}.\n`)
      for (const note of notes) write(`${note}\n`)
    },
    failed: ({ message, help }) => write(`${redact(message)}\nhelp: ${redact(help)}\n`),
    stopping: () => write('\nFinishing what is in hand …\n'),
    stopped: () => write('Stopped.\n'),
  }
}

function asJson(logLevel: string, redact: (text: string) => string, { stdout }: Surroundings): Presence {
  const logger = createLogger(stdout, logLevel, redact)
  return {
    observer: logObserver(logger),
    note: (message) => logger.info(message),
    started: (directory, { rules }) => logger.info({ directory, rules: rules.length }, 'starting'),
    reloaded(loaded, notes) {
      if (loaded.configuration === null) {
        const { problems } = JSON.parse(problemsJson(loaded.problems)) as { problems: unknown }
        logger.error({ problems, notes }, 'the edited rules were not taken: the old ones keep running')
      } else logger.info({ rules: loaded.configuration.rules.length, notes }, 'loaded again')
    },
    failed: ({ message, help }) => logger.fatal({ help }, message),
    stopping: (signal) => logger.info({ signal }, 'stopping'),
    stopped: () => logger.info('stopped'),
  }
}
