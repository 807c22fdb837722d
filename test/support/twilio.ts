/**
 * A local server that answers as Twilio's published REST API for messages does: same paths, forms, errors and
 * dates, Basic authentication, and signed callbacks. Signatures follow the published recipe, not the library.
 */
import { createHmac, randomBytes } from 'node:crypto'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { Inbox } from './wait-for.ts'

export const twilioAccount = {
  accountSid: `AC${'0123456789abcdef'.repeat(2)}`,
  authToken: 'token-5f2d8c9e1b7a4360',
} as const

export interface TwilioMessage {
  readonly sid: string
  readonly to: string
  readonly from: string | null
  readonly body: string
  readonly statusCallback: string | null
  readonly createdMs: number
  readonly direction: 'inbound' | 'outbound-api'
  status: string
}

export interface TwilioFault {
  readonly status: number
  readonly code: number | null
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent instead of Twilio's own form of an error. */
  readonly body?: string
}

/** How the next requests for a new message are treated. */
export type TwilioBehaviour =
  | { readonly kind: 'takes' }
  | { readonly kind: 'answers'; readonly fault: TwilioFault; readonly afterTaking?: boolean }
  | { readonly kind: 'hangs' | 'drops'; readonly when: 'after-taking' | 'before-taking' }
  /** Closes the connection before anything can be read from it. */
  | { readonly kind: 'drops-connections' }

interface Callback {
  readonly url: string
  readonly body: string
  readonly signature: string
}

