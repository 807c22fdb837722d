/** What each service is sent, held against its published limits and its markup. */
import { describe, expect, test } from 'vitest'
import { presets } from '../../../src/channels/webhook/presets/index.ts'
import { type WebhookTarget, webhookTargetSchema } from '../../../src/channels/webhook/schema.ts'
import type { Notification } from '../../../src/core/alerts/notification.ts'
import { notification } from '../../conformance/channel-fixtures/fixture.ts'

const written = {
  slack: { preset: 'slack', url: 'https://hooks.slack.com/services/T0/B0/x' },
  discord: { preset: 'discord', url: 'https://discord.com/api/webhooks/1/x?thread_id=5' },
  telegram: { preset: 'telegram', token: '12:ab', chat_id: -100 },
  ntfy: { preset: 'ntfy', url: 'https://push.example.com/base/my-alerts' },
  pagerduty: { preset: 'pagerduty', routing_key: 'R0' },
} as const

// biome-ignore lint/suspicious/noExplicitAny: the services' bodies are looked into at many places.
type Body = any

function requests(
  name: keyof typeof written,
  what: Partial<Notification> = {},
): { url: string; body: Body }[] {
  const target: WebhookTarget = webhookTargetSchema.parse(written[name])
  return presets[name].requests(notification(what), target).map(({ url, body }) => ({ url, body }))
}
const only = (name: keyof typeof written, what: Partial<Notification> = {}): Body =>
  requests(name, what)[0]?.body

const [alert] = notification().alerts
const manyOf = (text: string): Partial<Notification> => ({
  ...{ title: text, text, more: 180 },
  alerts: Array.from({ length: 20 }, (_, index) => ({
    ...alert!,
    fingerprint: `f${index}`,
    summary: text,
    description: text,
    labels: Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`${at}${text}`.slice(0, 50), text])),
    values: { a: text },
  })),
})
const texts = [
  ['letters', 'x'.repeat(5000)],
  ['emoji', '🔥'.repeat(3000)],
  ['markup', '*_~`>|#[]()<@!-\\'.repeat(400)],
  ['ampersands', '<&>'.repeat(2000)],
] as const

describe('Slack', () => {
  test('is sent plain text with the colour, a button and the code', () => {
    const body = only('slack')
    const { color, blocks } = body.attachments[0]
    expect(body.text).toBe('CRITICAL: g1 is at 36.2 °C')
    expect(color).toBe('#b91c1c')
    expect(blocks.map(({ type }: Body) => type)).toEqual(['header', 'section', 'actions', 'context'])
    expect(blocks[1].text.text).toContain('device: g1')
    expect(blocks[2].elements[0]).toMatchObject({ type: 'button', url: notification().ackUrl })
    expect(JSON.stringify(body)).not.toContain('"type":"mrkdwn"')
  })

  test.each(texts)('keeps its limits with %s', (_name, text) => {
    const { attachments, text: fallback } = only('slack', manyOf(text))
    const { blocks } = attachments[0]
    expect(blocks.length).toBeLessThanOrEqual(50)
    expect(fallback).not.toMatch(/[<>]/)
    for (const block of blocks) {
      const parts: Body[] = [
        block.text,
        ...(block.elements ?? []).map((element: Body) => (element.text?.text ? element.text : element)),
      ]
      for (const part of parts.filter((found) => typeof found?.text === 'string')) {
        expect(part.type).toBe('plain_text')
        expect(part.text.length).toBeLessThanOrEqual(block.type === 'header' ? 150 : 3000)
        expect(part.text.length).toBeGreaterThan(0)
      }
    }
  })
})

describe('Discord', () => {
  test('mentions nobody and formats nothing that a device sent', () => {
    const [request] = requests('discord', { title: '@everyone **hot** [x](http://evil.example)' })
    const [embed] = request?.body.embeds ?? []
    expect(request?.url).toBe('https://discord.com/api/webhooks/1/x?thread_id=5&wait=true')
    expect(request?.body.allowed_mentions).toEqual({ parse: [] })
    expect(embed.title).toBe('CRITICAL\\: \\@everyone \\*\\*hot\\*\\* \\[x\\]\\(http\\://evil.example\\)')
    expect(embed.description).toContain(`[Acknowledge](${notification().ackUrl})`)
  })

  test.each(texts)('keeps its limits with %s', (_name, text) => {
    const [embed] = only('discord', manyOf(text)).embeds
    expect(embed.title.length).toBeLessThanOrEqual(256)
    expect(embed.description.length).toBeLessThanOrEqual(4096)
    expect(embed.title.length + embed.description.length + embed.footer.text.length).toBeLessThanOrEqual(6000)
    expect(`${embed.title}${embed.description}`.isWellFormed()).toBe(true)
    expect(embed.description).toContain(`[Acknowledge](${notification().ackUrl})`)
  })
})

