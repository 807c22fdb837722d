import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Authority, makeAuthority } from '../../support/certificates.ts'
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts'
import { openClinic, quietRules } from './clinic.ts'

let authority: Authority
let mosquitto: Mosquitto
beforeAll(async () => {
  authority = makeAuthority()
  const server = authority.sign('broker', ['IP:127.0.0.1', 'DNS:localhost'], 400)
  mosquitto = await startMosquitto({
    tls: { cert: server.certFile, key: server.keyFile, ca: authority.certFile, requireCertificate: true },
  })
})
afterAll(async () => {
  await mosquitto.close()
  authority.remove()
})

const broker = (tls: string, url = mosquitto.url) =>
  openClinic(quietRules(`{ url: "${url}", tls: { ${tls} } }`))

test('a trusted broker and a client certificate that it knows', async () => {
  const own = authority.sign('tocsin', ['DNS:tocsin'], 400)
  const clinic = broker(`ca: ${authority.certFile}, cert: ${own.certFile}, key: ${own.keyFile}`)
  const found = await clinic.examine({ listenMs: 50, watchMs: 50 })
  expect(found.failed).toEqual([])
  expect(found.of('tls').what).toMatch(/^TLSv1\.[23]; the certificate is trusted until \d{4}-\d\d-\d\d\.$/)
  // Who shows a certificate is not nobody.
  expect(found.every('anonymous')).toEqual([])
  clinic.remove()
})

test('an authority that is not the one of the broker', async () => {
  const stranger = makeAuthority()
  const clinic = broker(`ca: ${stranger.certFile}`)
  const found = await clinic.examine()
  expect(found.failed).toEqual(['tls'])
  expect(found.of('tls')).toMatchObject({
    what: expect.stringContaining('signed by nobody known here'),
    cause: expect.stringContaining('is for broker, signed by Test CA'),
    next: expect.stringContaining('tls.ca'),
  })
  expect(found.of('login').state).toBe('skipped')
  clinic.remove()
  stranger.remove()
})

test('without the client certificate that the broker wants', async () => {
  const clinic = broker(`ca: ${authority.certFile}`)
  const found = await clinic.examine()
  expect(found.failed).toEqual(['login'])
  expect(found.of('login').next).toContain('set tls.cert and tls.key')
  clinic.remove()
})

test('certificates that run out soon, of both sides', async () => {
  const soon = authority.sign('soon', ['IP:127.0.0.1'], 5)
  const other = await startMosquitto({
    tls: { cert: soon.certFile, key: soon.keyFile, ca: authority.certFile },
  })
  const clinic = broker(`ca: ${authority.certFile}, cert: ${soon.certFile}, key: ${soon.keyFile}`, other.url)
  const found = await clinic.examine({ listenMs: 50, watchMs: 50 })
  expect(found.every('tls')[1]).toMatchObject({
    state: 'warn',
    what: expect.stringMatching(/^The certificate of the broker expires in 4 days/),
  })
  expect(found.of('certificate').what).toMatch(
    /^The certificate of this client \(tls\.cert\) expires in 4 days/,
  )
  clinic.remove()
  await other.close()
})

test('a certificate for another name', async () => {
  const named = authority.sign('elsewhere', ['DNS:elsewhere.example'], 400)
  const other = await startMosquitto({ tls: { cert: named.certFile, key: named.keyFile } })
  const clinic = broker(`ca: ${authority.certFile}`, other.url)
  const found = await clinic.examine()
  expect(found.of('tls')).toMatchObject({
    state: 'fail',
    what: expect.stringContaining('is for another name'),
  })
  const trusting = broker(`ca: ${authority.certFile}, verify: false`, other.url)
  expect((await trusting.examine({ listenMs: 50, watchMs: 50 })).of('tls').state).toBe('warn')
  clinic.remove()
  trusting.remove()
  await other.close()
})

test('a broker without TLS behind mqtts://', async () => {
  const plain = await startMosquitto()
  const clinic = openClinic(quietRules(`{ url: "mqtts://127.0.0.1:${plain.port}" }`))
  const found = await clinic.examine()
  expect(found.failed).toEqual(['tls'])
  clinic.remove()
  await plain.close()
})
