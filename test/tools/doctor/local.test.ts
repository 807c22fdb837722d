import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createStore, probeSqlite } from '../../../src/stores/index.ts'
import { clockFindings } from '../../../src/tools/doctor/local/clock.ts'
import { spaceFinding, writableFindings } from '../../../src/tools/doctor/local/writable.ts'
import { makeDirectory } from '../../support/tocsin.ts'
import { openClinic } from './clinic.ts'

let directory: ReturnType<typeof makeDirectory>
beforeAll(() => {
  directory = makeDirectory({ 'a-file': 'x' })
})
afterAll(() => directory.remove())
const at = (name: string) => path.join(directory.path, name)

const local = (settings: string) =>
  openClinic(`
brokers: { default: { url: "mqtt://127.0.0.1:1" } }
settings: { ${settings} }
rules: [{ id: a, topic: a, then: [{ log: { file: a.csv, format: csv } }] }]
`)

describe('the store', () => {
  test('that another program holds', async () => {
    const clinic = local('storage: DATA/tocsin.db, log_directory: DATA/logs, http: { listen: off }')
    const store = createStore(clinic.file('tocsin.db'))
    await store.open()
    expect((await clinic.examine()).of('store')).toMatchObject({
      state: 'warn',
      what: expect.stringContaining('is in use by another program, and no Tocsin answers'),
    })
    await store.close()
    expect((await clinic.examine()).of('store')).toMatchObject({
      state: 'ok',
      what: expect.stringContaining('can be opened and written'),
    })
    expect(readdirSync(path.dirname(clinic.file('x')))).toEqual(['tocsin.db'])
    clinic.remove()
  })

  test('that is no database, and one of another program', () => {
    writeFileSync(
      at('text.db'),
      'this is a text and no database at all, and it is long enough to be looked at'.repeat(20),
    )
    expect(probeSqlite(at('text.db'))).toMatchObject({ ok: false, failure: { reason: 'corrupt' } })
  })

  test('in memory keeps nothing', async () => {
    const clinic = local('storage: memory, log_directory: DATA/logs, http: { listen: off }')
    expect((await clinic.examine()).of('store').state).toBe('warn')
    clinic.remove()
  })
})

describe('directories', () => {
  test('that can be written, also where they are to be made; nothing is left there', () => {
    const [found] = writableFindings('logs', at('not/yet/there'), 'The directory', 'log_directory')
    expect(found).toMatchObject({ state: 'ok' })
    expect(readdirSync(directory.path)).not.toContain('not')
    expect(readdirSync(directory.path).filter((name) => name.includes('doctor'))).toEqual([])
  })

  test.skipIf(process.getuid?.() === 0)('that cannot', () => {
    mkdirSync(at('closed'))
    chmodSync(at('closed'), 0o500)
    const [found] = writableFindings('logs', at('closed/logs'), 'The directory', 'log_directory')
    expect(found).toMatchObject({
      state: 'fail',
      what: expect.stringContaining('is not writable for the user'),
    })
  })

  test('of the system, and files that are none', () => {
    const [found] = writableFindings('logs', '/proc/logs', 'The directory', 'log_directory')
    expect(found).toMatchObject({
      state: 'fail',
      what: expect.stringContaining('The directory cannot be written: /proc'),
    })
    const [file] = writableFindings('logs', at('a-file/logs'), 'The directory', 'log_directory')
    expect(file).toMatchObject({ state: 'fail', what: expect.stringContaining('is a file, not a directory') })
  })

  test('on a disk that is nearly full', () => {
    expect(spaceFinding('store', '/data', 10 * 2 ** 30)).toEqual([])
    expect(spaceFinding('store', '/data', 100 * 2 ** 20)).toMatchObject([
      { state: 'warn', what: 'Only 100 MiB are left on the disk of /data.' },
    ])
    expect(spaceFinding('store', '/data', 2 ** 20)).toMatchObject([{ state: 'fail' }])
  })
})

test('the port of the web server: taken by another program, or by a Tocsin', async () => {
  let answer = 'hello'
  const server = http.createServer((_request, response) => response.end(answer))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const clinic = local(`storage: DATA/t.db, log_directory: DATA/logs, http: { listen: "127.0.0.1:${port}" }`)
  expect((await clinic.examine()).of('port')).toMatchObject({
    state: 'fail',
    what: `127.0.0.1:${port} is taken by another program. Tocsin will not start.`,
  })
  answer = '{"status":"ok"}'
  expect((await clinic.examine()).of('port')).toMatchObject({
    state: 'ok',
    what: `127.0.0.1:${port} is in use by the Tocsin that runs.`,
  })
  await new Promise((resolve) => server.close(resolve))
  clinic.remove()
})

describe('the clock', () => {
  const well = {
    nowMs: Date.UTC(2027, 2, 1, 12),
    jumpedMs: 3,
    zone: 'Europe/Berlin',
    sync: 'kept',
    ahead: null,
  } as const
  test.each([
    ['right', well, 'ok', 'It is 2027-03-01 13:00 in Europe/Berlin, kept right from the network.'],
    ['in 1970', { ...well, nowMs: 5_000 }, 'fail', 'The clock says 1970-01-01 01:00, which cannot be.'],
    [
      'set while it is looked at',
      { ...well, jumpedMs: -90_000 },
      'warn',
      'The clock was set by 90 s backwards while this ran.',
    ],
    [
      'not set yet',
      { ...well, sync: 'not-yet' as const },
      'warn',
      expect.stringContaining('was not set from the network yet'),
    ],
    [
      'ahead',
      { ...well, ahead: { whose: 'Twilio', ms: -120_000 } },
      'warn',
      expect.stringContaining('120 s ahead of that of Twilio'),
    ],
  ])('%s', (_, seen, state, what) => {
    expect(clockFindings(seen)).toMatchObject([{ state, what }])
  })
})

test('a configuration with an error: it is shown, and what can be tried without the rules is tried', async () => {
  const clinic = openClinic(
    'brokers: { default: { url: "mqtt://127.0.0.1:1" } }\nrules: [{ id: a, topic: "a/#/b", then: [] }]',
  )
  const { code, text } = await clinic.run('--listen', '1s')
  expect(code).toBe(1)
  expect(text).toContain('# must come last')
  expect(text).toContain('Tocsin does not start with these rules')
  expect(text).toContain('Connection refused')
  clinic.remove()
})

test('wrong usage', async () => {
  const clinic = local('storage: memory')
  expect((await clinic.run('--listen', 'long')).code).toBe(2)
  const { code, errors } = await clinic.run('--mosquitto-conf', '/no/such/file.conf')
  expect([code, errors]).toEqual([2, 'There is no file /no/such/file.conf (--mosquitto-conf).\n'])
  clinic.remove()
})
