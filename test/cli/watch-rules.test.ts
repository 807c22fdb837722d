/** Edited files are noticed however an editor saves them. */
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { watchRules } from '../../src/cli/watch-rules.ts'
import { systemClock } from '../../src/engine/system-clock.ts'
import { makeDirectory } from '../support/tocsin.ts'
import { waitFor } from '../support/wait-for.ts'

const cleanup: (() => void)[] = []
afterEach(() => {
  for (const undo of cleanup.splice(0).reverse()) undo()
})

function watching(files: Readonly<Record<string, string>>) {
  const directory = makeDirectory(files)
  cleanup.push(directory.remove)
  const seen = { changes: 0, blind: [] as string[] }
  const stop = watchRules(directory.path, {
    clock: systemClock(),
    settleMs: 20,
    changed: () => seen.changes++,
    blind: (message) => seen.blind.push(message),
  })
  cleanup.push(stop)
  const file = (name: string) => path.join(directory.path, name)
  /** As most editors do: a new file in the place of the old one. */
  const replace = (name: string, text: string) => {
    writeFileSync(file(`${name}.new`), text)
    renameSync(file(`${name}.new`), file(name))
  }
  /** Does something, and waits until it was noticed. */
  const notices = async (what: string, change: () => void) => {
    const before = seen.changes
    change()
    await waitFor(what, () => seen.changes > before)
  }
  return { path: directory.path, file, replace, notices, seen, stop }
}

test('a file that is replaced again and again, and then written in place', async () => {
  const { file, replace, notices } = watching({ 'a.yaml': '1' })
  for (const text of ['2', '3', '4']) await notices(`save ${text}`, () => replace('a.yaml', text))
  await notices('a write in place', () => writeFileSync(file('a.yaml'), '5'))
  await notices('the end of the file', () => rmSync(file('a.yaml')))
})

test('files in directories below, also in those that come later or come again', async () => {
  const { file, replace, notices } = watching({ 'sub/a.yml': '1' })
  await notices('a change below', () => replace('sub/a.yml', '2'))
  await notices('a new directory', () => mkdirSync(file('new')))
  await notices('a file in it', () => writeFileSync(file('new/b.yaml'), '1'))
  await notices('its end', () => rmSync(file('new'), { recursive: true }))
  await notices('a new one in its place', () => mkdirSync(file('new')))
  await notices('a file in that', () => writeFileSync(file('new/b.yaml'), '1'))
})

test('a volume that Kubernetes exchanges', async () => {
  const { file, notices } = watching({ '..1/a.yaml': '1', '..2/a.yaml': '2' })
  await notices('the first', () => symlinkSync('..1', file('..data')))
  await notices('the second', () => {
    symlinkSync('..2', file('..data_tmp'))
    renameSync(file('..data_tmp'), file('..data'))
  })
})

test('other files are no change', async () => {
  const { file, notices, seen } = watching({ 'a.yaml': '1', 'data/tocsin.db': '' })
  writeFileSync(file('data/tocsin.db'), 'x')
  writeFileSync(file('notes.txt'), 'x')
  writeFileSync(file('data/tocsin.db-wal'), 'x')
  await notices('the file after them', () => writeFileSync(file('a.yaml'), '2'))
  expect(seen.changes).toBe(1)
})

test('a directory that goes away is told', async () => {
  const { path: directory, seen } = watching({ 'a.yaml': '1' })
  rmSync(directory, { recursive: true })
  await waitFor('that it is told', () => seen.blind.length > 0)
  expect(seen.blind).toEqual([`The directory ${directory} cannot be watched: it is gone.`])
})
