/** Opens files for appending, never outside the log directory: neither by name nor by a symbolic link. */
import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants
/** O_NONBLOCK keeps a named pipe from holding us up; the flags that Windows lacks are undefined there. */
const appendFlags = O_RDWR | O_CREAT | O_APPEND | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0)

export interface OpenedFile {
  readonly handle: FileHandle
  readonly stats: Stats
}

/** Thrown with a code that `failureOf` has words for. */
class NotInside extends Error {
  readonly code: string
  constructor(code: string) {
    super(code)
    this.code = code
  }
}

/** Makes the directory if need be and gives its real path: the log directory itself may be a link. */
export async function prepareDirectory(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o750 })
  return realpath(directory)
}

/** `root` is a real path; `file` has passed `logFileNameFault`. Makes the folders in between. */
export async function openInside(root: string, file: string): Promise<OpenedFile> {
  const path = join(root, file)
  const parent = dirname(path)
  await makeParents(root, file)
  const handle = await open(path, appendFlags, 0o640)
  try {
    const stats = await handle.stat()
    if (!stats.isFile()) throw new NotInside('ENXIO')
    // A folder may have become a link between the look and the open: nothing has been written yet.
    const [now, real] = [await lstat(path), await realpath(parent)]
    if (real !== parent || now.ino !== stats.ino || now.dev !== stats.dev) throw new NotInside('ELOOP')
    return { handle, stats }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function makeParents(root: string, file: string): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o750 })
  let path = root
  for (const part of file.split('/').slice(0, -1)) {
    path = join(path, part)
    await mkdir(path, { mode: 0o750 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
    const stats = await lstat(path)
    if (stats.isSymbolicLink()) throw new NotInside('ELOOP')
    if (!stats.isDirectory()) throw new NotInside('ENOTDIR')
  }
}
