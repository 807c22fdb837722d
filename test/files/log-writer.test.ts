import { readdirSync } from 'node:fs'
import { appendFile, mkdir, readdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { csv, ndjson, useLogFolder } from './log-folder.ts'
import { readCsv } from './read-csv.ts'

const folder = useLogFolder()

const lessonHeader = 'timestamp,device_id,temperature,humidity,pressure'
const reading = (temperature: number) => ({
  timestamp: '2026-01-01T00:00:00',
  device_id: 'rpi001',
  temperature,
  humidity: 50.5,
  pressure: 1013.2,
})

describe('writing', () => {
  test('a new file begins with the header, and lines stand in the order they came', async () => {
    const writer = folder.writer()
    const outcomes = await writer.write([csv('s.csv', reading(21)), csv('s.csv', reading(22))])
    expect(outcomes).toEqual([{ ok: true }, { ok: true }])
    await writer.write([csv('s.csv', reading(23))])
    expect((await folder.bytes('s.csv')).split('\r\n')).toEqual([
      lessonHeader,
      '2026-01-01T00:00:00,rpi001,21,50.5,1013.2',
      '2026-01-01T00:00:00,rpi001,22,50.5,1013.2',
      '2026-01-01T00:00:00,rpi001,23,50.5,1013.2',
      '',
    ])
  })

  test('calls made at once queue up and keep their order', async () => {
    const writer = folder.writer()
    await Promise.all(Array.from({ length: 50 }, (_, n) => writer.write([csv('a/b/n.csv', { n })])))
    expect(await folder.lines('a/b/n.csv')).toEqual(['n', ...Array.from({ length: 50 }, (_, n) => String(n))])
  })

  test('calls that gather in one round get their own outcomes', async () => {
    const writer = folder.writer()
    const outcomes = await Promise.all([
      writer.write([csv('s.csv', { n: 1 }), csv('../s.csv', { n: 2 })]),
      writer.write([]),
      writer.write([csv('/s.csv', { n: 3 })]),
      writer.write([csv('s.csv', { n: 4 })]),
    ])
    expect(outcomes.map((call) => call.map(({ ok }) => ok))).toEqual([[true, false], [], [false], [true]])
    expect(await folder.read('s.csv')).toBe('n\n1\n4\n')
  })

  test('with fsync the lines are there all the same', async () => {
    const writer = folder.writer({ fsync: true })
    expect(await writer.write([csv('a/s.csv', { n: 1 }), ndjson('s.ndjson', { n: 1 })])).toEqual([
      { ok: true },
      { ok: true },
    ])
    expect(await folder.read('a/s.csv')).toBe('n\n1\n')
    expect(await folder.read('s.ndjson')).toBe('{"n":1}\n')
  })

  test('files can be read by owner and group only', async () => {
    await folder.writer().write([csv('deep/s.csv', { n: 1 })])
    expect((await stat(join(folder.path, 'deep/s.csv'))).mode & 0o137).toBe(0)
    expect((await stat(join(folder.path, 'deep'))).mode & 0o027).toBe(0)
  })

  test('close waits for what was given, and afterwards nothing can be written', async () => {
    const writer = folder.writer()
    const pending = writer.write([csv('s.csv', { n: 1 })])
    await writer.close()
    expect(await folder.read('s.csv')).toBe('n\n1\n')
    expect(await pending).toEqual([{ ok: true }])
    expect(() => writer.write([csv('s.csv', { n: 2 })])).toThrow('closed')
  })

  test.runIf(process.platform === 'linux')(
    '100 files at once, with no more than 8 of them open',
    async () => {
      const writer = folder.writer({ limits: { openFiles: 8 } })
      const openNow = () => readdirSync('/proc/self/fd').length
      const before = openNow()
      for (let round = 0; round < 3; round++) {
        const effects = Array.from({ length: 100 }, (_, n) => csv(`f${n}.csv`, { round }))
        const outcomes = await writer.write(effects)
        expect(outcomes.every(({ ok }) => ok)).toBe(true)
        expect(openNow() - before).toBeLessThanOrEqual(8)
      }
      for (let n = 0; n < 100; n++) expect(await folder.read(`f${n}.csv`)).toBe('round\n0\n1\n2\n')
    },
  )

  test('too many waiting lines are refused as temporary, and those before them are written', async () => {
    const writer = folder.writer({ limits: { waitingLines: 2 } })
    const first = writer.write([csv('s.csv', { n: 1 }), csv('s.csv', { n: 2 })])
    const [refused] = await writer.write([csv('s.csv', { n: 3 })])
    expect(refused).toMatchObject({ ok: false, kind: 'temporary' })
    await first
    expect(await folder.read('s.csv')).toBe('n\n1\n2\n')
    expect(await writer.write([csv('s.csv', { n: 3 })])).toEqual([{ ok: true }])
  })

  test('a line beyond the limit is refused for good, its neighbours are written', async () => {
    const writer = folder.writer({ limits: { lineBytes: 100 } })
    const outcomes = await writer.write([
      csv('s.csv', { t: 'a' }),
      csv('s.csv', { t: 'x'.repeat(101) }),
      csv('s.csv', { t: 'b' }),
    ])
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, false, true])
    expect(outcomes[1]).toMatchObject({ kind: 'permanent' })
    expect(await folder.read('s.csv')).toBe('t\na\nb\n')
  })
})

