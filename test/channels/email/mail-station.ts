/** A real mail server on a port of 127.0.0.1, for tests: it behaves as told and keeps what arrived. */
import { createServer } from 'node:net'
import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { Inbox } from '../../support/wait-for.ts'

export interface ArrivedMail {
  readonly from: string
  readonly to: readonly string[]
  readonly raw: Buffer
  readonly mail: ParsedMail
  /** Whether it came over TLS, and as whom. */
  readonly secure: boolean
  readonly user: string | null
}

/** An answer such as `550 5.1.1 no such user`, `drop` (closes the connection), `hang` (never answers). */
export type Answer = string | 'drop' | 'hang'
export type Stage = 'connect' | 'auth' | 'mail' | 'rcpt' | 'data'

export interface MailStation {
  readonly port: number
  readonly mails: Inbox<ArrivedMail>
  /** What the server answers at each stage instead of yes; an empty object is a server that takes everything. */
  answers: Partial<Record<Stage, Answer>>
  readonly connections: { opened: number }
  /** Stages that any mail has come to. */
  readonly reached: Set<Stage>
  /** Closes every connection, as a server does that restarts. */
  dropAll(): void
  close(): Promise<void>
}

function refusal(answer: string): Error {
  const [, code = '', text = ''] = /^(\d{3}) ?(.*)$/s.exec(answer) ?? []
  return Object.assign(new Error(text), { responseCode: Number(code) })
}

export async function openMailStation(
  options: SMTPServerOptions & { users?: Readonly<Record<string, string>> } = {},
  port = 0,
): Promise<MailStation> {
  const { users, ...serverOptions } = options
  const mails = new Inbox<ArrivedMail>()
  const connections = { opened: 0 }
  const reached = new Set<Stage>()
  const answer = (stage: Stage, take: () => void, refuse: (error: Error) => void): void => {
    reached.add(stage)
    const given = station.answers[stage]
    if (given === undefined) take()
    else if (given === 'drop') dropAll()
    else if (given !== 'hang') refuse(refusal(given))
  }
  const server = new SMTPServer({
    authOptional: users === undefined,
    disabledCommands: [
      ...(users === undefined ? ['AUTH'] : []),
      // Else the server would offer an outdated certificate of its own.
      ...(options.key === undefined ? ['STARTTLS'] : []),
    ],
    disableReverseLookup: true,
    closeTimeout: 100,
    ...serverOptions,
    onConnect: (_session, callback) => {
      connections.opened += 1
      answer('connect', callback, callback)
    },
    onAuth: (auth, _session, callback) =>
      answer(
        'auth',
        () =>
          users?.[auth.username ?? ''] === auth.password
            ? callback(null, { user: auth.username })
            : callback(Object.assign(new Error('5.7.8 wrong'), { responseCode: 535 })),
        (error) => callback(error),
      ),
    onMailFrom: (_address, _session, callback) => answer('mail', callback, callback),
    onRcptTo: (_address, _session, callback) => answer('rcpt', callback, callback),
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', async () => {
        const raw = Buffer.concat(chunks)
        const mail = await simpleParser(raw)
        const { envelope, secure, user } = session
        mails.put({
          from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
          to: envelope.rcptTo.map(({ address }) => address),
          ...{ raw, mail, secure },
          user: typeof user === 'string' ? user : null,
        })
        answer('data', () => callback(), callback)
      })
    },
  })
  // A client that goes away in the middle is what the tests do.
  server.on('error', () => {})
  const dropAll = () => {
    for (const { _socket } of server.connections as unknown as Set<{ _socket: { destroy(): void } }>)
      _socket.destroy()
  }
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = server.server.address()
  const station: MailStation = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    answers: {},
    mails,
    connections,
    reached,
    dropAll,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        dropAll()
      }),
  }
  return station
}

/** A port of 127.0.0.1 at which nobody listens. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
