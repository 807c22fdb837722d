/** The one composition root: chooses the adapters, connects the process, runs the command line. */
import { readFileSync } from 'node:fs'
import { actions } from './actions/index.ts'
import { channels } from './channels/index.ts'
import { runCli } from './cli/cli.ts'
import type { ExitCode, Parts } from './cli/parts.ts'
import { stopSignals } from './cli/stop-signals.ts'
import { decoders } from './decoders/index.ts'
import { systemClock } from './engine/system-clock.ts'
import { createLogWriter } from './files/log-writer.ts'
import { createBroker } from './mqtt/index.ts'
import { createStore } from './stores/index.ts'
import { createPing } from './web/ping.ts'

export const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string
}

export const parts: Parts = {
  version,
  actions,
  decoders,
  channels,
  clock: systemClock(),
  createBroker,
  // Only the demo needs it, and it is not small.
  startEmbeddedBroker: async (wanted) =>
    (await import('./mqtt/embedded-broker.ts')).startEmbeddedBroker(wanted),
  createStore,
  createLogWriter,
  startWebServer: async (options) => (await import('./web/server.ts')).startWebServer(options),
  createPing,
}

/** Runs what the command line of this process says. */
export function start(): Promise<ExitCode> {
  // A reader that goes away (`tocsin check | head`) is no error of ours.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0)
      throw error
    })
  }
  return runCli(process.argv.slice(2), version, parts, {
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    stopRequested: () =>
      new Promise((resolve) => {
        const told = stopSignals(() => performance.now(), { stop: resolve, quit: () => process.exit(1) })
        process.on('SIGINT', told)
        process.on('SIGTERM', told)
      }),
    onHangup(callback) {
      process.on('SIGHUP', callback)
      return () => void process.off('SIGHUP', callback)
    },
  })
}
