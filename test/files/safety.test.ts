import { execFileSync } from 'node:child_process'
import { chmod, link, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { csv, useLogFolder } from './log-folder.ts'

const folder = useLogFolder()
const writerModule = new URL('../../src/files/log-writer.ts', import.meta.url).href
const refusedForGood = { ok: false, kind: 'permanent' }

describe('the writer never leaves its directory', () => {
  test.each([
    '',
    '/etc/passwd',
    '../out.csv',
    'a/../../out.csv',
    'a/..',
    './s.csv',
    'a//s.csv',
    'a/',
    'C:/s.csv',
    'c:s.csv',
    'a\\..\\..\\out.csv',
    's\u0000.csv',
    's\n.csv',
    's.csv.1',
    'x/'.repeat(20),
    'x'.repeat(300),
  ])('the name %j is refused', async (file) => {
    const [outcome] = await folder.writer().write([csv(file, { n: 1 })])
    expect(outcome).toMatchObject(refusedForGood)
    expect(await readdir(folder.outside)).toEqual([])
  })

  test('a symbolic link in place of the file is not followed', async () => {
    await mkdir(folder.path)
    const target = join(folder.outside, 'target')
    await writeFile(target, 'precious')
    await symlink(target, join(folder.path, 's.csv'))
    const [outcome] = await folder.writer().write([csv('s.csv', { n: 1 })])
    expect(outcome).toMatchObject({ ...refusedForGood, message: expect.stringContaining('symbolic link') })
    expect(await readFile(target, 'utf8')).toBe('precious')
  })

  test('nor is a dangling one, which would make the file outside', async () => {
    await mkdir(folder.path)
    await symlink(join(folder.outside, 'made'), join(folder.path, 's.csv'))
    expect(await folder.writer().write([csv('s.csv', { n: 1 })])).toMatchObject([refusedForGood])
    expect(await readdir(folder.outside)).toEqual(['log'])
  })

  test('nor one in place of a folder', async () => {
    await mkdir(folder.path)
    await mkdir(join(folder.outside, 'elsewhere'))
    await symlink(join(folder.outside, 'elsewhere'), join(folder.path, 'a'))
    expect(await folder.writer().write([csv('a/s.csv', { n: 1 }), csv('a/b/s.csv', { n: 1 })])).toMatchObject(
      [refusedForGood, refusedForGood],
    )
    expect(await readdir(join(folder.outside, 'elsewhere'))).toEqual([])
  })

  test('an open file that is replaced by a link is let go', async () => {
    const writer = folder.writer()
    await writer.write([csv('s.csv', { n: 1 })])
    const target = join(folder.outside, 'target')
    await link(join(folder.path, 's.csv'), target)
    execFileSync('ln', ['-sf', target, join(folder.path, 's.csv')])
    expect(await writer.write([csv('s.csv', { n: 2 })])).toMatchObject([refusedForGood])
    expect(await readFile(target, 'utf8')).toBe('n\r\n1\r\n')
  })

  test('the log directory itself may be a link', async () => {
    await mkdir(join(folder.outside, 'real'))
    await symlink(join(folder.outside, 'real'), folder.path)
    expect(await folder.writer().write([csv('a/s.csv', { n: 1 })])).toEqual([{ ok: true }])
    expect(await readFile(join(folder.outside, 'real/a/s.csv'), 'utf8')).toBe('n\r\n1\r\n')
  })
})

describe('what is no ordinary file is refused, and the other files go on', () => {
  test('a folder, a file in place of a folder, a named pipe', async () => {
    await mkdir(join(folder.path, 'folder.csv'), { recursive: true })
    await writeFile(join(folder.path, 'file'), '')
    execFileSync('mkfifo', [join(folder.path, 'pipe.csv')])
    const files = ['folder.csv', 'file/s.csv', 'pipe.csv', 'good.csv']
    const outcomes = await folder.writer().write(files.map((file) => csv(file, { n: 1 })))
    expect(outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.kind))).toEqual([
      'permanent',
      'permanent',
      'permanent',
      'ok',
    ])
  })

  test('a file that we may not write', async () => {
    await mkdir(folder.path)
    const file = join(folder.path, 's.csv')
    await writeFile(file, '')
    await chmod(file, 0o444)
    await chmod(folder.outside, 0o755)
    // Root may write everything, so a process of somebody else tries.
    const script = `
      import { createLogWriter } from ${JSON.stringify(writerModule)}
      const writer = createLogWriter({ directory: ${JSON.stringify(folder.path)} })
      const effect = { kind: 'log', file: 's.csv', format: 'csv', columns: ['n'], values: [1], rotate: { sizeBytes: 9, keep: 1 } }
      console.log(JSON.stringify(await writer.write([effect])))`
    const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      ...nobody,
    })
    expect(JSON.parse(said)).toMatchObject([
      { ...refusedForGood, message: expect.stringContaining('not allowed') },
    ])
  })

  test('a log directory that cannot be made is told, not thrown', async () => {
    await writeFile(join(folder.outside, 'log'), 'a file')
    expect(await folder.writer().write([csv('s.csv', { n: 1 })])).toMatchObject([{ ok: false }])
  })
})

/** A file system of 64 KiB; only root can make one. */
function mountSmallDisk(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

test('a full disk is temporary, leaves no half line, and writing goes on when there is room', async (context) => {
  const disk = await mkdtemp(join(tmpdir(), 'tocsin-disk-'))
  onTestFinished(() => rm(disk, { recursive: true }))
  if (!mountSmallDisk(disk)) {
    console.warn('SKIPPED: the test of a full disk has to mount a tmpfs, which needs root.')
    context.skip('mounting a tmpfs needs root')
  }
  // Hooks run in reverse order: unmounted first, then removed.
  onTestFinished(() => void execFileSync('umount', ['-l', disk]))
  const ballast = join(disk, 'ballast')
  await writeFile(ballast, Buffer.alloc(40_000))
  const writer = folder.writer({ directory: disk })
  const record = (n: number) => csv('s.csv', { n, text: 'x'.repeat(1000) })
  await writer.write([record(0)])
  const outcomes = await writer.write(Array.from({ length: 60 }, (_, n) => record(n + 1)))
  expect(outcomes.every((outcome) => !outcome.ok && outcome.kind === 'temporary')).toBe(true)
  expect(outcomes[0]).toMatchObject({ message: expect.stringContaining('the disk is full') })
  const read = () => readFile(join(disk, 's.csv'), 'utf8')
  expect(await read()).toBe(`n,text\r\n0,${'x'.repeat(1000)}\r\n`)
  await writeFile(ballast, '')
  expect(await writer.write([record(1)])).toEqual([{ ok: true }])
  expect(await read()).toBe(`n,text\r\n0,${'x'.repeat(1000)}\r\n1,${'x'.repeat(1000)}\r\n`)
})
