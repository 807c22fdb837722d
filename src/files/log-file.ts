/** One log file that is open: appends whole lines or none, and rotates before it would grow too large. */
import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { LogRotation } from '../core/effect.ts'
import { csvLineEnd, inspectFile, type LineEnd } from './inspect-file.ts'
import { openInside } from './open-inside.ts'
import { rotateFile } from './rotate-file.ts'

export interface LogFile {
  /**
   * Appends the lines in order, as few writes as rotation allows. Resolves to how many were written; an error
   * means that the lines from there on were not, and left nothing behind.
   */
  append(lines: readonly string[], rotate: LogRotation): Promise<{ written: number; error?: unknown }>
  /** Gives the file handle back to the system; the next `append` opens the file again. */
  release(): Promise<void>
}

/** The file as we left it: anything else at its path means that somebody else was there, and that we look again. */
interface Known {
  readonly ino: number
  readonly dev: number
  readonly lineEnd: LineEnd
  sizeBytes: number
}

interface Open {
  readonly handle: FileHandle
  readonly known: Known
}

/** `header` is the CSV header line without its line end, or null for NDJSON. `root` is the real log directory. */
export function createLogFile(root: string, file: string, header: string | null, fsync: boolean): LogFile {
  const path = join(root, file)
  const lineEnd = header === null ? '\n' : csvLineEnd
  let handle: FileHandle | null = null
  let known: Known | null = null

  async function release(): Promise<void> {
    const open = handle
    handle = null
    await open?.close()
  }

  /** Logrotate and people move and truncate log files: what is at the path now is what counts. */
  async function current(rotate: LogRotation): Promise<Open> {
    if (handle !== null && known !== null) {
      const stats = await lstat(path).catch(() => null)
      if (stats !== null && isAsLeft(stats, known)) return { handle, known }
    }
    return reopen(rotate)
  }

  async function reopen(rotate: LogRotation): Promise<Open> {
    await release()
    const opened = await openInside(root, file)
    const { stats } = opened
    handle = opened.handle
    if (known !== null && isAsLeft(stats, known)) return { handle, known }
    const fresh = { ino: stats.ino, dev: stats.dev, sizeBytes: stats.size, lineEnd } as const
    if (stats.size === 0) {
      known = fresh
      // A new name in a folder is durable only when the folder is.
      if (fsync) await syncFolder(dirname(path))
      return { handle, known }
    }
    const found = await inspectFile(handle, stats.size, header)
    if (!found.fits) return rotated(rotate)
    known = { ...fresh, lineEnd: found.lineEnd }
    await writeWhole({ handle, known }, Buffer.from(found.repair), false)
    return { handle, known }
  }

  async function rotated(rotate: LogRotation): Promise<Open> {
    await release()
    await rotateFile(path, rotate.keep)
    return reopen(rotate)
  }

  async function append(lines: readonly string[], rotate: LogRotation) {
    let written = 0
    try {
      while (written < lines.length) {
        let open = await current(rotate)
        if (!fits(open.known, lines[written] ?? '', rotate)) open = await rotated(rotate)
        const batch = takeLines(open.known, lines, written, rotate)
        await writeWhole(open, batch.bytes, fsync)
        written += batch.count
      }
      return { written }
    } catch (error) {
      known = null
      await release().catch(() => undefined)
      return { written, error }
    }
  }

  /** A file with no record yet takes any line, so that a line larger than the limit does not rotate for ever. */
  function fits(open: Known, line: string, rotate: LogRotation): boolean {
    const headerBytes = header === null ? 0 : Buffer.byteLength(header) + open.lineEnd.length
    if (open.sizeBytes <= headerBytes) return true
    return open.sizeBytes + Buffer.byteLength(line) + open.lineEnd.length <= rotate.sizeBytes
  }

  function takeLines(open: Known, lines: readonly string[], from: number, rotate: LogRotation) {
    let text = open.sizeBytes === 0 && header !== null ? header + open.lineEnd : ''
    let sizeBytes = open.sizeBytes + Buffer.byteLength(text)
    let count = 0
    for (const line of lines.slice(from)) {
      const lineBytes = Buffer.byteLength(line) + open.lineEnd.length
      if (count > 0 && sizeBytes + lineBytes > rotate.sizeBytes) break
      text += line + open.lineEnd
      sizeBytes += lineBytes
      count++
    }
    return { bytes: Buffer.from(text), count }
  }

  return { append, release }
}

function isAsLeft(stats: Stats, known: Known): boolean {
  return stats.ino === known.ino && stats.dev === known.dev && stats.size === known.sizeBytes
}

/** Writes all the bytes or takes back what got through, so that no half line is left on a full disk. */
async function writeWhole({ handle, known }: Open, bytes: Uint8Array, sync: boolean): Promise<void> {
  const beforeBytes = known.sizeBytes
  try {
    let done = 0
    while (done < bytes.byteLength) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done)
      done += bytesWritten
    }
    if (sync) await handle.datasync()
    known.sizeBytes = beforeBytes + bytes.byteLength
  } catch (error) {
    // If even this fails, the next opening finds the torn line and completes it.
    await handle.truncate(beforeBytes).catch(() => undefined)
    throw error
  }
}

async function syncFolder(path: string): Promise<void> {
  if (constants.O_DIRECTORY === undefined) return
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
