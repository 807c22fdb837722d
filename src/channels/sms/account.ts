/** `settings.twilio`: the account that text messages are sent with, what they cost and how many there may be. */
import { BlockList, isIP } from 'node:net'
import { z } from 'zod'
import { addProblem, duration } from '../shared/schema-fields.ts'
import { isGsm } from './gsm-alphabet.ts'
import { phoneNumberFault, phoneNumberPattern } from './phone-number.ts'

export interface TwilioAccount {
  readonly accountSid: string
  readonly authToken: string
  /** A number, a sender name, or the id of a messaging service (`MG…`). */
  readonly from: string
  /** Stands for https://api.twilio.com; without a slash at its end. */
  readonly baseUrl: string
  /** Under which Twilio reaches us; without a slash at its end. Null: no delivery reports and no answers. */
  readonly publicUrl: string | null
  /** Of one segment, in the account's currency. */
  readonly price: number | null
  readonly prefix: string
  readonly maxSegments: number
  readonly timeoutMs: number
  readonly caps: SmsCaps
}

/** Units are segments; null is no cap. */
export interface SmsCaps {
  readonly numberHour: number | null
  readonly numberDay: number | null
  readonly allHour: number
  readonly allDay: number
  /** In the currency of the price. */
  readonly moneyDay: number | null
  /** The part of each cap that only critical messages may use: 0 to 0.9. */
  readonly reserve: number
}

export const twilioBaseUrl = 'https://api.twilio.com'
const maxCapUnits = 5_000
const maxUrlChars = 300
const maxPrefixChars = 20

type Sink = Parameters<typeof addProblem>[0]
const refuse = (context: Sink, message: string, help: string, path: PropertyKey[] = []) =>
  addProblem(context, path, message, help)

/** Two at least, so that the reserve leaves something to the others. */
const cap = (description: string) => z.int().min(2).max(maxCapUnits).optional().describe(description)

const capsSchema = z
  .strictObject({
    number: z
      .strictObject({
        hour: cap('In any hour; 20 unless given.'),
        day: cap('In any 24 hours; 100 unless given.'),
      })
      .optional()
      .describe('Segments to one phone number.'),
    all: z
      .strictObject({
        hour: cap('In any hour; 100 unless given.'),
        day: cap('In any 24 hours; 500 unless given.'),
      })
      .optional()
      .describe('Segments to all numbers together.'),
    money: z
      .strictObject({ day: z.number().positive().max(1_000_000).describe('In any 24 hours, by `price`.') })
      .optional()
      .describe('What text messages may cost.'),
    reserve: z
      .number()
      .min(0)
      .max(0.9)
      .optional()
      .describe('Part of each cap that only critical alerts may use; 0.25 unless given.'),
  })
  .describe('How many text messages there may be.')

export const twilioAccountSchema = z
  .strictObject({
    account_sid: z.string().min(1).describe('Account SID from the Twilio console: AC and 32 digits.'),
    auth_token: z
      .string()
      .min(1)
      .describe(`Auth token of the account; as \${env:TWILIO_AUTH_TOKEN} or \${file:…}.`),
    from: z
      .string()
      .superRefine(checkSender)
      .describe('Number of yours at Twilio, "+15550000", or a messaging service: MG and 32 digits.'),
    base_url: z
      .string()
      .max(maxUrlChars)
      .superRefine((text, context) => checkUrl(text, 'base_url', context))
      .optional()
      .describe('Instead of https://api.twilio.com, for a gateway of your own.'),
    public_url: z
      .string()
      .max(maxUrlChars)
      .superRefine((text, context) => checkUrl(text, 'public_url', context))
      .optional()
      .describe('Where Twilio reaches this Tocsin: needed for delivery reports and answers.'),
    price: z.number().min(0).max(100).optional().describe('Of one segment, for `caps.money`.'),
    prefix: z
      .string()
      .max(maxPrefixChars)
      .refine((text) => isGsm(text) && !/[\n\r\f]/.test(text), {
        error: 'the prefix has a character that would make every text message longer; use plain letters',
      })
      .optional()
      .describe('Stands before every text message.'),
    max_segments: z.int().min(1).max(10).optional().describe('Longer texts are shortened; 1 unless given.'),
    timeout: duration('How long an attempt may take; 30s unless given.', 1_000, 60_000).optional(),
    caps: capsSchema.optional(),
  })
  .superRefine((account, context) => {
    if (account.base_url === undefined) checkAccountSid(account.account_sid, context)
    if (
      account.base_url === undefined &&
      account.public_url !== undefined &&
      isNear(hostOf(account.public_url))
    ) {
      refuse(
        context,
        'Twilio cannot reach the address in `public_url`',
        'write the address that leads to this Tocsin from the internet, or leave it out',
        ['public_url'],
      )
    }
    if (account.caps?.money !== undefined && account.price === undefined) {
      refuse(context, '`caps.money` needs the price of a message', 'add `price:`, for example 0.0079', [
        'price',
      ])
    }
  })
  .transform(
    (written): TwilioAccount => ({
      accountSid: written.account_sid,
      authToken: written.auth_token,
      from: written.from,
      baseUrl: (written.base_url ?? twilioBaseUrl).replace(/\/+$/, ''),
      publicUrl: written.public_url?.replace(/\/+$/, '') ?? null,
      price: written.price ?? null,
      prefix: written.prefix?.trim() ?? '',
      maxSegments: written.max_segments ?? 1,
      timeoutMs: written.timeout ?? 30_000,
      caps: {
        numberHour: written.caps?.number?.hour ?? 20,
        numberDay: written.caps?.number?.day ?? 100,
        allHour: written.caps?.all?.hour ?? 100,
        allDay: written.caps?.all?.day ?? 500,
        moneyDay: written.caps?.money?.day ?? null,
        reserve: written.caps?.reserve ?? 0.25,
      },
    }),
  )
  .describe('The Twilio account for text messages.')

