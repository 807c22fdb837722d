/** Whether what Tocsin keeps can be kept: its database, and the logs that rules write. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import type { StoreFailure, StoreOutcome } from '../../../ports/store.ts'
import type { Running } from '../ask-running.ts'
import type { Section, Tell } from '../finding.ts'
import { writableFindings } from './writable.ts'

export interface StorageWorld {
  /** Path of the database, or `memory`. */
  readonly storage: string
  /** Null when no rule writes logs. */
  readonly logDirectory: string | null
  /** Opens an existing database for writing and changes nothing in it. */
  readonly probe: (path: string) => StoreOutcome<void>
  readonly running: Promise<Running>
}

export function storageSection(world: StorageWorld): Section {
  return { title: 'Files', run: (tell) => examine(world, tell) }
}

async function examine({ storage, logDirectory, probe, running }: StorageWorld, tell: Tell): Promise<void> {
  if (storage === 'memory') {
    tell({
      check: 'store',
      state: 'warn',
      what: 'Nothing is kept: alerts, timers and what waits to be sent are forgotten when Tocsin stops.',
      cause: '`settings.storage` is memory.',
      next: 'Name a file, such as data/tocsin.db, where that matters.',
    })
  } else if (existsSync(storage)) {
    const opened = probe(storage)
    if (opened.ok) tell({ check: 'store', state: 'ok', what: `${storage} can be opened and written.` })
    else await tellFailure(storage, opened.failure, running, tell)
    for (const finding of writableFindings('store', path.dirname(storage), 'The directory', 'storage'))
      if (finding.state !== 'ok') tell(finding)
  } else {
    for (const finding of writableFindings('store', path.dirname(storage), 'The directory', 'storage')) {
      if (finding.state === 'ok') tell({ ...finding, what: `${storage} is not there yet, and can be made.` })
      else tell(finding)
    }
  }
  if (logDirectory === null) return
  for (const finding of writableFindings('logs', logDirectory, 'The log directory', 'log_directory'))
    tell(finding)
}

async function tellFailure(
  storage: string,
  failure: StoreFailure,
  running: Promise<Running>,
  tell: Tell,
): Promise<void> {
  if (failure.reason !== 'locked') {
    tell({ check: 'store', state: 'fail', what: failure.message, next: failure.help })
    return
  }
  if ((await running).answers) {
    tell({
      check: 'store',
      state: 'ok',
      what: `${storage} is in use by the Tocsin that runs, as it should be.`,
    })
    return
  }
  tell({
    check: 'store',
    state: 'warn',
    what: `${storage} is in use by another program, and no Tocsin answers.`,
    cause: 'Most likely a Tocsin that runs and cannot reach its broker.',
    next: 'Look for it with `systemctl status tocsin`, or `ps`; a second one cannot start beside it.',
  })
}