describe('Telegram', () => {
  test('is sent HTML in which texts are texts', () => {
    const [request] = requests('telegram', { title: '<b>hot</b> & <a href="x">' })
    expect(request?.url).toBe('https://api.telegram.org/bot12:ab/sendMessage')
    expect(request?.body).toMatchObject({ chat_id: '-100', parse_mode: 'HTML', disable_notification: false })
    expect(request?.body.text).toContain(
      '<b>CRITICAL: &lt;b&gt;hot&lt;/b&gt; &amp; &lt;a href="x"&gt;</b>\n\n',
    )
    expect(request?.body.reply_markup.inline_keyboard[0][0].url).toBe(notification().ackUrl)
  })

  test('has no button to where Telegram allows none', () => {
    const body = only('telegram', { ackUrl: 'http://localhost:8080/ack/x' })
    expect(body.reply_markup).toBeUndefined()
    expect(body.text).toContain('Acknowledge: http://localhost:8080/ack/x')
  })

  test.each(texts)('keeps its limit with %s', (_name, text) => {
    const body = only('telegram', manyOf(text))
    const visible = body.text.replace(/<\/?b>/g, '').replace(/&(amp|lt|gt);/g, '.')
    expect(visible.length).toBeLessThanOrEqual(4096)
    expect(visible).not.toMatch(/[<>&]/)
  })
})

describe('ntfy', () => {
  test('is sent JSON beside the topic, with a priority and a button', () => {
    const [request] = requests('ntfy')
    expect(request?.url).toBe('https://push.example.com/base/')
    expect(request?.body).toMatchObject({
      topic: 'my-alerts',
      priority: 5,
      tags: ['rotating_light'],
      click: notification().ackUrl,
    })
    expect(only('ntfy', { kind: 'resolved' })).toMatchObject({ priority: 3, tags: ['white_check_mark'] })
  })

  test.each(texts)('keeps its limit with %s', (_name, text) => {
    const { message, title } = only('ntfy', manyOf(text))
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(4096)
    expect(Buffer.byteLength(message)).toBeGreaterThan(1000)
    expect(title.length).toBeLessThanOrEqual(250)
  })
})

describe('PagerDuty', () => {
  test('is sent one event per alert, by its fingerprint and its own state', () => {
    const resolved = {
      ...alert!,
      fingerprint: 'f2',
      state: 'resolved' as const,
      resolvedMs: alert!.sinceMs + 1,
    }
    const bodies = requests('pagerduty', { alerts: [alert!, resolved] }).map(({ body }) => body)
    expect(bodies.map(({ event_action, dedup_key }) => [event_action, dedup_key])).toEqual([
      ['trigger', 'overheating/4f7a90c2'],
      ['resolve', 'overheating/f2'],
    ])
    expect(bodies[0]).toMatchObject({
      routing_key: 'R0',
      payload: {
        severity: 'critical',
        source: 'g1',
        timestamp: '2026-07-31T12:05:00.000Z',
        class: 'overheating',
      },
      links: [{ href: notification().ackUrl }],
    })
    expect(bodies[1].payload).toBeUndefined()
  })

  test('is told of acknowledgements, and of what is about no alert', () => {
    expect(only('pagerduty', { kind: 'acknowledged', by: 'Ann' })).toMatchObject({
      event_action: 'acknowledge',
    })
    const digest = only('pagerduty', { kind: 'digest', alerts: [], threadId: 't'.repeat(300) })
    expect(digest.event_action).toBe('trigger')
    expect(digest.dedup_key).toMatch(/^[0-9a-f]{64}$/)
  })

  test.each(texts)('keeps its limits with %s', (_name, text) => {
    for (const { body } of requests('pagerduty', manyOf(text))) {
      expect(body.payload.summary.length).toBeLessThanOrEqual(1024)
      expect(JSON.stringify(body).length).toBeLessThanOrEqual(512_000)
      expect(body.payload.custom_details.more_alerts).toBe(180)
    }
  })
})
