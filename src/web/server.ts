/**
 * The HTTP listener: pages to acknowledge from a mail, what providers call back, and `/healthz`. Loopback unless set
 * otherwise, rate-limited, with headers that let a browser do nothing but show the page.
 */
import rateLimit from '@fastify/rate-limit'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { WebControl, WebRoute } from '../ports/web.ts'
import { ackPage, expiredPage } from './ack-page.ts'

export interface WebServerOptions {
  readonly host: string
  readonly port: number
  readonly control: WebControl
  readonly routes: readonly WebRoute[]
  /** IANA zone of the times on pages. */
  readonly zone: string
  /** A proxy stands before us: who calls is what it says. */
  readonly trustProxy: boolean
}

export interface WebServer {
  /** `http://127.0.0.1:8080`, with the port that was taken. */
  readonly url: string
  close(): Promise<void>
}

/** 160 bits in base64url. */
const tokenPattern = /^[A-Za-z0-9_-]{22,64}$/
const requestsPerMinute = 60
const callbacksPerMinute = 600
const requestTimeoutMs = 10_000
const smallBodyBytes = 4_096

/** Rejects with words when it cannot listen there. */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const app = Fastify({
    logger: false,
    bodyLimit: smallBodyBytes,
    requestTimeout: requestTimeoutMs,
    connectionTimeout: requestTimeoutMs,
    trustProxy: options.trustProxy,
    // The token in the path is a secret: it does not come back in an error.
    frameworkErrors: (_error, _request, reply) => void plain(reply, 400, 'Bad request'),
  })
  // A form's fields are read by the route itself, from the text as it came: signatures are over that.
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, body),
  )
  app.addHook('onSend', async (_request, reply) => {
    reply.headers(securityHeaders)
  })
  app.setErrorHandler((error: { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500
    void plain(reply, status, status === 429 ? 'Too many requests' : status < 500 ? 'Bad request' : 'Failed')
  })
  await app.register(rateLimit, { global: true, max: requestsPerMinute, timeWindow: '1 minute' })
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (_request, reply) => plain(reply, 404, 'Not found'))

  app.get('/healthz', async (_request, reply) => {
    const healthy = await options.control.healthy()
    return reply.code(healthy ? 200 : 503).send({ status: healthy ? 'ok' : 'failing' })
  })
  pages(app, options)
  for (const route of options.routes) callback(app, route)

  await app.listen({ host: options.host, port: options.port })
  const address = app.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : options.port
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  return { url: `http://${host}:${port}`, close: () => app.close() }
}

/** GET shows, POST acts: what fetches links ahead of people acknowledges nothing. */
function pages(app: FastifyInstance, { control, zone }: WebServerOptions): void {
  const token = (request: FastifyRequest) => {
    const { token } = request.params as { token: string }
    return tokenPattern.test(token) ? token : null
  }
  app.get('/ack/:token', async (request, reply) => {
    const link = token(request)
    const view = link === null ? null : await control.openLink(link)
    return view === null
      ? html(reply, 404, expiredPage())
      : html(reply, 200, ackPage(view, { zone, done: false }))
  })
  app.post('/ack/:token', async (request, reply) => {
    const link = token(request)
    const view = link === null ? null : await control.ackLink(link)
    return view === null
      ? html(reply, 404, expiredPage())
      : html(reply, 200, ackPage(view, { zone, done: true }))
  })
}

function callback(app: FastifyInstance, route: WebRoute): void {
  app.route({
    method: route.method,
    url: route.path,
    bodyLimit: route.bodyLimitBytes,
    config: { rateLimit: { max: callbacksPerMinute, timeWindow: '1 minute' } },
    handler: async (request, reply) => {
      const headers = Object.fromEntries(
        Object.entries(request.headers).flatMap(([name, value]) => {
          const first = Array.isArray(value) ? value[0] : value
          return first === undefined ? [] : [[name, first]]
        }),
      )
      const body = typeof request.body === 'string' ? request.body : ''
      const answer = await route.handle({ url: request.url, headers, body })
      return reply.code(answer.status).type(answer.contentType).send(answer.body)
    },
  })
}

const securityHeaders = {
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // The address of the page holds its token.
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
} as const

function html(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type('text/html; charset=utf-8').send(text)
}

function plain(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type('text/plain; charset=utf-8').send(text)
}
