/** Twilio's local stand-in, over TLS as the real one, for the conformance suite. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { makeAuthority } from '../../support/certificates.ts'
import { type TwilioBehaviour, TwilioServer, twilioAccount } from '../../support/twilio.ts'
import { Inbox } from '../../support/wait-for.ts'
import type { Behaviour, ChannelFixture, Received } from './fixture.ts'

const { accountSid, authToken } = twilioAccount
/** Twilio's words may repeat what was sent. */
const telling = `${authToken} of ${accountSid}, ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`
const answers = (status: number, code: number | null, headers = {}): TwilioBehaviour => ({
  kind: 'answers',
  fault: { status, code, message: telling, headers },
})

const behaviours: Readonly<Record<Behaviour, TwilioBehaviour>> = {
  accepts: { kind: 'takes' },
  refuses: answers(400, 21999),
  'refuses-recipient': answers(400, 21614),
  'refuses-credentials': answers(401, 20003),
  fails: answers(503, 20503),
  limits: answers(429, 20429, { 'Retry-After': '7' }),
  'drops-before': { kind: 'drops-connections' },
  'drops-after': { kind: 'drops', when: 'after-taking' },
  'hangs-after': { kind: 'hangs', when: 'after-taking' },
}

export const fixture: ChannelFixture = {
  outcomes: {
    refuses: { kind: 'permanent', reason: 'refused' },
    'refuses-recipient': { kind: 'permanent', reason: 'bad-recipient' },
    'refuses-credentials': { kind: 'permanent', reason: 'bad-credentials' },
    fails: { kind: 'temporary', reason: 'server-error' },
    limits: { kind: 'temporary', reason: 'rate-limited' },
    'drops-before': { kind: 'temporary', reason: 'unreachable' },
    'drops-after': { kind: 'ambiguous', reason: 'unreachable' },
    'hangs-after': { kind: 'ambiguous', reason: 'timeout' },
    'nobody-there': { kind: 'temporary', reason: 'unreachable' },
  },

  async open() {
    const authority = makeAuthority()
    const trusted = tls.getCACertificates('default')
    tls.setDefaultCACertificates([...trusted, authority.cert])
    const server = await TwilioServer.start(authority.sign('twilio', ['IP:127.0.0.1']))
    const received = new Inbox<Received>()
    server.onTaken = ({ body, statusCallback }) =>
      received.put({
        text: body,
        id: new URL(statusCallback ?? '').searchParams.get('delivery'),
        faults: [
          ...(body.length > 160 ? ['longer than one segment'] : []),
          ...(/[\r\n]/.test(body) ? ['more than one line'] : []),
        ],
      })
    const account = {
      account_sid: accountSid,
      auth_token: authToken,
      from: '+15550000000',
      base_url: server.url,
      public_url: 'https://tocsin.example.com',
      timeout: '2s',
    }
    return {
      account,
      target: { to: ['+15550100'] },
      nobodyThere: {
        account: { ...account, base_url: `http://127.0.0.1:${await freePort()}` },
        target: { to: ['+15550100'] },
      },
      several: { target: { to: ['+15550100', '+15550101'] }, addresses: ['+15550100', '+15550101'] },
      secrets: [authToken, accountSid],
      behave: (behaviour) => server.behave(behaviours[behaviour]),
      received,
      async close() {
        await server.stop()
        tls.setDefaultCACertificates(trusted)
        authority.remove()
      },
    }
  },
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
