/** The passwords of a deployment: random, private, and kept when the script runs again. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { canRun, makeSecrets } from './shipped-mosquitto.ts'

describe.skipIf(!canRun)('deploy/make-secrets.sh', () => {
  let directory = ''
  beforeEach(() => {
    directory = path.join(mkdtempSync(path.join(tmpdir(), 'secrets-')), 'secrets')
  })
  afterEach(() => rmSync(path.dirname(directory), { recursive: true }))
  const content = () =>
    Object.fromEntries(
      readdirSync(directory).map((file) => [file, readFileSync(path.join(directory, file), 'utf8')]),
    )

  it('makes a random password for each account, readable by its owner alone', () => {
    makeSecrets(directory, 'device-1')
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    expect(readdirSync(directory).sort()).toEqual([
      'device-1_password.txt',
      'mosquitto_passwords',
      'tocsin_password.txt',
    ])
    for (const file of readdirSync(directory))
      expect(statSync(path.join(directory, file)).mode & 0o777, file).toBe(0o600)
    const { 'device-1_password.txt': device = '', 'tocsin_password.txt': tocsin = '' } = content()
    expect(tocsin).toMatch(/^[\w-]{32}\n$/)
    expect(device).toMatch(/^[\w-]{32}\n$/)
    expect(device).not.toBe(tocsin)
  })

  it('gives Mosquitto only hashes, and says no password aloud', () => {
    const said = makeSecrets(directory)
    const { 'tocsin_password.txt': password = '', mosquitto_passwords: hashes = '' } = content()
    expect(hashes).toMatch(/^tocsin:\$/)
    expect(hashes).not.toContain(password.trim())
    expect(said).not.toContain(password.trim())
  })

  it('changes nothing when it runs again, and adds a device when it is named', () => {
    makeSecrets(directory)
    const first = content()
    makeSecrets(directory)
    expect(content()).toEqual(first)
    makeSecrets(directory, 'device-1')
    expect(content()['tocsin_password.txt']).toBe(first['tocsin_password.txt'])
    expect(
      content()
        .mosquitto_passwords?.match(/^[^:]+/gm)
        ?.sort(),
    ).toEqual(['device-1', 'tocsin'])
  })

  it('refuses a name that would be more than a name', () => {
    for (const name of ['../tocsin', 'a:b', '', '-U', 'a b', '#'])
      expect(() => makeSecrets(directory, name), name).toThrow(/cannot be a user name/)
  })
})
