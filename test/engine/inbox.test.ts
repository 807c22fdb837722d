/** Messages that are kept instead of being sent: formed as their channel would, and never with a secret. */
import { describe, expect, test } from 'vitest'
import { channels } from '../../src/channels/index.ts'
import { createInbox, keepInJournal } from '../../src/engine/inbox.ts'
import type { Channel, Kept } from '../../src/ports/channel.ts'
import type { Store } from '../../src/ports/store.ts'
import { createMemoryStore } from '../../src/stores/memory/memory-store.ts'
import { notification } from '../conformance/channel-fixtures/fixture.ts'

const written: Readonly<Record<string, unknown>> = {
  email: { to: ['ops@example.com'] },
  sms: { to: ['+15550100'] },
  webhook: { url: 'https://hooks.example.com/services/TOPSECRETLEVEL', preset: 'slack' },
}

function channelNamed(name: string): Channel {
  const found = channels.find((channel) => channel.name === name)
  if (found === undefined) throw new Error(`no channel is named ${name}`)
  return found
}

async function kept(name: string, what = notification(), store: Store = createMemoryStore()) {
  const channel = channelNamed(name)
  const shown: Kept[] = []
  const keep = keepInJournal(store, { kept: (one) => void shown.push(one) }, () => 1_000.5)
  const connection = createInbox(channel, keep)
  const [only] = channel.targets(channel.targetSchema.parse(written[name]))
  const request = { deliveryId: 'd-1', notification: what, target: only?.target }
  const outcome = await connection.send({ ...request, signal: new AbortController().signal })
  await connection.close()
  const journal = await store.journal('inbox', { limit: 10 })
  if (!journal.ok) throw new Error(journal.failure.message)
  return { outcome, shown, journal: journal.value }
}

describe('the inbox', () => {
  test.each(channels)('keeps what $name would have sent, and says that it is delivered', async ({ name }) => {
    const { outcome, shown, journal } = await kept(name)
    expect(outcome).toEqual({ ok: true, providerId: null, state: 'delivered' })
    expect(journal).toMatchObject([{ subject: shown[0]?.to, atMs: 1_000, data: shown[0] }])
    expect(shown).toMatchObject([{ channel: name, delivery: 'd-1', kind: 'firing', severity: 'critical' }])
    expect(shown[0]?.text).toContain('36.2 °C')
  })

  test('shows a mail with its subject and a text message with the code that answers it', async () => {
    const mail = await kept('email')
    expect(mail.shown[0]).toMatchObject({ to: 'ops@example.com', subject: 'g1 is at 36.2 °C' })
    expect(mail.shown[0]?.text).toContain('Open the roof windows')
    const sms = await kept('sms')
    expect(sms.shown[0]).toMatchObject({
      to: '+15550100',
      subject: null,
      text: 'CRITICAL g1 is at 36.2 °C Reply ACK 4F7',
    })
  })

  test('never shows what gives a way in', async () => {
    const { shown } = await kept('webhook', notification({ title: 'see /services/TOPSECRETLEVEL' }))
    expect(JSON.stringify(shown)).not.toContain('TOPSECRETLEVEL')
  })

  test('cuts what is far too long', async () => {
    const { outcome, shown } = await kept(
      'webhook',
      notification({ title: '🔥'.repeat(50_000), text: 'x'.repeat(50_000) }),
    )
    expect(outcome.ok).toBe(true)
    expect(shown[0]?.text.length).toBeLessThanOrEqual(16_384)
    expect(shown[0]?.text.isWellFormed()).toBe(true)
  })

  test('has it tried again when the store cannot keep it, and shows nothing', async () => {
    const store = createMemoryStore()
    const failure = { reason: 'full', message: 'The disk is full.', help: '' } as const
    store.commit = async () => ({ ok: false, failure })
    const { outcome, shown } = await kept('email', notification(), store)
    expect(outcome).toMatchObject({
      ok: false,
      kind: 'temporary',
      message: 'It cannot be kept: The disk is full.',
    })
    expect(shown).toEqual([])
  })
})
