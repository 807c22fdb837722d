/** Which addresses a webhook may reach: those out in the internet, however they are written. */
import { describe, expect, test } from 'vitest'
import { isPublicAddress } from '../../../src/channels/webhook/address-guard.ts'
import { guardedLookup, notAllowedCode } from '../../../src/channels/webhook/guarded-lookup.ts'

const outside = [
  ...[
    '1.1.1.1',
    '8.8.8.8',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.1',
    '223.255.255.255',
  ],
  ...[
    '2606:4700:4700::1111',
    '2a00:1450:4001:82a::200e',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
    '2002:808:808::1',
  ],
]
const inside = [
  ...['127.0.0.1', '127.255.255.254', '0.0.0.0', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
  // What clouds tell about themselves, and carrier-grade NAT.
  ...[
    '169.254.169.254',
    '100.100.100.200',
    '100.64.0.1',
    '192.0.0.192',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
  ],
  ...[
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd00:ec2::254',
    'ff02::1',
    '2001:db8::1',
    '3fff::1',
    '100::1',
  ],
  // The same in other clothes: mapped, compatible, NAT64, 6to4, Teredo.
  ...['::ffff:127.0.0.1', '::ffff:7f00:1', '0:0:0:0:0:ffff:a9fe:a9fe', '::127.0.0.1', '64:ff9b::a9fe:a9fe'],
  ...['64:ff9b:1::a00:1', '2002:7f00:1::1', '2002:c0a8:101::', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  ...['', 'localhost', '127.1', '2130706433', '0x7f.1', 'example.com'],
]

describe('the guard of addresses', () => {
  test.each(outside)('lets %s through', (address) => expect(isPublicAddress(address)).toBe(true))
  test.each(inside)('keeps %j out', (address) => expect(isPublicAddress(address)).toBe(false))
})

describe('the guarded name resolution', () => {
  const resolve = (
    addresses: readonly string[],
    options: { all?: boolean; family?: number } = { all: true },
  ) =>
    new Promise((done) => {
      const lookup = guardedLookup((_host, answer) =>
        answer(
          null,
          addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        ),
      )
      lookup('hook.example', options, (error, address, family) =>
        done(error === null ? { address, family } : { error: error.code }),
      )
    })

  test('answers with what is outside only', async () => {
    expect(await resolve(['10.0.0.1', '8.8.8.8', '::1'])).toMatchObject({
      address: [{ address: '8.8.8.8', family: 4 }],
    })
    expect(await resolve(['10.0.0.1', '8.8.8.8'], {})).toEqual({ address: '8.8.8.8', family: 4 })
    expect(await resolve(['8.8.8.8', '2606:4700::1'], { family: 6 })).toEqual({
      address: '2606:4700::1',
      family: 6,
    })
  })

  test('fails when nothing is', async () => {
    expect(await resolve(['10.0.0.1', '::ffff:127.0.0.1'])).toEqual({ error: notAllowedCode })
    expect(await resolve([])).toEqual({ error: notAllowedCode })
  })
})
