import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { csv, useLogFolder } from './log-folder.ts'

const folder = useLogFolder()

/** A header of 3 bytes and lines of 5, with their line ends. */
const line = (n: number, rotate: { sizeBytes: number; keep: number }) =>
  csv('s.csv', { n: String(n).padStart(3, '0') }, rotate)

test('a file takes lines up to its size, to the byte', async () => {
  const writer = folder.writer()
  const rotate = { sizeBytes: 13, keep: 5 }
  await writer.write([line(1, rotate), line(2, rotate)])
  expect(await readdir(folder.path)).toEqual(['s.csv'])
  await writer.write([line(3, rotate)])
  expect(await folder.read('s.csv.1')).toBe('n\n001\n002\n')
  expect(await folder.read('s.csv')).toBe('n\n003\n')
})

test('one call may fill many files; each has its header, and the oldest beyond `keep` go', async () => {
  const writer = folder.writer()
  const rotate = { sizeBytes: 13, keep: 2 }
  const outcomes = await writer.write(Array.from({ length: 9 }, (_, n) => line(n, rotate)))
  expect(outcomes.every(({ ok }) => ok)).toBe(true)
  expect((await readdir(folder.path)).sort()).toEqual(['s.csv', 's.csv.1', 's.csv.2'])
  expect(await folder.read('s.csv.2')).toBe('n\n004\n005\n')
  expect(await folder.read('s.csv.1')).toBe('n\n006\n007\n')
  expect(await folder.read('s.csv')).toBe('n\n008\n')
})

test('a line larger than the size has a file of its own', async () => {
  const writer = folder.writer()
  const rotate = { sizeBytes: 5, keep: 5 }
  await writer.write([line(1, rotate), line(2, rotate)])
  expect(await folder.read('s.csv.1')).toBe('n\n001\n')
  expect(await folder.read('s.csv')).toBe('n\n002\n')
})

test('a gap that a crash left is filled before the oldest goes', async () => {
  await mkdir(folder.path)
  for (const [name, text] of [
    ['s.csv', 'n\n004\n'],
    ['s.csv.1', '1'],
    ['s.csv.3', '3'],
  ] as const) {
    await writeFile(join(folder.path, name), text)
  }
  await folder.writer().write([line(5, { sizeBytes: 8, keep: 3 })])
  expect(await folder.read('s.csv.1')).toBe('n\n004\n')
  expect(await folder.read('s.csv.2')).toBe('1')
  expect(await folder.read('s.csv.3')).toBe('3')
})

test('a smaller `keep` removes what the larger one left', async () => {
  const writer = folder.writer()
  for (let n = 0; n < 5; n++) await writer.write([line(n, { sizeBytes: 8, keep: 4 })])
  expect(await readdir(folder.path)).toHaveLength(5)
  await writer.write([line(5, { sizeBytes: 8, keep: 1 })])
  expect((await readdir(folder.path)).sort()).toEqual(['s.csv', 's.csv.1'])
  expect(await folder.read('s.csv.1')).toBe('n\n004\n')
})

test('rotation goes on after a restart', async () => {
  const rotate = { sizeBytes: 13, keep: 5 }
  for (let n = 0; n < 3; n++) {
    const writer = folder.writer()
    await writer.write([line(n, rotate)])
    await writer.close()
  }
  expect(await folder.read('s.csv.1')).toBe('n\n000\n001\n')
  expect(await folder.read('s.csv')).toBe('n\n002\n')
})

test('when a folder is in the way of a rotated name, the line is refused and the file stays whole', async () => {
  const writer = folder.writer()
  const rotate = { sizeBytes: 8, keep: 1 }
  await writer.write([line(1, rotate)])
  await mkdir(join(folder.path, 's.csv.1'))
  const [refused] = await writer.write([line(2, rotate)])
  expect(refused).toMatchObject({ ok: false, kind: 'permanent' })
  expect(await folder.read('s.csv')).toBe('n\n001\n')
  await rm(join(folder.path, 's.csv.1'), { recursive: true })
  expect(await writer.write([line(2, rotate)])).toEqual([{ ok: true }])
})