describe('a file that was there before', () => {
  test('is continued after a restart, without a second header', async () => {
    const first = folder.writer()
    await first.write([csv('s.csv', { n: 1 })])
    await first.close()
    await folder.writer().write([csv('s.csv', { n: 2 })])
    expect(await folder.read('s.csv')).toBe('n\n1\n2\n')
    expect(await readdir(folder.path)).toEqual(['s.csv'])
  })

  test.each(['\r\n', '\n'])('begun by another program with %j, it keeps its line ends', async (lineEnd) => {
    await mkdir(folder.path)
    const before = `${lessonHeader}${lineEnd}2025,a,1,2,3${lineEnd}`
    await writeFile(join(folder.path, 's.csv'), before)
    await folder.writer().write([csv('s.csv', reading(21))])
    expect(await folder.bytes('s.csv')).toBe(`${before}2026-01-01T00:00:00,rpi001,21,50.5,1013.2${lineEnd}`)
  })

  test('with other columns it is moved aside, so that columns never mix', async () => {
    const first = folder.writer()
    await first.write([csv('s.csv', { a: 1 })])
    await first.close()
    await folder.writer().write([csv('s.csv', { a: 2, b: 3 })])
    expect(await folder.read('s.csv.1')).toBe('a\n1\n')
    expect(await folder.read('s.csv')).toBe('a,b\n2,3\n')
  })

  test('a header that only begins alike is another header', async () => {
    await mkdir(folder.path)
    await writeFile(join(folder.path, 's.csv'), 'ab\n1\n')
    await folder.writer().write([csv('s.csv', { a: 2 })])
    expect(await folder.read('s.csv')).toBe('a\n2\n')
    expect(await folder.read('s.csv.1')).toBe('ab\n1\n')
  })

  test('a CSV file is moved aside for NDJSON', async () => {
    await mkdir(folder.path)
    await writeFile(join(folder.path, 's'), 'a\n1\n')
    await folder.writer().write([ndjson('s', { a: 2 })])
    expect(await folder.read('s')).toBe('{"a":2}\n')
    expect(await folder.read('s.1')).toBe('a\n1\n')
  })

  test.each([
    ['in a number', 'n,t\n1,a\n2', 'n,t\n1,a\n2\n3,c\n', 4],
    ['just after the header', 'n,t', 'n,t\n3,c\n', 2],
    ['inside quotes', 'n,t\n1,"a ""b', 'n,t\n1,"a ""b"\n3,c\n', 3],
    ['inside quotes, at a line break', 'n,t\n1,"a\n', 'n,t\n1,"a\n"\n3,c\n', 3],
    ['between doubled quotes', 'n,t\n1,"a"', 'n,t\n1,"a"\n3,c\n', 3],
  ])('a line torn %s is completed before the next', async (_, torn, whole, records) => {
    await mkdir(folder.path)
    await writeFile(join(folder.path, 's.csv'), torn)
    await folder.writer().write([csv('s.csv', { n: 3, t: 'c' })])
    const text = await folder.read('s.csv')
    expect(text).toBe(whole)
    expect(readCsv(text)).toHaveLength(records)
    expect(readCsv(text).at(-1)).toEqual(['3', 'c'])
  })

  test.each(['n,t\r', 'n,t\r\n1,a\r'])('a line end torn in two is completed: %j', async (torn) => {
    await mkdir(folder.path)
    await writeFile(join(folder.path, 's.csv'), torn)
    await folder.writer().write([csv('s.csv', { n: 3, t: 'c' })])
    expect(await folder.bytes('s.csv')).toBe(`${torn}\n3,c\r\n`)
  })

  test('a torn NDJSON line costs only itself', async () => {
    await mkdir(folder.path)
    await writeFile(join(folder.path, 's.ndjson'), '{"n":1}\n{"n":')
    await folder.writer().write([ndjson('s.ndjson', { n: 3 })])
    expect(await folder.lines('s.ndjson')).toEqual(['{"n":1}', '{"n":', '{"n":3}'])
  })
})

