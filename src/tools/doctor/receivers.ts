/** Whether those who are to be told can be: accounts are tried without sending anything, webhooks as far as their server. */

import { isPublicAddress } from '../../channels/webhook/address-guard.ts'
import type { ChannelConnection } from '../../ports/channel.ts'
import type { Finding, Section, Tell } from './finding.ts'
import { withLimit } from './limit.ts'
import { connectTcp, isLoopbackAddress, resolveName, shakeHands } from './reach.ts'

/** One channel with its account. */
export interface AccountWorld {
  /** Of the channel: `email`. */
  readonly channel: string
  /** Where the account stands, `settings.smtp`. */
  readonly setting: string
  /** `missing`: there is no account; `inbox`: what would be sent is kept. */
  readonly account: 'missing' | 'inbox' | 'account'
  /** Names of the receivers that need it. */
  readonly receivers: readonly string[]
  /** Null without an account, and for channels that cannot be tried. */
  readonly connect: (() => ChannelConnection<unknown>) | null
}

/** One server that webhooks go to. */
export interface WebhookWorld {
  readonly host: string
  readonly port: number
  readonly secure: boolean
  readonly ca: string | null
  readonly verify: boolean
  readonly allowPrivate: boolean
  readonly receivers: readonly string[]
}

export interface ReceiversWorld {
  readonly accounts: readonly AccountWorld[]
  readonly webhooks: readonly WebhookWorld[]
  /** Told how far the clock of a provider is ahead of ours. */
  readonly clockSeen: (whose: string, aheadMs: number) => void
}

const accountLimitMs = 20_000

export function receiversSection(world: ReceiversWorld): Section {
  return { title: 'Receivers', run: (tell) => examine(world, tell) }
}

async function examine({ accounts, webhooks, clockSeen }: ReceiversWorld, tell: Tell): Promise<void> {
  const [tried, reached] = await Promise.all([
    Promise.all(accounts.map((account) => accountFinding(account, clockSeen))),
    Promise.all(webhooks.map((webhook) => webhookFinding(webhook))),
  ])
  for (const finding of [...tried, ...reached]) tell(finding)
}

async function accountFinding(
  { channel, setting, account, receivers, connect }: AccountWorld,
  clockSeen: ReceiversWorld['clockSeen'],
): Promise<Finding> {
  const check = channel
  const who = receivers.join(', ')
  if (account === 'inbox') {
    return {
      check,
      state: 'ok',
      what: `${who}: nothing is sent; what would be is kept, and \`tocsin inbox\` shows it (${setting}: inbox).`,
    }
  }
  if (account === 'missing') {
    return {
      check,
      state: 'fail',
      what: `${who} cannot be reached: there is no \`${setting}\`.`,
      next: `Write ${setting} (docs/alerts.md shows how), or ${setting.split('.').at(-1)}: inbox, which only shows what would be sent.`,
    }
  }
  const connection = connect?.()
  if (connection?.check === undefined)
    return { check, state: 'skipped', what: `${who}: cannot be tried without sending.` }
  try {
    const beganMs = performance.now()
    const signal = AbortSignal.timeout(accountLimitMs)
    const done = await withLimit(accountLimitMs + 1_000, connection.check(signal))
    if (!done.ok)
      return { check, state: 'fail', what: `Nothing answered within ${accountLimitMs / 1_000} s.` }
    const outcome = done.value
    if (outcome.ok) {
      if (outcome.clock !== undefined) clockSeen(outcome.clock.whose, outcome.clock.aheadMs)
      const ms = performance.now() - beganMs
      return {
        check,
        state: outcome.warning === undefined ? 'ok' : 'warn',
        what: outcome.what,
        next: outcome.warning,
        ms,
      }
    }
    return {
      check,
      state: 'fail',
      what: sentence(outcome.message),
      cause: `Until then nobody is told by ${channel}: ${who}.`,
    }
  } finally {
    await connection.close()
  }
}

async function webhookFinding(webhook: WebhookWorld): Promise<Finding> {
  const { host, port, secure, ca, verify, allowPrivate, receivers } = webhook
  const check = 'webhook'
  const who = receivers.join(', ')
  const failed = (what: string, next: string): Finding => ({
    check,
    state: 'fail',
    what: `${who}: ${what}`,
    next,
  })
  const resolved = await resolveName(host)
  if (!resolved.ok)
    return failed(`the host ${host} is not known.`, 'Check its spelling, and the name service.')
  const { addresses } = resolved
  if (!allowPrivate && !addresses.some(isPublicAddress)) {
    const where = addresses.some(isLoopbackAddress) ? 'this machine' : 'a private network'
    return failed(
      `${host} leads to ${where} (${addresses[0] ?? ''}), and nothing is sent there.`,
      'Write allow_private: true if that is meant.',
    )
  }
  const beganMs = performance.now()
  const tcp = await connectTcp(host, port)
  if (!tcp.ok)
    return failed(`nothing answers at ${host}:${port}.`, 'Check host and port, the network and the firewall.')
  if (secure) {
    const shaken = await shakeHands(host, port, {
      ...(ca === null ? {} : { ca }),
      servername: addresses[0] === host ? '' : host,
    })
    if (!shaken.ok)
      return failed(`${host}:${port} does not speak TLS.`, 'Check the port; http:// needs allow_http: true.')
    if (shaken.distrust !== null && verify) {
      return failed(
        `the certificate of ${host} is not trusted (${shaken.distrust.message}).`,
        'Check the host; for a server of your own give its authority as tls.ca.',
      )
    }
  }
  const ms = performance.now() - beganMs
  return {
    check,
    state: 'ok',
    what: `${who}: ${host}:${port} answers. Whether it takes messages shows only \`tocsin notify-test\`.`,
    ms,
  }
}

function sentence(text: string): string {
  const begun = `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}
