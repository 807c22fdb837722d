/** The HTTP listener on a real socket: what it shows, what it does, and what it refuses. */
import { afterEach, describe, expect, test } from 'vitest'
import type { AckView, WebControl } from '../../src/ports/web.ts'
import { startWebServer, type WebServer } from '../../src/web/server.ts'

const token = 'abcdefghijklmnopqrstuvwxyz0123'
const hostile = '<script>alert(1)</script>"\'&'

class Links implements WebControl {
  acked: string | null = null
  alive = true
  opened = 0
  view(): AckView {
    return {
      title: `critical: ${hostile}`,
      severity: 'critical',
      alerts: [{ rule: 'overheating', summary: hostile, state: 'firing', sinceMs: Date.UTC(2026, 0, 1, 12) }],
      more: 3,
      ackedBy: this.acked,
    }
  }
  async openLink(link: string) {
    this.opened++
    return link === token ? this.view() : null
  }
  async ackLink(link: string) {
    if (link !== token) return null
    this.acked ??= 'email'
    return this.view()
  }
  async healthy() {
    return this.alive
  }
}

const servers: WebServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

async function start(options: Partial<Parameters<typeof startWebServer>[0]> = {}) {
  const control = new Links()
  const server = await startWebServer({
    host: '127.0.0.1',
    port: 0,
    control,
    routes: [],
    zone: 'Europe/Berlin',
    trustProxy: false,
    ...options,
  })
  servers.push(server)
  return { control, url: server.url }
}

describe('the link in a mail', () => {
  test('GET shows and changes nothing, however often; POST acknowledges', async () => {
    const { control, url } = await start()
    for (let n = 0; n < 3; n++) {
      const shown = await fetch(`${url}/ack/${token}`)
      expect(shown.status).toBe(200)
      const text = await shown.text()
      expect(text).toContain('<button>Acknowledge</button>')
      expect(text).toContain('13:00')
      expect(text).toContain('and 3 more')
    }
    expect(control.acked).toBeNull()
    const done = await fetch(`${url}/ack/${token}`, { method: 'POST' })
    expect(done.status).toBe(200)
    expect(await done.text()).toContain('Acknowledged. Thank you')
    expect(control.acked).toBe('email')
    expect(await (await fetch(`${url}/ack/${token}`)).text()).toContain('Acknowledged by email')
  })

  test('HEAD changes nothing either', async () => {
    const { control, url } = await start()
    await fetch(`${url}/ack/${token}`, { method: 'HEAD' })
    expect(control.acked).toBeNull()
  })

  test('what comes from outside is escaped', async () => {
    const { url } = await start()
    const text = await (await fetch(`${url}/ack/${token}`)).text()
    expect(text).not.toContain('<script>')
    expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;')
  })

  test.each(['short', 'x'.repeat(65), `${token}%00`, '..%2f..%2fetc', 'unknown-but-well-formed-token'])(
    'the token %s leads to a page that tells nothing',
    async (wrong) => {
      const { url, control } = await start()
      for (const method of ['GET', 'POST']) {
        const answer = await fetch(`${url}/ack/${wrong}`, { method })
        expect([400, 404]).toContain(answer.status)
        expect(await answer.text()).not.toContain(wrong)
      }
      expect(control.acked).toBeNull()
    },
  )
})

describe('the listener', () => {
  test('every answer forbids scripts, frames, caches and referrers', async () => {
    const { url } = await start()
    for (const path of ['/healthz', `/ack/${token}`, '/nowhere']) {
      const { headers } = await fetch(`${url}${path}`)
      expect(headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('cache-control')).toBe('no-store')
    }
  })

  test('says whether messages are being handled', async () => {
    const { control, url } = await start()
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    control.alive = false
    expect((await fetch(`${url}/healthz`)).status).toBe(503)
  })

  test('more than 60 requests a minute from one address are turned away, before any link is looked up', async () => {
    const { control, url } = await start()
    const answers = await Promise.all(Array.from({ length: 80 }, () => fetch(`${url}/ack/${token}`)))
    const turnedAway = answers.filter(({ status }) => status === 429)
    expect(turnedAway).toHaveLength(20)
    expect(control.opened).toBe(60)
  })

  test('a body that is too large is refused', async () => {
    const { url, control } = await start()
    const answer = await fetch(`${url}/ack/${token}`, {
      method: 'POST',
      body: 'x'.repeat(10_000),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect(answer.status).toBe(413)
    expect(control.acked).toBeNull()
  })

  test('a route of another adapter gets the text as it came, within its limit', async () => {
    const seen: unknown[] = []
    const { url } = await start({
      routes: [
        {
          method: 'POST',
          path: '/twilio/inbound',
          bodyLimitBytes: 100,
          handle: async (request) => {
            seen.push(request)
            return { status: 200, contentType: 'text/xml', body: '<Response/>' }
          },
        },
      ],
    })
    const post = (body: string) =>
      fetch(`${url}/twilio/inbound?a=1`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': 'abc' },
      })
    const answer = await post('Body=ACK+4F7&From=%2B1555')
    expect(answer.headers.get('content-type')).toContain('text/xml')
    expect(seen).toHaveLength(1)
    expect(seen[0]).toMatchObject({
      url: '/twilio/inbound?a=1',
      body: 'Body=ACK+4F7&From=%2B1555',
      headers: { 'x-twilio-signature': 'abc' },
    })
    expect((await post('x'.repeat(200))).status).toBe(413)
  })
})
