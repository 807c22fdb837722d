/** Holds the plan of the house: imports point one way, and the core stays pure. */
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'

const root = path.resolve(import.meta.dirname, '../..')
const files = globSync('src/**/*.ts', { cwd: root }).sort()

const adapters = ['config', 'actions', 'decoders', 'channels', 'stores', 'mqtt', 'files', 'web'] as const
/** Which rooms a room may look into, besides itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  ports: ['core'],
  ...Object.fromEntries(adapters.map((room) => [room, ['core', 'ports']])),
  engine: ['core', 'ports'],
  tools: ['core', 'ports', 'engine', ...adapters],
  client: ['core', 'ports', 'engine', 'tools', ...adapters],
  cli: ['core', 'ports', 'engine', 'tools', ...adapters],
  main: ['core', 'ports', 'engine', 'tools', 'cli', ...adapters],
}
/** Folders whose members are adapters of one kind: they never import each other. */
const families = ['actions', 'decoders', 'channels', 'stores']
/** What the core may borrow: libraries that neither read a clock nor do I/O. */
const purePackages = new Set(['jsep', 'liquidjs', 're2js', 'zod'])

interface Import {
  readonly file: string
  readonly target: string
}

function importsOf(file: string): Import[] {
  const text = readFileSync(path.join(root, file), 'utf8')
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^'"]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s*['"]([^'"]+)['"]/g,
  )
  return [...found].map((match) => ({ file, target: match[1] ?? match[2] ?? match[3] ?? '' }))
}

const all = files.flatMap(importsOf)
const relative = all
  .filter(({ target }) => target.startsWith('.'))
  .map(({ file, target }) => ({ file, target: path.posix.join(path.posix.dirname(file), target) }))

const roomOf = (file: string) => (file.split('/').length === 2 ? 'main' : (file.split('/')[1] ?? ''))

describe('the house', () => {
  test('there is something to look at', () => {
    expect(files.length).toBeGreaterThan(50)
    expect(relative.length).toBeGreaterThan(100)
  })

  test('every room is on the plan', () => {
    expect(files.filter((file) => allowed[roomOf(file)] === undefined)).toEqual([])
  })

  test('imports point one way', () => {
    const wrong = relative.filter(({ file, target }) => {
      const [from, to] = [roomOf(file), roomOf(target)]
      return from !== to && !allowed[from]?.includes(to)
    })
    expect(wrong).toEqual([])
  })

  test('adapters of one kind do not know each other', () => {
    const member = (file: string) => {
      const [, family = '', name = '', rest] = file.split('/')
      return families.includes(family) && rest !== undefined && name !== 'shared' ? `${family}/${name}` : null
    }
    const wrong = relative.filter(({ file, target }) => {
      const [from, to] = [member(file), member(target)]
      return from !== null && to !== null && from !== to
    })
    expect(wrong).toEqual([])
  })

  test('the core is pure: no I/O, no clock, no timers, no randomness', () => {
    const core = all.filter(({ file }) => roomOf(file) === 'core')
    const outside = core.filter(
      ({ target }) => !target.startsWith('.') && !purePackages.has(target.split('/')[0] ?? ''),
    )
    expect(outside).toEqual([])
    const forbidden =
      /\b(Date\.now|performance\.|new Date\(\)|setTimeout|setInterval|Math\.random|process\.|console\.)/
    const impure = files
      .filter((file) => roomOf(file) === 'core')
      .filter((file) => {
        const code = readFileSync(path.join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
        return forbidden.test(code)
      })
    expect(impure).toEqual([])
  })

  test('every file says in its head what it is for', () => {
    const silent = files.filter(
      (file) => !/^(#!.*\n)?\/\*\*/.test(readFileSync(path.join(root, file), 'utf8')),
    )
    expect(silent).toEqual([])
  })

  test('file names are kebab-case', () => {
    expect(files.filter((file) => !/^[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(path.basename(file)))).toEqual([])
  })
})
