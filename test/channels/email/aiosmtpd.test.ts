/** The same mails before another server than the one that nodemailer's authors wrote: Debian's python3-aiosmtpd. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { simpleParser } from 'mailparser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { email } from '../../../src/channels/email/email.ts'
import { smtpAccountSchema } from '../../../src/channels/email/schema.ts'
import { notification } from '../../conformance/channel-fixtures/fixture.ts'
import { waitFor } from '../../support/wait-for.ts'
import { freePort } from './mail-station.ts'

const python = '/usr/bin/python3'
const isInstalled = spawnSync(python, ['-c', 'import aiosmtpd']).status === 0

describe.skipIf(!isInstalled)('aiosmtpd', () => {
  let server: ChildProcess
  let directory: string
  let port: number

  beforeAll(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'maildir-'))
    port = await freePort()
    const handler = ['-c', 'aiosmtpd.handlers.Mailbox', path.join(directory, 'box')]
    server = spawn(python, [
      '-m',
      'aiosmtpd',
      '-n',
      '-u',
      '-s',
      '60000',
      '-l',
      `127.0.0.1:${port}`,
      ...handler,
    ])
    await waitFor('the server to listen', () => isListening(port), 15_000)
  }, 20_000)
  afterAll(() => {
    server.kill()
    rmSync(directory, { recursive: true, force: true })
  })

  const send = (different: Parameters<typeof notification>[0] = {}) => {
    const account = smtpAccountSchema.parse({
      url: `smtp://127.0.0.1:${port}`,
      from: 'Tocsin <tocsin@example.com>',
    })
    const connection = email.connect(account, { nowMs: () => 0 })
    const request = {
      deliveryId: 'd1',
      notification: notification(different),
      target: { to: ['ops@example.com'] },
    }
    return connection
      .send({ ...request, signal: new AbortController().signal })
      .finally(() => connection.close())
  }

  test('keeps what it was sent, and it reads as it should', async () => {
    expect(await send({ text: '.\n..\nFrom me\n🔥' })).toMatchObject({ ok: true })
    const folder = path.join(directory, 'box', 'new')
    const [file = ''] = await waitFor('the mail', () => readdirSync(folder).length > 0 && readdirSync(folder))
    const mail = await simpleParser(readFileSync(path.join(folder, file)))
    expect(mail.subject).toBe('g1 is at 36.2 °C')
    expect(mail.messageId).toBe('<d1@example.com>')
    expect(mail.text).toContain('\n.\n..\nFrom me\n🔥\n')
    expect(mail.html).toContain('.<br>..<br>From me<br>🔥')
  })

  test('refuses what is larger than it takes, which is told', async () => {
    const [alert] = notification().alerts
    const alerts = Array.from({ length: 20 }, () => ({
      ...alert!,
      summary: 'hot '.repeat(70),
      labels: { a: 'b'.repeat(60) },
    }))
    expect(await send({ alerts, text: '🔥'.repeat(2500) })).toMatchObject({
      kind: 'permanent',
      reason: 'too-large',
    })
  })
})

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('data', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('data', () => socket.destroy())
  })
}