describe('other hands on an open file', () => {
  test('moved away (logrotate): a new one is begun', async () => {
    const writer = folder.writer()
    await writer.write([csv('s.csv', { n: 1 })])
    await rename(join(folder.path, 's.csv'), join(folder.path, 'old.csv'))
    await writer.write([csv('s.csv', { n: 2 })])
    expect(await folder.read('old.csv')).toBe('n\n1\n')
    expect(await folder.read('s.csv')).toBe('n\n2\n')
  })

  test('deleted with its folder: both come back', async () => {
    const writer = folder.writer()
    await writer.write([csv('a/s.csv', { n: 1 })])
    await rm(folder.path, { recursive: true })
    expect(await writer.write([csv('a/s.csv', { n: 2 })])).toEqual([{ ok: true }])
    expect(await folder.read('a/s.csv')).toBe('n\n2\n')
  })

  test('truncated: it gets its header again', async () => {
    const writer = folder.writer()
    await writer.write([csv('s.csv', { n: 1 })])
    await truncate(join(folder.path, 's.csv'), 0)
    await writer.write([csv('s.csv', { n: 2 })])
    expect(await folder.read('s.csv')).toBe('n\n2\n')
  })

  test('so it is when the file was not held open meanwhile', async () => {
    const writer = folder.writer({ limits: { openFiles: 1 } })
    await writer.write([csv('s.csv', { n: 1 }), csv('other.csv', { n: 1 })])
    await appendFile(join(folder.path, 's.csv'), '"half')
    await writer.write([csv('s.csv', { n: 2 })])
    expect(await folder.read('s.csv')).toBe('n\n1\n"half"\n2\n')
  })

  test('somebody appended half a line: it is completed', async () => {
    const writer = folder.writer()
    await writer.write([csv('s.csv', { n: 1 })])
    await appendFile(join(folder.path, 's.csv'), 'half')
    await writer.write([csv('s.csv', { n: 2 })])
    expect(await folder.read('s.csv')).toBe('n\n1\nhalf\n2\n')
  })
})

describe('two rules that disagree about a file', () => {
  test('the second is refused, instead of rotating the file at every line', async () => {
    const writer = folder.writer()
    const outcomes = await writer.write([
      csv('s.csv', { a: 1 }),
      csv('s.csv', { b: 2 }),
      ndjson('s.csv', { a: 1 }),
      csv('s.csv', { a: 3 }),
    ])
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, false, false, true])
    expect(outcomes[1]).toMatchObject({
      kind: 'permanent',
      message: expect.stringContaining('Give each its own file'),
    })
    expect(await folder.read('s.csv')).toBe('a\n1\n3\n')
  })

  test('after the rules have changed, the file may have other columns', async () => {
    const writer = folder.writer()
    await writer.write([csv('s.csv', { a: 1 })])
    writer.reconfigured()
    expect(await writer.write([csv('s.csv', { b: 2 })])).toEqual([{ ok: true }])
    expect(await folder.read('s.csv')).toBe('b\n2\n')
    expect(await folder.read('s.csv.1')).toBe('a\n1\n')
  })
})
