/** The files for Docker: valid, hardened, without a secret, and naming nothing that is not in the repository. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'

const root = path.resolve(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(path.join(root, file), 'utf8')
const text = read('docker-compose.yml')

const composeFile = z.object({
  services: z.record(
    z.string(),
    z.object({
      image: z.string(),
      user: z.string().optional(),
      restart: z.string(),
      read_only: z.boolean(),
      cap_drop: z.array(z.string()),
      security_opt: z.array(z.string()),
      tmpfs: z.array(z.string()),
      volumes: z.array(z.string()),
      ports: z.array(z.string()).default([]),
      secrets: z.array(z.string()),
      environment: z.record(z.string(), z.string()).default({}),
      healthcheck: z.object({ test: z.array(z.string()) }),
      privileged: z.never().optional(),
      network_mode: z.never().optional(),
      pid: z.never().optional(),
    }),
  ),
  volumes: z.record(z.string(), z.null()),
  secrets: z.record(z.string(), z.object({ file: z.string() })),
})
const compose = composeFile.parse(parse(text))
const services = Object.entries(compose.services)
const dockerfile = read('Dockerfile')

const inGit = (file: string) =>
  execFileSync('git', ['ls-files', '--', file], { cwd: root, encoding: 'utf8' }) !== ''
const isIgnored = (file: string) => spawnSync('git', ['check-ignore', '-q', file], { cwd: root }).status === 0
const hasCompose = spawnSync('docker-compose', ['version']).status === 0

function healthcheck(): { test: string | undefined; command: readonly string[] } {
  const [test, ...command] = compose.services.tocsin?.healthcheck.test ?? []
  return { test, command }
}

function exitCode([program = '', ...args]: readonly string[]): Promise<number | null> {
  const child = spawn(program === 'node' ? process.execPath : program, args, { stdio: 'ignore' })
  return new Promise((resolve) => child.on('exit', resolve))
}

describe('docker-compose.yml', () => {
  it.runIf(hasCompose)('is valid for docker-compose', () => {
    const run = spawnSync('docker-compose', ['-f', 'docker-compose.yml', 'config', '-q'], {
      cwd: root,
      encoding: 'utf8',
    })
    expect(run.stderr + run.stdout).toBe('')
    expect(run.status).toBe(0)
  })

  it.each(services)('gives %s nothing it does not need', (_name, service) => {
    expect(service).toMatchObject({ restart: 'unless-stopped', read_only: true, tmpfs: ['/tmp'] })
    expect(service.cap_drop).toEqual(['ALL'])
    expect(service.security_opt).toEqual(['no-new-privileges:true'])
    for (const volume of service.volumes) {
      const [source = '', , mode] = volume.split(':')
      if (source.startsWith('.')) expect(mode, volume).toBe('ro')
      else expect(Object.keys(compose.volumes)).toContain(source)
      expect(source).not.toContain('docker.sock')
    }
  })

  it('runs no container as root', () => {
    expect(compose.services.mosquitto?.user).toMatch(/^[1-9]\d*:[1-9]\d*$/)
    expect(dockerfile).toMatch(/^USER node$/m)
    expect(compose.services.tocsin?.user).toBeUndefined()
  })

  it('opens ports to this machine only, unless told otherwise', () => {
    for (const [, service] of services)
      for (const port of service.ports) expect(port).toMatch(/^(127\.0\.0\.1|\$\{MQTT_BIND:-127\.0\.0\.1\}):/)
  })

  it('holds no secret: they come from files that git ignores', () => {
    for (const { file } of Object.values(compose.secrets)) {
      expect(inGit(file), file).toBe(false)
      expect(isIgnored(file), file).toBe(true)
    }
    for (const [, service] of services) {
      for (const secret of service.secrets) expect(Object.keys(compose.secrets)).toContain(secret)
      for (const [name, value] of Object.entries(service.environment)) {
        expect(name).not.toMatch(/PASSWORD|TOKEN|SECRET|KEY/i)
        expect(value).toMatch(/^\$\{/)
      }
    }
    expect(read('deploy/tocsin/broker.yaml')).toMatch(
      /^ +password: \$\{file:\/run\/secrets\/tocsin_password\}$/m,
    )
  })

  it('asks the web server of the container for its health, with what the image has', async () => {
    const { test, command } = healthcheck()
    expect(test).toBe('CMD')
    const answers = new Map([
      [200, 0],
      [503, 1],
    ])
    for (const [status, code] of answers) {
      const server = http.createServer((request, response) => {
        response.writeHead(request.url === '/healthz' ? status : 404).end()
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      expect(await exitCode(command.map((part) => part.replace(':8080', `:${port}`)))).toBe(code)
      await new Promise((resolve) => server.close(resolve))
      // Nobody listens any more.
      expect(await exitCode(command.map((part) => part.replace(':8080', `:${port}`)))).toBe(1)
    }
    const settings = z
      .object({ settings: z.object({ http: z.object({ listen: z.string() }) }) })
      .parse(parse(read('deploy/tocsin/broker.yaml')))
    expect(settings.settings.http.listen).toBe('0.0.0.0:8080')
    expect(compose.services.tocsin?.ports.join()).toMatch(/^127\.0\.0\.1:[^,]*:8080$/)
  })

  it('mounts only what is in the repository', () => {
    const sources = services.flatMap(([, { volumes }]) => volumes.map((volume) => volume.split(':')[0] ?? ''))
    for (const source of sources.filter((each) => each.startsWith('.')))
      expect(inGit(source), source).toBe(true)
  })

  it('mounts where the images have a place, as a mount point cannot be made below a read-only one', () => {
    const targets = compose.services.tocsin?.volumes.map((volume) => volume.split(':')[1] ?? '') ?? []
    expect(targets).not.toHaveLength(0)
    for (const target of targets) expect(dockerfile).toMatch(new RegExp(`mkdir -p .*${target}( |$)`, 'm'))
  })
})

describe('Dockerfile', () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files = '']) =>
    files.split(' '),
  )

  it('copies only what is in the repository, and what .dockerignore lets through', () => {
    const allowed = read('.dockerignore').split('\n')
    expect(copied.length).toBeGreaterThan(3)
    for (const file of copied.filter((each) => !each.includes('*'))) {
      expect(inGit(file), file).toBe(true)
      expect(allowed).toContain(`!${file}`)
    }
    expect(allowed).toContain('*')
  })

  it('starts the same program as package.json does', () => {
    const { bin } = z
      .object({ bin: z.object({ tocsin: z.string() }) })
      .parse(JSON.parse(read('package.json')))
    expect(existsSync(path.join(root, bin.tocsin))).toBe(true)
    expect(dockerfile).toContain(`ENTRYPOINT ["node", "${path.posix.join('/app', bin.tocsin)}"]`)
  })

  it('brings the Node that the project is developed with', () => {
    const { devDependencies } = z
      .object({ devDependencies: z.object({ node: z.string() }) })
      .parse(JSON.parse(read('package.json')))
    const major = /\d+/.exec(devDependencies.node)?.[0]
    expect([...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image)).toEqual([
      `node:${major}-slim`,
      `node:${major}-slim`,
    ])
  })
})
