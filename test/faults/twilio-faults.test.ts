/** Twilio answers badly, late or not at all: a text comes all the same, and at most twice. */
import { afterAll, describe, expect, test } from 'vitest'
import { createMemoryStore } from '../../src/stores/memory/memory-store.ts'
import { type TwilioBehaviour, type TwilioFault, TwilioServer, twilioAccount } from '../support/twilio.ts'
import { FaultWorld, minute, second } from './support/fault-world.ts'

const undo: (() => Promise<unknown>)[] = []
afterAll(async () => {
  await Promise.all(undo.map((one) => one()))
})

async function open(): Promise<{ world: FaultWorld; twilio: TwilioServer }> {
  const twilio = await TwilioServer.start()
  undo.push(() => twilio.stop())
  const world = await FaultWorld.open({
    store: createMemoryStore(),
    yaml: `
settings:
  twilio:
    account_sid: ${twilioAccount.accountSid}
    auth_token: ${twilioAccount.authToken}
    from: "+15550000000"
    base_url: ${twilio.url}
    timeout: 1s
receivers: { ops-sms: { sms: { to: ["+15550101"] } } }
policies: { default: { steps: [{ notify: [ops-sms] }] } }
rules:
  - id: hot
    topic: sensors/+device/data
    when: payload.temperature > 35
    alert: { severity: critical, summary: "{{ device }} is hot" }
`,
  })
  undo.push(() => world.end())
  return { world, twilio }
}

const tooMany: TwilioFault = {
  ...{ status: 429, code: 20429, message: 'Too Many Requests' },
  headers: { 'Retry-After': '20' },
}
const broken: TwilioFault = { status: 500, code: 20500, message: 'Internal Server Error' }
const proxy: TwilioFault = { status: 502, code: null, message: '', body: '<html>Bad Gateway</html>' }

interface Case {
  readonly words: string
  readonly behaviour: TwilioBehaviour
  /** What is answered when its list of messages is asked for. */
  readonly list?: TwilioFault
  readonly texts: number | readonly [least: number, most: number]
}

const cases: readonly Case[] = [
  { words: '429', behaviour: { kind: 'answers', fault: tooMany }, texts: 1 },
  { words: '500, and has not taken it', behaviour: { kind: 'answers', fault: broken }, texts: 1 },
  {
    words: '500, and has taken it',
    behaviour: { kind: 'answers', fault: broken, afterTaking: true },
    texts: 1,
  },
  { words: '502 of a proxy', behaviour: { kind: 'answers', fault: proxy, afterTaking: true }, texts: 1 },
  { words: 'nothing, and has not taken it', behaviour: { kind: 'hangs', when: 'before-taking' }, texts: 1 },
  { words: 'nothing, and has taken it', behaviour: { kind: 'hangs', when: 'after-taking' }, texts: 1 },
  { words: 'nothing, and drops the line', behaviour: { kind: 'drops', when: 'after-taking' }, texts: 1 },
  { words: 'nothing at all', behaviour: { kind: 'drops-connections' }, texts: 1 },
  {
    words: 'nothing, has taken it, and its list says nothing either',
    behaviour: { kind: 'hangs', when: 'after-taking' },
    list: broken,
    texts: [1, 2],
  },
  {
    words: '500, has taken it, and its list is refused',
    behaviour: { kind: 'answers', fault: broken, afterTaking: true },
    list: tooMany,
    texts: [1, 2],
  },
]

/** Where every attempt takes a real second, twelve seconds; else ten minutes. */
const outageSeconds = ({ kind }: TwilioBehaviour) => (kind === 'hangs' ? 12 : 600)

describe('Twilio answers for some time', () => {
  test.concurrent.each(cases)('$words', async ({ behaviour, list = null, texts }) => {
    const { world, twilio } = await open()
    twilio.behave(behaviour, list)
    await world.reads({ g1: 40 })
    // Its clock goes with ours.
    for (let seconds = 0; seconds < outageSeconds(behaviour); seconds++) {
      await world.advance(second)
      twilio.aheadMs = world.clock.now() - Date.now()
    }
    twilio.behave({ kind: 'takes' })
    await world.advance(5 * minute)
    const [least, most] = typeof texts === 'number' ? [texts, texts] : texts
    expect(twilio.messages.length).toBeGreaterThanOrEqual(least)
    expect(twilio.messages.length).toBeLessThanOrEqual(most)
    expect(new Set(twilio.messages.map(({ body }) => body)).size).toBe(1)
    const [delivery] = await world.deliveries()
    expect(['sent', 'dead']).toContain(delivery?.state)
    if (delivery?.state === 'dead') expect(list).not.toBeNull()
  })
})
