/** What a log file may be called: a relative path that stays in the log directory, on every system. */

/** How many rotated files a log file can have. */
export const maxKeptFiles = 100

const maxNameBytes = 1024
const maxPartBytes = 240
const maxDepth = 16

/**
 * Why `name` cannot be a log file, as the end of a sentence that begins with the name; null when it can.
 * Names ending in `.1`, `.2`, … are kept for rotated files.
 */
export function logFileNameFault(name: string): string | null {
  if (name === '') return 'is empty'
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'contains a control character'
  if (name.includes('\\')) return 'contains a backslash; write / between folders'
  if (name.startsWith('/')) return 'begins with /; log files are named relative to the log directory'
  if (/^[A-Za-z]:/.test(name))
    return 'begins with a drive letter; log files are named relative to the log directory'
  const special = /[<>:"|?*]/.exec(name)
  if (special !== null) return `contains ${special[0]}, which file names cannot have on every system`
  if (name.endsWith('/')) return 'ends with /, so it names a folder'
  const parts = name.split('/')
  if (parts.includes('..')) return 'contains .., which would leave the log directory'
  if (parts.includes('.') || parts.includes('')) return 'has a part that is empty or a single dot'
  if (/\.\d+$/.test(name)) return 'ends in a dot and a number, which is how rotated files are called'
  if (parts.length > maxDepth) return `is more than ${maxDepth} folders deep`
  if (Buffer.byteLength(name) > maxNameBytes) return `is longer than ${maxNameBytes} bytes`
  if (parts.some((part) => Buffer.byteLength(part) > maxPartBytes)) {
    return `has a part longer than ${maxPartBytes} bytes`
  }
  return null
}
