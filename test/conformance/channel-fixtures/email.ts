/** The mail channel before a real mail server with STARTTLS and a login. */
import { type ArrivedMail, freePort, openMailStation, type Stage } from '../../channels/email/mail-station.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { Inbox } from '../../support/wait-for.ts'
import type { Behaviour, ChannelFixture, Received } from './fixture.ts'

const username = 'smtp-user-marker'
const password = 'pa/ss word+marker'
/** A server that says more than it should. */
const leak = `you are ${username} with ${password}, ${encodeURIComponent(password)}, ${btoa(password)}`

const answers: Readonly<Record<Behaviour, Partial<Record<Stage, string>>>> = {
  accepts: {},
  refuses: { data: `554 5.6.0 unwanted, ${leak} https://tocsin.example.com/ack/q7Rk0pMarkerOfTheAckLink` },
  'refuses-recipient': { rcpt: `550 5.1.1 no such user, ${leak}` },
  'refuses-credentials': { auth: `535 5.7.8 ${leak}` },
  fails: { data: `451 4.3.0 disk full, ${leak}` },
  limits: { mail: `450 4.7.1 rate limit, ${leak}` },
  'drops-before': { rcpt: 'drop' },
  'drops-after': { data: 'drop' },
  'hangs-after': { data: 'hang' },
}

export const fixture: ChannelFixture = {
  outcomes: {
    refuses: { kind: 'permanent', reason: 'refused' },
    'refuses-recipient': { kind: 'permanent', reason: 'bad-recipient' },
    'refuses-credentials': { kind: 'temporary', reason: 'bad-credentials' },
    fails: { kind: 'temporary', reason: 'server-error' },
    limits: { kind: 'temporary', reason: 'rate-limited' },
    'drops-before': { kind: 'temporary', reason: 'unreachable' },
    'drops-after': { kind: 'ambiguous', reason: 'unreachable' },
    'hangs-after': { kind: 'ambiguous', reason: 'timeout' },
    'nobody-there': { kind: 'temporary', reason: 'unreachable' },
  },
  async open() {
    const authority = makeAuthority()
    const { cert, key } = authority.sign('mail', ['IP:127.0.0.1'])
    const station = await openMailStation({ cert, key, users: { [username]: password } })
    const received = new Inbox<Received>()
    const put = station.mails.put.bind(station.mails)
    station.mails.put = (...mails) => {
      put(...mails)
      received.put(...mails.map(look))
    }
    const target = { to: ['ops@example.com'] }
    const account = (port: number) => ({
      ...{ host: '127.0.0.1', port, username, password, require_tls: true, timeout: '2s', pool: 2 },
      tls: { ca: authority.cert },
      from: 'Tocsin <tocsin@example.com>',
    })
    const nobody = await freePort()
    return {
      ...{ account: account(station.port), target, received },
      nobodyThere: { account: account(nobody), target },
      several: {
        target: { to: ['ops@example.com', 'boss@example.com', 'ops@example.com'] },
        addresses: ['ops@example.com', 'boss@example.com'],
      },
      secrets: [username, password],
      behave: (behaviour) => {
        station.answers = answers[behaviour]
      },
      close: async () => {
        await station.close()
        authority.remove()
      },
    }
  },
}

const expectedHeaders = new Set([
  ...[
    'from',
    'to',
    'subject',
    'message-id',
    'in-reply-to',
    'references',
    'date',
    'mime-version',
    'content-type',
  ],
  ...['auto-submitted', 'x-auto-response-suppress', 'x-tocsin-kind', 'x-tocsin-severity'],
  ...['x-priority', 'x-msmail-priority', 'importance'],
])
const expectedTags = /^(!doctype|html|head|meta|title|style|body|div|table|tr|td|h1|p|a|br|span)$/

function look({ mail, raw, from, to }: ArrivedMail): Received {
  const html = mail.html || ''
  const tags = [...html.matchAll(/<\/?([a-z!][a-z0-9]*)/gi)].map((match) => match[1]?.toLowerCase() ?? '')
  const links = [...html.matchAll(/\b(?:href|src)\s*=\s*"([^"]*)"/g)].map((match) => match[1] ?? '')
  const faults = [
    ...mail.headerLines.filter(({ key }) => !expectedHeaders.has(key)).map(({ key }) => `header ${key}`),
    ...tags.filter((tag) => !expectedTags.test(tag)).map((tag) => `tag ${tag}`),
    ...links
      .filter((link) => !link.startsWith('https://tocsin.example.com/ack/'))
      .map((link) => `link ${link}`),
    ...(/<[^>]*\son[a-z]+\s*=/i.test(html) ? ['an event handler'] : []),
    ...(from === 'tocsin@example.com' ? [] : [`from ${from}`]),
    ...(to.join() === 'ops@example.com' ? [] : [`to ${to.join()}`]),
    ...(mail.to === undefined || Array.isArray(mail.to) || mail.to.text !== 'ops@example.com'
      ? ['another To']
      : []),
    ...(raw.byteLength > 102_400 ? [`${raw.byteLength} bytes: Gmail would cut it off`] : []),
    ...raw
      .toString('latin1')
      .split('\r\n')
      .filter((line) => line.length > 998)
      .map((line) => `a line of ${line.length} bytes`),
  ]
  return { text: `${mail.subject}\n${mail.text}\n${html}`, id: mail.messageId ?? null, faults }
}
