/** Finds and reads the YAML files of a configuration directory, in the order of their paths, within limits. */

import { isUtf8 } from 'node:buffer'
import { type Dirent, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import type { ProblemCode } from '../core/problem-catalogue.ts'
import { configLimits } from './limits.ts'

interface SourceFile {
  /** As shown to people: the directory as it was given, and the path below it. */
  readonly file: string
  readonly text: string
}

export interface FileProblem {
  readonly file: string
  readonly code: ProblemCode
  readonly message: string
  readonly help: string
  /** Text before the offending byte, when there is one. */
  readonly before?: string
}

export interface DirectoryContents {
  readonly files: readonly SourceFile[]
  readonly problems: readonly FileProblem[]
}

const ignoredFolders = new Set(['node_modules'])

export function readDirectory(directory: string): DirectoryContents {
  const problems: FileProblem[] = []
  const root = realDirectory(directory, problems)
  if (root === null) return { files: [], problems }
  const paths = new Walk(directory, root, problems).run()
  if (paths.length === 0 && problems.length === 0) {
    problems.push({
      file: directory,
      code: 'config-no-files',
      message: `there is no YAML file in \`${directory}\``,
      help: 'put rules into a file such as rules.yaml there, or name another directory',
    })
  }
  return { files: readFiles(paths, problems), problems }
}

/** What went wrong with a file, in words. */
export function failureReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'ENOENT':
      return 'it does not exist'
    case 'EACCES':
    case 'EPERM':
      return 'permission denied'
    case 'ELOOP':
      return 'its symbolic links go in a circle'
    case 'ENOTDIR':
      return 'a part of its path is not a directory'
    case 'ENAMETOOLONG':
      return 'its name is too long'
    default:
      return typeof code === 'string' ? code : 'it cannot be read'
  }
}

function realDirectory(directory: string, problems: FileProblem[]): string | null {
  try {
    if (statSync(directory).isDirectory()) return realpathSync(directory)
    problems.push({
      file: directory,
      code: 'config-directory',
      message: `\`${directory}\` is a file, not a directory`,
      help: 'name the directory that holds the rules files',
    })
  } catch (error) {
    problems.push({
      file: directory,
      code: 'config-directory',
      message: `the directory \`${directory}\` cannot be read: ${failureReason(error)}`,
      help: 'name the directory that holds the rules files, or create it',
    })
  }
  return null
}

interface FoundFile {
  readonly file: string
  readonly sizeBytes: number
}

class Walk {
  readonly #directory: string
  readonly #root: string
  readonly #problems: FileProblem[]
  readonly #found: FoundFile[] = []
  /** Real paths of the directories above: a link back to one of them would go round for ever. */
  readonly #open = new Set<string>()
  #entries = 0
  #full = false

  constructor(directory: string, root: string, problems: FileProblem[]) {
    this.#directory = directory
    this.#root = root
    this.#problems = problems
  }

