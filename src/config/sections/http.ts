/** `settings.http`: where the pages for people, answers by mail link and callbacks are listened to. */
import { isIP } from 'node:net'
import { z } from 'zod'
import { addProblem } from '../fields.ts'

export interface HttpSettings {
  /** Null: nothing listens. */
  readonly listen: { readonly host: string; readonly port: number } | null
  /** Under which people reach it, without a slash at its end; null: nothing that is sent has a link. */
  readonly publicUrl: string | null
  /** Whether a proxy in front tells who is asking. */
  readonly trustProxy: boolean
  /** False: the files say nothing of it, so a port that is taken is no reason not to run. */
  readonly written: boolean
}

export const defaultHttp: HttpSettings = {
  listen: { host: '127.0.0.1', port: 8080 },
  publicUrl: null,
  trustProxy: false,
  written: false,
}

const listen = z
  .unknown()
  .meta({
    type: 'string',
    examples: ['127.0.0.1:8080', '0.0.0.0:8080', '[::1]:8080', 'off'],
    description: 'Address and port; 127.0.0.1:8080 unless given. off listens nowhere.',
  })
  .transform((value, context): HttpSettings['listen'] => {
    if (value === 'off' || value === false) return null
    const text = typeof value === 'string' || typeof value === 'number' ? String(value) : ''
    const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(text) ?? []
    const host = bracketed ?? plain ?? ''
    const port = Number(digits)
    const isHost =
      bracketed === undefined ? isIP(host) === 4 || /^[A-Za-z][\w.-]*$/.test(host) : isIP(host) === 6
    if (isHost && port <= 65_535) return { host, port }
    const isPort = /^:?\d+$/.test(text) && Number(text.replace(':', '')) <= 65_535
    addProblem(context, '`listen` is an address and a port', {
      help: isPort
        ? `write 127.0.0.1:${text.replace(':', '')} for this machine alone, or 0.0.0.0:${text.replace(':', '')} for everyone`
        : 'write 127.0.0.1:8080, or off',
    })
    return z.NEVER
  })

export const httpSchema = z
  .strictObject({
    listen: listen.optional(),
    public_url: z
      .string()
      .superRefine((text, context) => {
        const url = URL.parse(text)
        const isWeb = url !== null && /^https?:$/.test(url.protocol) && url.hostname !== ''
        if (isWeb && url.username === '' && url.password === '' && !/[?#]/.test(text)) return
        addProblem(context, '`public_url` is not a web address', {
          help: 'write one such as https://tocsin.example.com, without `?` and `#`',
        })
      })
      .optional()
      .describe('Where people reach it from outside: links in mails begin with it.'),
    trust_proxy: z
      .boolean()
      .default(false)
      .describe('true when only a proxy of yours reaches it: then X-Forwarded-For says who is asking.'),
  })
  .transform(
    (http): HttpSettings => ({
      listen: http.listen === undefined ? defaultHttp.listen : http.listen,
      publicUrl: http.public_url?.replace(/\/+$/, '') ?? null,
      trustProxy: http.trust_proxy,
      written: true,
    }),
  )
  .describe('The small web server: acknowledging by link, callbacks, health.')
