/** Moves a full log file out of the way: `file` becomes `file.1`, `file.1` becomes `file.2`, and so on. */
import { lstat, rename, rm } from 'node:fs/promises'
import { maxKeptFiles } from '../core/log-file-name.ts'

/**
 * Each step is one atomic rename, from the oldest on, so that a crash in between leaves a gap and loses no
 * file; the next rotation fills the gap before it lets the oldest go. What an earlier, larger `keep` left is removed.
 */
export async function rotateFile(path: string, keep: number): Promise<void> {
  const gap = await firstGap(path, keep)
  for (let number = gap; number > 1; number--) await rename(`${path}.${number - 1}`, `${path}.${number}`)
  await rename(path, `${path}.1`)
  for (let number = keep + 1; number <= maxKeptFiles && (await exists(`${path}.${number}`)); number++) {
    await rm(`${path}.${number}`)
  }
}

async function firstGap(path: string, keep: number): Promise<number> {
  for (let number = 1; number < keep; number++) {
    if (!(await exists(`${path}.${number}`))) return number
  }
  return keep
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
}