  run(): readonly FoundFile[] {
    this.#folder(this.#directory, this.#root, 0)
    const found = this.#found.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0))
    if (found.length > configLimits.files) {
      this.#problem(
        this.#directory,
        'config-too-many-files',
        `there are more than ${configLimits.files.toLocaleString('en')} YAML files in \`${this.#directory}\``,
        'put several rules into one file, or name a directory that holds only rules',
      )
      return []
    }
    return found
  }

  #folder(shown: string, real: string, depth: number): void {
    if (this.#full || this.#open.has(real)) return
    if (depth > configLimits.directoryDepth) {
      this.#problem(
        shown,
        'config-too-deep',
        `directories are nested deeper than ${configLimits.directoryDepth}`,
        'move the rules files up',
      )
      return
    }
    this.#open.add(real)
    let entries: Dirent[] = []
    try {
      entries = readdirSync(shown, { withFileTypes: true })
    } catch (error) {
      this.#problem(
        shown,
        'config-unreadable',
        `the directory \`${shown}\` cannot be read: ${failureReason(error)}`,
        'check its permissions',
      )
    }
    for (const entry of entries) {
      if (this.#full) break
      this.#entries++
      if (this.#entries > configLimits.directoryEntries || this.#found.length > configLimits.files) {
        this.#stop()
        break
      }
      this.#entry(entry, join(shown, entry.name), join(real, entry.name), depth)
    }
    this.#open.delete(real)
  }

  #entry(entry: Dirent, shown: string, real: string, depth: number): void {
    if (entry.isDirectory()) {
      if (!isIgnored(entry.name)) this.#folder(shown, real, depth + 1)
      return
    }
    const isYaml = isRulesFile(entry.name)
    if (!entry.isSymbolicLink()) {
      if (isYaml) this.#file(shown, real)
      return
    }
    if (!isYaml && (isIgnored(entry.name) || /\.[^.]+$/.test(entry.name))) return
    this.#link(shown, real, depth, isYaml)
  }

  #link(shown: string, real: string, depth: number, isYaml: boolean): void {
    let target: string
    try {
      target = realpathSync(real)
    } catch (error) {
      if (isYaml) this.#unreadable(shown, error)
      return
    }
    const isDirectory = statSync(target).isDirectory()
    if (!isDirectory && !isYaml) return
    const below = relative(this.#root, target)
    if (below === '..' || below.startsWith(`..${sep}`)) {
      this.#problem(
        shown,
        'config-symlink',
        `the symbolic link \`${shown}\` leaves the configuration directory`,
        'copy what it points to into the directory, or remove the link',
      )
    } else if (isDirectory) this.#folder(shown, target, depth + 1)
    else this.#file(shown, target)
  }

  #file(shown: string, real: string): void {
    try {
      const found = statSync(real)
      if (found.isFile()) this.#found.push({ file: shown, sizeBytes: found.size })
      else {
        this.#problem(
          shown,
          'config-unreadable',
          `\`${shown}\` is not an ordinary file`,
          'remove or rename it',
        )
      }
    } catch (error) {
      this.#unreadable(shown, error)
    }
  }

  #unreadable(shown: string, error: unknown): void {
    this.#problem(
      shown,
      'config-unreadable',
      `\`${shown}\` cannot be read: ${failureReason(error)}`,
      'check the file and its permissions',
    )
  }

  #stop(): void {
    this.#full = true
    if (this.#entries > configLimits.directoryEntries) {
      this.#problem(
        this.#directory,
        'config-too-many-files',
        `there are more than ${configLimits.directoryEntries.toLocaleString('en')} entries in \`${this.#directory}\``,
        'name a directory that holds only rules',
      )
    }
  }

  #problem(file: string, code: ProblemCode, message: string, help: string): void {
    this.#problems.push({ file, code, message, help })
  }
}

function isIgnored(name: string): boolean {
  return name.startsWith('.') || ignoredFolders.has(name)
}

function isRulesFile(name: string): boolean {
  return /\.ya?ml$/.test(name) && !/\.test\.ya?ml$/.test(name) && !name.startsWith('.')
}

function readFiles(found: readonly FoundFile[], problems: FileProblem[]): SourceFile[] {
  const files: SourceFile[] = []
  let total = 0
  for (const { file, sizeBytes } of found) {
    if (sizeBytes > configLimits.fileSizeBytes) {
      problems.push({
        file,
        code: 'config-file-too-large',
        message: `the file has ${(sizeBytes / 1024 / 1024).toFixed(1)} MiB; at most ${configLimits.fileSizeBytes / 1024 / 1024} MiB is read`,
        help: 'split it into several files, or move what is not rules elsewhere',
      })
      continue
    }
    total += sizeBytes
    if (total > configLimits.totalSizeBytes) {
      problems.push({
        file,
        code: 'config-total-size',
        message: `the files have more than ${configLimits.totalSizeBytes / 1024 / 1024} MiB together`,
        help: 'name a directory that holds only rules',
      })
      break
    }
    const text = readText(file, problems)
    if (text !== null) files.push({ file, text })
  }
  return files
}

function readText(file: string, problems: FileProblem[]): string | null {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    problems.push({
      file,
      code: 'config-unreadable',
      message: `\`${file}\` cannot be read: ${failureReason(error)}`,
      help: 'check the file and its permissions',
    })
    return null
  }
  if (isUtf8(bytes)) {
    // The byte order mark is kept out, so that columns of the first line are right.
    return new TextDecoder('utf-8').decode(bytes)
  }
  const at = firstInvalidByte(bytes)
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  problems.push({
    file,
    code: 'config-encoding',
    message: utf16
      ? 'the file is UTF-16, not UTF-8'
      : `the file is not UTF-8: byte ${at} (0x${(bytes[at] ?? 0).toString(16).padStart(2, '0')}) does not belong there`,
    help: 'save it with the encoding UTF-8',
    before: bytes.toString('utf8', 0, at),
  })
  return null
}

/** The longest prefix that is UTF-8, by halving: twenty looks at most. */
function firstInvalidByte(bytes: Buffer): number {
  let good = 0
  let bad = bytes.length + 1
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (isPrefixOfUtf8(bytes.subarray(0, middle))) good = middle
    else bad = middle
  }
  // A sequence that is only cut off at the end of the file is invalid where it begins.
  return good === bytes.length ? Math.max(0, good - 1) : good
}

function isPrefixOfUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
    return true
  } catch {
    return false
  }
}
