/** Whether files can be written where they are wanted, and whether there is room. What is written is removed at once. */
import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { userInfo } from 'node:os'
import path from 'node:path'
import type { Finding } from '../finding.ts'

const probeBytes = 4_096
/** Below the first it is time to look, below the second nothing more may fit. */
const lowBytes = 512 * 1_048_576
const lastBytes = 16 * 1_048_576

/** `what`: how the finding calls the directory; it need not exist yet. */
export function writableFindings(check: string, directory: string, what: string, setting: string): Finding[] {
  const at = nearest(path.resolve(directory))
  const found = at === path.resolve(directory) ? 'can be written' : 'can be made when it is needed'
  const probe = path.join(at, `.tocsin-doctor-${randomBytes(4).toString('hex')}`)
  try {
    const file = openSync(probe, 'wx', 0o600)
    try {
      writeSync(file, Buffer.alloc(probeBytes))
      fsyncSync(file)
    } finally {
      closeSync(file)
      rmSync(probe, { force: true })
    }
  } catch (error) {
    return [{ check, state: 'fail', ...refusal(error, at, what, setting) }]
  }
  return [{ check, state: 'ok', what: `${what} ${directory} ${found}.` }, ...space(check, at)]
}

/** As `user pi` in messages: permissions are a matter of who asks. */
function asUser(): string {
  try {
    return ` for the user ${userInfo().username}, who asks now`
  } catch {
    return ''
  }
}

function refusal(
  error: unknown,
  at: string,
  what: string,
  setting: string,
): { what: string; cause?: string; next: string } {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  const said = `${what} cannot be written: ${at}`
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return {
        what: `${said} is not writable${asUser()}.`,
        next: `Give that user the directory (\`chown\`), run this as the user that runs Tocsin, or set \`${setting}\` to another place.`,
      }
    case 'EROFS':
      return {
        what: `${said} lies on a read-only file system.`,
        next: `Set \`${setting}\` to a place on a disk that can be written.`,
      }
    case 'ENOSPC':
    case 'EDQUOT':
      return { what: `${said}: the disk is full.`, next: 'Free some space.' }
    case 'ENOTDIR':
      return { what: `${said} is a file, not a directory.`, next: `Set \`${setting}\` to another place.` }
    default:
      return { what: `${said} (${code}).`, next: `Check the disk, or set \`${setting}\` to another place.` }
  }
}

function space(check: string, directory: string): Finding[] {
  let freeBytes: number
  try {
    const { bavail, bsize } = statfsSync(directory)
    freeBytes = bavail * bsize
  } catch {
    return []
  }
  return spaceFinding(check, directory, freeBytes)
}

export function spaceFinding(check: string, directory: string, freeBytes: number): Finding[] {
  if (freeBytes >= lowBytes) return []
  const free = `${Math.floor(freeBytes / 1_048_576)} MiB`
  return [
    {
      check,
      state: freeBytes < lastBytes ? 'fail' : 'warn',
      what: `Only ${free} are left on the disk of ${directory}.`,
      cause:
        'When it is full, Tocsin acknowledges nothing more and the broker keeps what comes, as long as it can.',
      next: 'Free some space.',
    },
  ]
}

function nearest(directory: string): string {
  for (let at = directory; ; at = path.dirname(at)) if (existsSync(at) || at === path.dirname(at)) return at
}
