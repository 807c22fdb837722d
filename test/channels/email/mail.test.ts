/** The mails themselves, as a mail program reads them. */
import { simpleParser } from 'mailparser'
import { createTransport } from 'nodemailer'
import { describe, expect, test } from 'vitest'
import { mailMessage } from '../../../src/channels/email/mail-message.ts'
import type { Notification } from '../../../src/core/alerts/notification.ts'
import { notification } from '../../conformance/channel-fixtures/fixture.ts'

const sender = { from: { name: 'Tocsin, the bell', address: 'tocsin@example.com' }, replyTo: null }

async function mail(what: Partial<Notification> = {}, deliveryId = 'd1') {
  const transport = createTransport({ streamTransport: true, buffer: true })
  const built = await transport.sendMail(
    mailMessage(sender, 'ops@example.com', deliveryId, notification(what)),
  )
  if (!Buffer.isBuffer(built.message)) throw new Error('no buffer')
  const raw = built.message.toString()
  return { ...(await simpleParser(built.message)), raw }
}

const [alert] = notification().alerts
const manyOf = (text: string): Partial<Notification> => ({
  ...{ title: text, threadTitle: text, text, more: 180 },
  alerts: Array.from({ length: 20 }, () => ({
    ...alert!,
    summary: text,
    description: text,
    labels: Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`${at}${text}`, text])),
    values: Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`${at}${text}`, text])),
  })),
})

describe('a conversation', () => {
  test('is held together by one root and one subject', async () => {
    const first = await mail()
    const second = await mail({ threadIndex: 1, title: '3 alerts at greenhouse', kind: 'resolved' }, 'd2')
    const other = await mail({ threadId: 'another' }, 'd3')
    expect(first.subject).toBe('g1 is at 36.2 °C')
    expect(second.subject).toBe('Re: g1 is at 36.2 °C')
    expect(first.messageId).toBe('<d1@example.com>')
    expect(second.messageId).toBe('<d2@example.com>')
    expect(first.references).toBe('<thread.default_2f_site_3d_greenhouse_2f_7@example.com>')
    expect(first.inReplyTo).toBe(first.references)
    expect(second.references).toBe(first.references)
    expect(other.references).not.toBe(first.references)
  })

  test('has ids that are of one line whatever the delivery is called, and never the same for two', async () => {
    const ids = [
      'a',
      'a ',
      'a\r\nBcc: x',
      'a>',
      'a_20_',
      '..',
      'ü',
      '',
      'x'.repeat(5000),
      `${'x'.repeat(5000)}y`,
    ]
    const seen = await Promise.all(ids.map(async (id) => (await mail({ threadId: id }, id)).messageId ?? ''))
    for (const id of seen) expect(id).toMatch(/^<[A-Za-z0-9._-]{1,130}@example\.com>$/)
    expect(new Set(seen).size).toBe(ids.length)
  })
})

describe('a mail', () => {
  test('is marked as a machine’s, and as urgent when it is', async () => {
    const urgent = await mail()
    expect(urgent.headers.get('auto-submitted')).toBe('auto-generated')
    expect(urgent.headers.get('x-auto-response-suppress')).toBe('All')
    expect(urgent.headers.get('x-tocsin-severity')).toBe('critical')
    expect(urgent.raw).toContain('\r\nImportance: High\r\n')
    expect(urgent.from?.value).toEqual([{ name: 'Tocsin, the bell', address: 'tocsin@example.com' }])
    const over = await mail({ kind: 'resolved' })
    expect(over.raw).not.toContain('Importance')
    expect(urgent.date).toEqual(new Date(notification().atMs))
  })

  test('says in plain text what is, since when, and what to do', async () => {
    expect((await mail()).text).toBe(`CRITICAL · FIRING
g1 is at 36.2 °C

Open the roof windows, then check the fan.

Since   Fri 31 Jul 2026, 14:05 (Europe/Berlin), firing for 2m
value   36.2 °C
limit   35 °C
device  g1
site    greenhouse

Acknowledge: https://tocsin.example.com/ack/q7Rk0pMarkerOfTheAckLink
Code: 4F7

--${' '}
overheating/4f7a90c2
Sent by Tocsin on Fri 31 Jul 2026, 14:07 (Europe/Berlin)
`)
  })

  test('shows the same in HTML, with a button', async () => {
    const { html } = await mail()
    for (const said of [
      'Critical · Firing',
      'g1 is at 36.2 °C',
      '14:05 (Europe/Berlin)',
      '35 °C',
      'greenhouse',
      '4F7',
    ]) {
      expect(html).toContain(said)
    }
    expect(html).toContain('href="https://tocsin.example.com/ack/q7Rk0pMarkerOfTheAckLink"')
    expect(html).toContain('bgcolor="#b91c1c"')
  })

  test('lists twenty alerts, counts the others, and says who resolved', async () => {
    const alerts = Array.from({ length: 25 }, (_, index) => ({ ...alert!, summary: `alert ${index}` }))
    const { text = '', html } = await mail({ alerts, more: 10, kind: 'resolved', by: 'Ann' })
    expect(text.match(/^\* /gm)).toHaveLength(20)
    for (const body of [text, html || '']) {
      expect(body).toContain('and 15 more')
      expect(body).toContain('Resolved by Ann')
    }
  })

  test('does not link to what is no web address', async () => {
    for (const ackUrl of ['javascript:alert(1)', 'data:text/html,x', 'not a url', null]) {
      const { html, text } = await mail({ ackUrl })
      expect(html).not.toContain('<a ')
      expect(text).not.toContain('Acknowledge')
    }
  })

  test.each([
    ['letters', 'x'.repeat(20_000)],
    ['emoji', '🔥'.repeat(10_000)],
    ['quotes', '"'.repeat(20_000)],
    ['words', 'too hot & <wet> '.repeat(2000)],
    ['marks on a letter', `a${'\u0301'.repeat(20_000)}`],
  ])('of very long %s stays below what Gmail cuts off', async (_name, text) => {
    const many = manyOf(text)
    for (const what of [many, { ...many, alerts: many.alerts?.slice(0, 1) ?? [], more: 0 }]) {
      const { html, raw } = await mail(what)
      expect(Buffer.byteLength(html || '')).toBeLessThan(102_400)
      expect(html).toContain('>Acknowledge</a>')
      expect(raw.split('\r\n').filter((line) => line.length > 998)).toEqual([])
    }
  })

  test('cannot be given headers or recipients by a device', async () => {
    for (const lineBreak of ['\r\n', '\n', '\r', '\u0085', '\u2028', '\0\n']) {
      const evil = `hot${lineBreak}Bcc: eve@example.com${lineBreak}${lineBreak}<b>x</b>`
      const parsed = await mail(
        { title: evil, threadTitle: evil, threadIndex: 1, threadId: evil, zone: evil },
        evil,
      )
      expect(parsed.bcc).toBeUndefined()
      expect(parsed.headerLines.filter(({ key }) => key === 'bcc')).toEqual([])
      expect(parsed.subject).toBe('Re: hot Bcc: eve@example.com <b>x</b>')
      expect(parsed.html).not.toContain('<b>')
    }
  })
})
