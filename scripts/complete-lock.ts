/**
 * Completes package-lock.json with the optional packages of other platforms that npm left out (it does where its
 * registry does not show them). Without them `npm ci` refuses the lock file. Run after installing: npm run lock.
 */
import { readFileSync, writeFileSync } from 'node:fs'

interface LockedPackage {
  version?: string
  dev?: boolean
  optional?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  optionalDependencies?: Record<string, string>
}

const file = new URL('../package-lock.json', import.meta.url)
const systems = [
  'android',
  'darwin',
  'linux',
  'win32',
  'freebsd',
  'openharmony',
  'netbsd',
  'openbsd',
  'sunos',
  'aix',
]
const processors = [
  'arm64',
  'x64',
  'arm',
  'ia32',
  'ppc64',
  'riscv64',
  's390x',
  'loong64',
  'mips64el',
  'wasm32',
]

const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, LockedPackage> }
const packages = { ...lock.packages }
for (const [at, owner] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(owner.optionalDependencies ?? {})) {
    if (isLocked(at, name)) continue
    const version = /^[~^]?(\d+\.\d+\.\d+\S*)$/.exec(range)?.[1]
    if (version === undefined)
      throw new Error(`${at} wants ${name} ${range}: which version that is cannot be told`)
    const words = (name.split('/').at(-1) ?? '').split(/[-.]/)
    const os = systems.find((system) => words.includes(system))
    const cpu = processors.find((processor) => words.includes(processor))
    packages[`node_modules/${name}`] = {
      version,
      ...(cpu === undefined ? {} : { cpu: [cpu] }),
      ...(owner.dev === true ? { dev: true } : {}),
      ...(words.includes('musl') ? { libc: ['musl'] } : words.includes('gnu') ? { libc: ['glibc'] } : {}),
      optional: true,
      ...(os === undefined ? {} : { os: [os] }),
    }
    process.stdout.write(`added ${name} ${version}\n`)
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)

/** Node looks beside the package that wants it, then above. */
function isLocked(at: string, name: string): boolean {
  const parts = at.split('/node_modules/')
  return Array.from({ length: parts.length + 1 }, (_, depth) =>
    parts.slice(0, depth).join('/node_modules/'),
  ).some(
    (above) =>
      packages[above === '' ? `node_modules/${name}` : `${above}/node_modules/${name}`] !== undefined,
  )
}
