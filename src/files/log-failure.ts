/** Why a log line could not be written, in words with a next step, and whether trying again may help. */

export type LogOutcome =
  | { readonly ok: true }
  /** temporary: try again later (disk full, too many files); permanent: somebody has to change something. */
  | { readonly ok: false; readonly kind: 'temporary' | 'permanent'; readonly message: string }

export type LogFailure = Extract<LogOutcome, { ok: false }>

export function permanent(message: string): LogFailure {
  return { ok: false, kind: 'permanent', message }
}

export function temporary(message: string): LogFailure {
  return { ok: false, kind: 'temporary', message }
}

const permanentReasons: Readonly<Record<string, string>> = {
  EACCES: 'Tocsin is not allowed to write it. Give its user the right to write in the log directory',
  EPERM: 'Tocsin is not allowed to write it. Give its user the right to write in the log directory',
  EROFS: 'the file system is read-only. Mount it for writing, or choose another log directory',
  EISDIR: 'there is a folder of this name. Rename the folder or the log file',
  ENOTDIR: 'a folder in its path is a file. Rename that file or the log file',
  ELOOP: 'it is a symbolic link, and links are not followed. Remove the link',
  ENAMETOOLONG: 'its name is too long for the file system. Shorten it',
  ENXIO: 'it is not an ordinary file. Rename it or the log file',
}

const temporaryReasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full. Make room; the line is written when there is some',
  EDQUOT: 'the disk quota is used up. Make room; the line is written when there is some',
  EFBIG: 'the file has reached the size the system allows. Lower `rotate.size`',
  EMFILE: 'too many files are open. Raise the limit of open files',
  ENFILE: 'too many files are open. Raise the limit of open files',
  EIO: 'the disk reported an error. Look at the system log',
}

/** Errors of the system become outcomes; anything else is a fault of the program and is thrown on. */
export function failureOf(error: unknown, file: string): LogFailure {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (typeof code !== 'string') throw error
  const name = JSON.stringify(file)
  const lasting = permanentReasons[code]
  if (lasting !== undefined) return permanent(`Cannot write the log file ${name}: ${lasting}.`)
  return temporary(`Cannot write the log file ${name}: ${temporaryReasons[code] ?? code}.`)
}
