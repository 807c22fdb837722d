/** Reads the file behind `${file:…}`: small, ordinary, UTF-8, without its last line break. */
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { configLimits } from './limits.ts'
import { failureReason } from './read-directory.ts'
import type { SubstitutionSources } from './substitute.ts'

/** Paths that are not absolute start at the configuration's directory. */
export function secretFileReader(directory: string): SubstitutionSources['readSecretFile'] {
  return (path) => {
    const limit = configLimits.secretFileSizeBytes
    try {
      const full = resolve(directory, path)
      // Looked at first: reading a pipe or a device could wait for ever.
      const found = statSync(full)
      if (!found.isFile()) {
        return { ok: false, message: `\`${path}\` is not a file`, help: 'name a file that holds the value' }
      }
      if (found.size > limit) {
        return {
          ok: false,
          message: `the secret file \`${path}\` is larger than ${limit / 1024} KiB`,
          help: 'name a file that holds only the value',
        }
      }
      const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(full))
      return { ok: true, text: text.replace(/\r?\n$/, '') }
    } catch (error) {
      const reason = error instanceof TypeError ? 'it is not UTF-8 text' : failureReason(error)
      return {
        ok: false,
        message: `the secret file \`${path}\` cannot be read: ${reason}`,
        help: 'check the path and that Tocsin may read it; a path that is not absolute starts at the configuration directory',
      }
    }
  }
}
