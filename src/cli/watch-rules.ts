/**
 * Tells when the YAML files below a directory may have changed. Each directory is watched for itself: most editors
 * save by putting a new file in the place of the old one, and Node's own recursive watch on Linux sees only the first
 * such change of a file.
 */
import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs'
import { join } from 'node:path'
import { configLimits } from '../config/limits.ts'
import { failureReason } from '../config/read-directory.ts'
import type { Clock } from '../ports/clock.ts'

export interface WatchOptions {
  readonly clock: Clock
  /** Changes that follow each other so closely are one change. */
  readonly settleMs: number
  readonly changed: () => void
  /** A directory cannot be watched, in words; told once for each. */
  readonly blind: (message: string) => void
}

const watchedDirectoriesLimit = 1_000

interface Watched {
  readonly identity: string
  readonly watcher: FSWatcher
}

/** Watches until the returned function is called. Never throws: what cannot be watched is told. */
export function watchRules(directory: string, options: WatchOptions): () => void {
  const { clock, settleMs, changed, blind } = options
  const watched = new Map<string, Watched>()
  const told = new Set<string>()
  let cancel: (() => void) | null = null

  const tell = (folder: string, why: string) => {
    if (told.has(folder)) return
    told.add(folder)
    blind(`The directory ${folder} cannot be watched: ${why}`)
  }
  const soon = () => {
    cancel?.()
    cancel = clock.setTimer(clock.now() + settleMs, () => {
      cancel = null
      follow()
      changed()
    })
  }
  const begin = (folder: string, identity: string) => {
    try {
      const watcher = watch(folder, (_event, name) => {
        if (name === null || concernsRules(join(folder, name), name, watched)) soon()
      })
      watcher.on('error', (error) => {
        watcher.close()
        tell(folder, failureReason(error))
      })
      watched.set(folder, { identity, watcher })
    } catch (error) {
      tell(folder, watchFailure(error))
    }
  }
  /** Begins with directories that are new, or new in the place of an old one, and ends with those that are gone. */
  const follow = () => {
    const there = directoriesBelow(directory)
    for (const [folder, { identity, watcher }] of watched) {
      if (there.get(folder) === identity) continue
      watcher.close()
      watched.delete(folder)
    }
    for (const [folder, identity] of there) {
      if (watched.has(folder)) continue
      if (watched.size >= watchedDirectoriesLimit) {
        tell(folder, `there are more than ${watchedDirectoriesLimit} directories.`)
        return
      }
      begin(folder, identity)
    }
    if (!there.has(directory)) tell(directory, 'it is gone.')
  }

  follow()
  return () => {
    cancel?.()
    for (const { watcher } of watched.values()) watcher.close()
  }
}

function concernsRules(path: string, name: string, watched: ReadonlyMap<string, Watched>): boolean {
  if (/\.ya?ml$/.test(name)) return true
  // A directory that came or went; or `..data`, by which Kubernetes exchanges all files of a volume at once.
  return watched.has(path) || name.startsWith('..') || isDirectory(path)
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/** Directories that may hold rules, the given one first, with what tells each from another in its place. */
function directoriesBelow(directory: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  const walk = (folder: string, depth: number) => {
    if (depth > configLimits.directoryDepth || found.size > watchedDirectoriesLimit) return
    try {
      const stats = statSync(folder)
      if (!stats.isDirectory()) return
      // A file system may give the number of what has just gone to what comes next.
      found.set(folder, `${stats.ino} ${stats.birthtimeMs}`)
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const isHidden = entry.name.startsWith('.') || entry.name === 'node_modules'
        if (entry.isDirectory() && !isHidden) walk(join(folder, entry.name), depth + 1)
      }
    } catch {
      // What cannot be read, or has just gone, is a problem of loading it, which tells it better.
    }
  }
  walk(directory, 0)
  return found
}

function watchFailure(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOSPC' || code === 'EMFILE')
    return 'the system allows no more watches (fs.inotify.max_user_watches and max_user_instances).'
  return `${failureReason(error)}.`
}
