/** Asking for an outside monitor, against a real web server. */
import http from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPing } from '../../src/web/ping.ts'

let base = ''
let asked: { url: string | undefined; method: string | undefined; authorization: string | undefined }[] = []
const server = http.createServer((request, response) => {
  const { url, method } = request
  asked.push({ url, method, authorization: request.headers.authorization })
  if (url?.startsWith('/moved')) response.writeHead(302, { location: '/ok' }).end()
  else if (url?.startsWith('/broken')) response.writeHead(500).end('no')
  else if (url?.startsWith('/hangs')) return
  else if (url?.startsWith('/endless')) response.writeHead(200).write('x'.repeat(1_000))
  else response.writeHead(200).end('OK')
})

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  base = `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

test('asks once, with GET', async () => {
  asked = []
  expect(await createPing(`http://${base}/ok?token=1`)()).toEqual({ ok: true })
  expect(asked).toEqual([{ url: '/ok?token=1', method: 'GET', authorization: undefined }])
})

test('sends user and password as a browser would', async () => {
  asked = []
  expect(await createPing(`http://joe:p%40ss@${base}/ok`)()).toEqual({ ok: true })
  expect(asked[0]?.authorization).toBe(`Basic ${Buffer.from('joe:p@ss').toString('base64')}`)
})

test('follows no redirect', async () => {
  asked = []
  expect(await createPing(`http://${base}/moved`)()).toEqual({
    ok: false,
    message: 'it answered with status 302',
  })
  expect(asked).toHaveLength(1)
})

test('does not wait for the rest of an answer', async () => {
  expect(await createPing(`http://${base}/endless`)()).toEqual({ ok: true })
})

test.each([
  ['/broken', 'it answered with status 500'],
  ['/hangs', 'it gave no answer within 0.2 s'],
])('%s is a failure in words, without the address', async (path, message) => {
  expect(await createPing(`http://${base}${path}`, 200)()).toEqual({ ok: false, message })
})

test('so is a server that is not there, and a name without one', async () => {
  const free = await freePort()
  expect(await createPing(`http://127.0.0.1:${free}/secret`)()).toEqual({
    ok: false,
    message: 'the connection was refused',
  })
  expect(await createPing(`https://127.0.0.1:${base.split(':')[1]}/secret`)()).toMatchObject({ ok: false })
})

async function freePort(): Promise<number> {
  const other = http.createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const address = other.address()
  await new Promise((resolve) => other.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
