/** What people answer, as they really type it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inboundUrl } from '../../../src/channels/sms/callback-urls.ts'
import { isFromTwilio, parseCallbackForm } from '../../../src/channels/sms/callbacks.ts'
import { answerText, parseInbound, parseReply, twiml } from '../../../src/channels/sms/replies.ts'
import { TwilioServer, twilioAccount } from '../../support/twilio.ts'

const ack = (code: string | null) => ({ kind: 'ack', code })

describe('a reply', () => {
  test.each([
    ['ACK 4F7', ack('4F7')],
    ['ack 4f7', ack('4F7')],
    ['  Ack  4f7. ', ack('4F7')],
    ['“ACK 4F7”', ack('4F7')],
    ["'ack' #4f7!", ack('4F7')],
    ['ACK: 4F7', ack('4F7')],
    ['ACK:4F7', ack('4F7')],
    ['ack4f7', ack('4F7')],
    ['Reply ACK 4F7', ack('4F7')],
    ['ACK 4FO', ack('4F0')],
    ['ack l0i', ack('101')],
    ['Acknowledged 4f7 on my way', ack('4F7')],
    ['ＡＣＫ ４Ｆ７', ack('4F7')],
    ['ACK 4F7\n\nSent from my phone', ack('4F7')],
    ['ACK 4F7\n> CRITICAL g1 ... Reply ACK 999', ack('4F7')],
    ['ack', ack(null)],
    ['ACK.', ack(null)],
    ['👍 ack', ack(null)],
    ['resolve 4f7', { kind: 'resolve', code: '4F7' }],
    ['Resolved: 4F7', { kind: 'resolve', code: '4F7' }],
    ['STOP', { kind: 'stop' }],
    ['stop.', { kind: 'stop' }],
    ['Stop all', { kind: 'stop' }],
    ['STOPALL', { kind: 'stop' }],
    ['unsubscribe', { kind: 'stop' }],
    ['opt-out', { kind: 'stop' }],
    ['arrêt', { kind: 'stop' }],
    ['start', { kind: 'start' }],
    ['UNSTOP', { kind: 'start' }],
    ['Help!', { kind: 'help' }],
    ['?', { kind: 'help' }],
  ])('%j', (text, expected) => {
    expect(parseReply(text)).toEqual(expected)
  })

  test.each([
    '',
    'ok',
    'ACK on my way',
    'ack 4G7',
    'not ack 4F7',
    'acked 4',
    'backpack 4F7',
    'resolve',
    'Liked “CRITICAL g1 is at 36.2 °C Reply ACK 4F7”',
    'please stop the fan',
    'stop it now',
  ])('%j is not understood, so that nobody is left alone by mistake', (text) => {
    expect(parseReply(text)).toEqual({ kind: 'unknown' })
  })

  test('any text is read, and the case never matters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(['ack', 'resolve', 'stop', 'start', 'help', 'unknown']).toContain(parseReply(text).kind)
      }),
    )
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9a-f]{3,8}$/), fc.constantFrom(...' .,!"\'()#*'), (code, sign) => {
        expect(parseReply(`${sign}ack ${sign}${code}${sign}`)).toEqual(ack(code.toUpperCase()))
      }),
    )
  })
})

describe('an incoming message', () => {
  const recipients = new Set(['+15550100'])
  const message = { From: '+15550100', MessageSid: 'SM1', Body: 'ack 4f7' }

  test('is taken from a recipient', () => {
    expect(parseInbound(message, recipients)).toEqual({
      ok: true,
      from: '+15550100',
      messageSid: 'SM1',
      reply: ack('4F7'),
    })
  })

  test('is refused from anybody else', () => {
    expect(parseInbound({ ...message, From: '+15550101' }, recipients)).toEqual({
      ok: false,
      reason: 'not-a-recipient',
    })
    for (const wrong of [
      { ...message, From: '' },
      { ...message, From: ['x', '+15550100'] },
      { From: '+15550100' },
      {},
    ]) {
      expect(parseInbound(wrong, recipients)).toEqual({ ok: false, reason: 'malformed' })
    }
  })

  test('may be of a word that only Twilio knows', () => {
    expect(parseInbound({ ...message, Body: 'basta', OptOutType: 'STOP' }, recipients)).toMatchObject({
      reply: { kind: 'stop' },
    })
  })

  test('is signed for the address that people write into the console', async () => {
    const server = await TwilioServer.start()
    const publicUrl = 'https://tocsin.example.com'
    const { url, body, signature } = server.inbound(inboundUrl(publicUrl), '+15550100', 'ACK 4F7 – “ok” & €')
    await server.stop()
    const form = parseCallbackForm(body) ?? {}
    const pathAndQuery = url.slice(publicUrl.length)
    const account = { authToken: twilioAccount.authToken, publicUrl }
    expect(isFromTwilio(account, { pathAndQuery, form, signature })).toBe(true)
    expect(parseInbound(form, recipients)).toMatchObject({ ok: true, reply: ack('4F7') })
  })
})

describe('the answer', () => {
  test.each([
    [{ kind: 'acked', code: '4F7', title: 'g1 is hot' }, 'Acknowledged 4F7: g1 is hot'],
    [{ kind: 'resolved', code: '4F7', title: 'g1 is hot' }, 'Resolved 4F7: g1 is hot'],
    [{ kind: 'already', code: '4F7', by: 'Ann' }, '4F7 was already acknowledged by Ann'],
    [{ kind: 'no-such-code', code: '4F7' }, 'There is no open alert 4F7. Reply ACK for the latest one.'],
    [{ kind: 'nothing-open' }, 'There is no open alert to acknowledge.'],
    [{ kind: 'stop' }, null],
    [{ kind: 'start' }, null],
  ] as const)('to %j', (result, expected) => {
    expect(answerText(result)).toBe(expected)
  })

  test('is TwiML, whatever the text', () => {
    expect(twiml(null)).toBe('<?xml version="1.0" encoding="UTF-8"?><Response/>')
    expect(twiml('a <b> & "c"\0\ud800')).toBe(
      '<?xml version="1.0" encoding="UTF-8"?><Response><Message>a &lt;b&gt; &amp; "c"\ufffd</Message></Response>',
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        expect(twiml(text)).toMatch(/^<\?xml[^>]*><Response(?:\/>|><Message>[^<>]*<\/Message><\/Response>)$/)
      }),
    )
  })
})
