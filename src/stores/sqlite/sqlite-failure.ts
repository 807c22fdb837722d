/** What SQLite and the file system say when they cannot, as a failure of the store port. */
import type { StoreFailure } from '../../ports/store.ts'

/** Primary result codes of SQLite (https://sqlite.org/rescode.html); extended ones carry them in the low byte. */
const codes = {
  perm: 3,
  busy: 5,
  locked: 6,
  readonly: 8,
  ioerr: 10,
  corrupt: 11,
  full: 13,
  cantopen: 14,
  notadb: 26,
}

const restore =
  'Keep a copy of the file, then put a backup in its place; or move it away to begin without history.'

/** Null for what is no failure of the machine but an error of the program. */
export function failureOf(error: unknown, path: string): StoreFailure | null {
  if (!(error instanceof Error)) return null
  if ('errcode' in error && typeof error.errcode === 'number') {
    return sqliteFailure(error.errcode & 0xff, error.message, path)
  }
  if ('syscall' in error && 'code' in error) return fileFailure(String(error.code), error.message, path)
  return null
}

export function corruptFailure(path: string, what: string): StoreFailure {
  return { reason: 'corrupt', message: `${path} is damaged: ${what}.`, help: restore }
}

export function foreignFailure(path: string): StoreFailure {
  return {
    reason: 'path',
    message: `${path} is a database of another program.`,
    help: 'Give settings.storage a path of its own, for example data/tocsin.db.',
  }
}

export function newerFailure(path: string, found: number, known: number): StoreFailure {
  return {
    reason: 'version',
    message: `${path} was written by a newer Tocsin (layout ${found}; this one knows up to ${known}).`,
    help: 'Run the newer Tocsin, or give settings.storage another path.',
  }
}

function sqliteFailure(code: number, words: string, path: string): StoreFailure | null {
  switch (code) {
    case codes.full:
      return full(path)
    case codes.ioerr:
      return {
        reason: 'io',
        message: `${path} cannot be read or written: ${words}.`,
        help: 'Check the disk and the system log.',
      }
    case codes.corrupt:
    case codes.notadb:
      return corruptFailure(path, words)
    case codes.busy:
    case codes.locked:
      return {
        reason: 'locked',
        message: `${path} is in use by another program, most likely a second Tocsin.`,
        help: 'Stop that one first, or give this one another path in settings.storage.',
      }
    case codes.perm:
    case codes.readonly:
    case codes.cantopen:
      return {
        reason: 'path',
        message: `${path} cannot be opened for writing: ${words}.`,
        help: 'Make the file and its directory writable for the user that runs Tocsin, or give settings.storage another path.',
      }
    default:
      return null
  }
}

function fileFailure(code: string, words: string, path: string): StoreFailure {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return full(path)
    case 'EIO':
      return {
        reason: 'io',
        message: `${path} cannot be made: ${words}.`,
        help: 'Check the disk and the system log.',
      }
    case 'EISDIR':
      return {
        reason: 'path',
        message: `${path} is a directory.`,
        help: 'Name a file in settings.storage, for example data/tocsin.db.',
      }
    case 'EACCES':
    case 'EPERM':
      return {
        reason: 'path',
        message: `${path} cannot be opened: permission denied.`,
        help: 'Make the file and its directory writable for the user that runs Tocsin, or give settings.storage another path.',
      }
    case 'EROFS':
      return {
        reason: 'path',
        message: `${path} lies on a read-only file system.`,
        help: 'Give settings.storage a path on a disk that can be written.',
      }
    case 'EEXIST':
    case 'ENOTDIR':
      return {
        reason: 'path',
        message: `${path} cannot be made: a part of its path is a file, not a directory.`,
        help: 'Give settings.storage another path.',
      }
    default:
      return {
        reason: 'path',
        message: `${path} cannot be opened: ${words}.`,
        help: 'Give settings.storage a path that can be written.',
      }
  }
}

function full(path: string): StoreFailure {
  return {
    reason: 'full',
    message: `The disk of ${path} is full.`,
    help: 'Free some space; Tocsin goes on by itself.',
  }
}
