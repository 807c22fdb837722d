/** Certificates for tests, made with openssl: an authority, and what it signs. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface Certificate {
  /** Paths of the PEM files, for programs that want files. */
  readonly certFile: string
  readonly keyFile: string
  /** The same as text. */
  readonly cert: string
  readonly key: string
}

export interface Authority extends Certificate {
  /** `names` as in a subject alternative name, e.g. `IP:127.0.0.1` or `DNS:localhost`. */
  sign(name: string, names: readonly string[], days?: number): Certificate
  remove(): void
}

export function makeAuthority(): Authority {
  const directory = mkdtempSync(path.join(tmpdir(), 'certificates-'))
  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: directory, stdio: 'pipe' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const read = (name: string): Certificate => ({
    certFile: path.join(directory, `${name}.crt`),
    keyFile: path.join(directory, `${name}.key`),
    cert: readFileSync(path.join(directory, `${name}.crt`), 'utf8'),
    key: readFileSync(path.join(directory, `${name}.key`), 'utf8'),
  })
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
    '-subj',
    '/CN=Test CA',
    '-days',
    '2',
  )
  return {
    ...read('ca'),
    sign(name, names, days = 2) {
      writeFileSync(path.join(directory, `${name}.ext`), `subjectAltName=${names.join(',')}\n`)
      openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
      openssl(
        ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'],
        ...['-out', `${name}.crt`, '-days', String(days), '-extfile', `${name}.ext`],
      )
      return read(name)
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