function checkAccountSid(text: string, context: Sink): void {
  if (/^AC[0-9a-f]{32}$/i.test(text)) return
  const isKey = /^SK/i.test(text)
  refuse(
    context,
    isKey ? '`account_sid` holds an API key, not the account' : '`account_sid` is not the SID of an account',
    'copy the Account SID from the Twilio console: AC and 32 digits or letters a to f',
    ['account_sid'],
  )
}

function checkSender(text: string, context: Sink): void {
  if (phoneNumberPattern.test(text) || /^MG[0-9a-f]{32}$/i.test(text) || /^\d{3,8}$/.test(text)) return
  if (/^(?=.*[A-Za-z])[A-Za-z0-9 +&_-]{1,11}$/.test(text)) return
  const fault = phoneNumberFault(text)
  refuse(context, fault?.message ?? 'this cannot send', fault?.help ?? 'write a number of yours at Twilio')
}

/** The messages never show the address: it may hold a password. */
function checkUrl(text: string, key: 'base_url' | 'public_url', context: Sink): void {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    refuse(context, `\`${key}\` is not a web address`, 'write one such as https://tocsin.example.com')
  } else if (url.username !== '' || url.password !== '' || /[?#]/.test(text)) {
    refuse(
      context,
      `\`${key}\` has a user, a \`?\` or a \`#\` in it`,
      'write only scheme, host, port and path',
    )
  } else if (key === 'public_url' && url.hostname.includes('_')) {
    refuse(context, 'Twilio refuses host names with `_`', 'use another name in `public_url`')
  } else if (key === 'base_url' && url.protocol === 'http:' && !isNear(url.hostname)) {
    refuse(
      context,
      '`http://` would send the auth token unencrypted over the internet',
      'write https://; http:// is for this machine and private networks only',
    )
  }
}

const hostOf = (text: string): string => URL.parse(text)?.hostname ?? ''

const privateNetworks = new BlockList()
privateNetworks.addSubnet('127.0.0.0', 8)
privateNetworks.addSubnet('10.0.0.0', 8)
privateNetworks.addSubnet('172.16.0.0', 12)
privateNetworks.addSubnet('192.168.0.0', 16)
privateNetworks.addSubnet('169.254.0.0', 16)
privateNetworks.addAddress('::1', 'ipv6')
privateNetworks.addSubnet('fc00::', 7, 'ipv6')
privateNetworks.addSubnet('fe80::', 10, 'ipv6')

/** This machine or a private network, by the look of the name alone. */
function isNear(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '')
  const version = isIP(host)
  if (version !== 0) return privateNetworks.check(host, version === 6 ? 'ipv6' : 'ipv4')
  return (host !== '' && !host.includes('.')) || /\.(?:local|lan|internal|localhost|home\.arpa)$/.test(host)
}