export class TwilioServer {
  readonly messages: TwilioMessage[] = []
  /** Every request for a new message that was read whole: its form, and its headers. */
  readonly requests = new Inbox<{ form: URLSearchParams; headers: http.IncomingHttpHeaders }>()
  readonly url: string
  /** Told of every message that was taken. */
  onTaken: (message: TwilioMessage) => void = () => {}
  /** A time that differs from ours, in ms. */
  aheadMs = 0
  /** What the account itself says. */
  account: { status: string; type: string } = { status: 'active', type: 'Full' }
  /** Trial accounts put this before every text. */
  textPrefix = ''
  /** Concurrent requests now, and the most there ever were. */
  readonly concurrent = { now: 0, most: 0 }
  #behaviour: TwilioBehaviour = { kind: 'takes' }
  #listFault: TwilioFault | null = null
  readonly #server: http.Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: http.Server, isTls: boolean) {
    this.#server = server
    this.url = `${isTls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      if (this.#behaviour.kind === 'drops-connections') socket.destroy()
    })
    server.on('request', (request, response) => void this.#handle(request, response))
  }

  static async start(tls?: { key: string; cert: string }): Promise<TwilioServer> {
    const server = tls === undefined ? http.createServer() : https.createServer(tls)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new TwilioServer(server, tls !== undefined)
  }

  behave(behaviour: TwilioBehaviour, listFault: TwilioFault | null = null): void {
    this.#behaviour = behaviour
    this.#listFault = listFault
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** The callback Twilio would make about a message: address, body, signature. */
  report(sid: string, status: string, errorCode?: number): Callback {
    const message = this.messages.find((one) => one.sid === sid)
    if (message?.statusCallback == null) throw new Error(`no callback is known for ${sid}`)
    message.status = status
    return this.#signed(message.statusCallback, {
      SmsSid: sid,
      SmsStatus: status,
      MessageStatus: status,
      To: message.to,
      MessageSid: sid,
      AccountSid: twilioAccount.accountSid,
      From: message.from ?? '',
      ApiVersion: '2010-04-01',
      ...(errorCode === undefined ? {} : { ErrorCode: String(errorCode) }),
    })
  }

  /** The request Twilio would make when a person answers. */
  inbound(url: string, from: string, body: string, more: Readonly<Record<string, string>> = {}): Callback {
    const sid = newSid()
    return this.#signed(url, {
      ToCountry: 'US',
      SmsMessageSid: sid,
      NumMedia: '0',
      SmsSid: sid,
      SmsStatus: 'received',
      Body: body,
      To: '+15550000000',
      NumSegments: '1',
      MessageSid: sid,
      AccountSid: twilioAccount.accountSid,
      From: from,
      ApiVersion: '2010-04-01',
      ...more,
    })
  }

  #signed(url: string, form: Readonly<Record<string, string>>): Callback {
    return { url, body: new URLSearchParams(form).toString(), signature: twilioSignature(url, form) }
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.concurrent.now += 1
    this.concurrent.most = Math.max(this.concurrent.most, this.concurrent.now)
    response.on('close', () => {
      this.concurrent.now -= 1
    })
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const url = new URL(request.url ?? '', this.url)
    const path = `/2010-04-01/Accounts/${twilioAccount.accountSid}/Messages.json`
    const credentials = Buffer.from(`${twilioAccount.accountSid}:${twilioAccount.authToken}`).toString(
      'base64',
    )
    if (request.headers.authorization !== `Basic ${credentials}`) {
      this.#fail(response, { status: 401, code: 20003, message: 'Authenticate' })
    } else if (url.pathname === path.replace('/Messages', '') && request.method === 'GET') {
      this.#send(response, 200, { sid: twilioAccount.accountSid, friendly_name: 'Test', ...this.account })
    } else if (url.pathname !== path) {
      const message = `The requested resource ${url.pathname} was not found`
      this.#fail(response, { status: 404, code: 20404, message })
    } else if (request.method === 'GET') this.#list(url, response)
    else this.#create(new URLSearchParams(Buffer.concat(chunks).toString()), request, response)
  }

  #create(form: URLSearchParams, request: IncomingMessage, response: ServerResponse): void {
    const behaviour = this.#behaviour
    const fault = this.#faultOf(form)
    if (fault !== null) {
      this.requests.put({ form, headers: request.headers })
      this.#fail(response, fault)
      return
    }
    const isTaken =
      behaviour.kind === 'takes' ||
      ('afterTaking' in behaviour && behaviour.afterTaking === true) ||
      ('when' in behaviour && behaviour.when === 'after-taking')
    const message = isTaken ? this.#take(form) : null
    if (behaviour.kind === 'answers') this.#fail(response, behaviour.fault)
    else if (behaviour.kind === 'drops') request.socket.destroy()
    else if (behaviour.kind === 'takes' && message !== null)
      this.#send(response, 201, this.#resource(message))
    this.requests.put({ form, headers: request.headers })
  }

  #faultOf(form: URLSearchParams): TwilioFault | null {
    const to = form.get('To') ?? ''
    const body = form.get('Body') ?? ''
    const callback = form.get('StatusCallback')
    if (!/^\+[1-9]\d{6,14}$/.test(to)) {
      return { status: 400, code: 21211, message: `Invalid 'To' Phone Number: ${to}` }
    }
    if (!form.has('From') && !form.has('MessagingServiceSid')) {
      return { status: 400, code: 21603, message: "A 'From' phone number is required." }
    }
    if (body === '') return { status: 400, code: 21602, message: 'Message body is required.' }
    if (body.length > 1600)
      return { status: 400, code: 21617, message: 'The message body exceeds the limit.' }
    if (callback !== null && !URL.canParse(callback)) {
      return { status: 400, code: 21609, message: `The StatusCallback URL ${callback} is not a valid URL.` }
    }
    return null
  }

  #take(form: URLSearchParams): TwilioMessage {
    const message: TwilioMessage = {
      sid: newSid(),
      to: form.get('To') ?? '',
      from: form.get('From'),
      body: `${this.textPrefix}${form.get('Body') ?? ''}`,
      statusCallback: form.get('StatusCallback'),
      createdMs: Date.now() + this.aheadMs,
      direction: 'outbound-api',
      status: 'queued',
    }
    this.messages.push(message)
    this.onTaken(message)
    return message
  }

  #list(url: URL, response: ServerResponse): void {
    if (this.#listFault !== null) {
      this.#fail(response, this.#listFault)
      return
    }
    const to = url.searchParams.get('To')
    const size = Number(url.searchParams.get('PageSize') ?? 50)
    const messages = this.messages.filter((message) => to === null || message.to === to).toReversed()
    this.#send(response, 200, {
      messages: messages.slice(0, size).map((message) => this.#resource(message)),
      page: 0,
      page_size: size,
      first_page_uri: url.pathname,
      previous_page_uri: null,
      next_page_uri: messages.length > size ? `${url.pathname}?Page=1` : null,
      uri: url.pathname,
    })
  }

  #resource(message: TwilioMessage): Record<string, unknown> {
    const created = new Date(message.createdMs).toUTCString().replace('GMT', '+0000')
    return {
      account_sid: twilioAccount.accountSid,
      api_version: '2010-04-01',
      body: message.body,
      date_created: created,
      date_sent: message.status === 'queued' ? null : created,
      date_updated: created,
      direction: message.direction,
      error_code: null,
      error_message: null,
      from: message.from,
      messaging_service_sid: message.from === null ? `MG${'0'.repeat(32)}` : null,
      num_media: '0',
      num_segments: message.from === null ? '0' : '1',
      price: null,
      price_unit: 'USD',
      sid: message.sid,
      status: message.status,
      subresource_uris: {
        media: `/2010-04-01/Accounts/${twilioAccount.accountSid}/Messages/${message.sid}/Media.json`,
      },
      to: message.to,
      uri: `/2010-04-01/Accounts/${twilioAccount.accountSid}/Messages/${message.sid}.json`,
    }
  }

  #fail(response: ServerResponse, { status, code, message, headers = {}, body }: TwilioFault): void {
    if (body !== undefined) {
      response.writeHead(status, { 'Content-Type': 'text/html', ...headers }).end(body)
      return
    }
    const more_info = `https://www.twilio.com/docs/errors/${code}`
    this.#send(response, status, { code, message, more_info, status }, headers)
  }

  #send(
    response: ServerResponse,
    status: number,
    value: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): void {
    const date = new Date(Date.now() + this.aheadMs).toUTCString()
    response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', Date: date, ...headers })
    response.end(JSON.stringify(value))
  }
}

/** The address, then every field's name and value, sorted by name; HMAC-SHA1 with the auth token; Base64. */
export function twilioSignature(
  url: string,
  form: Readonly<Record<string, string>>,
  token: string = twilioAccount.authToken,
) {
  const names = Object.keys(form).sort()
  const text = url + names.map((name) => `${name}${form[name]}`).join('')
  return createHmac('sha1', token).update(text, 'utf8').digest('base64')
}

function newSid(): string {
  return `SM${randomBytes(16).toString('hex')}`
}
