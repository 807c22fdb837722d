/** Writes what happens as JSON lines, for machines and for reading later. Messages themselves only at level debug. */
import pino from 'pino'
import type { Effect } from '../core/effect.ts'
import type { Observer } from '../ports/observer.ts'

export type Logger = pino.Logger

/** Secrets are removed from every line before it is written. */
export function createLogger(
  stream: { write(text: string): unknown },
  level: string,
  redact: (text: string) => string,
): Logger {
  return pino(
    {
      level,
      base: { app: 'tocsin' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (text: string) => stream.write(redact(text)) },
  )
}

/** What is left undone for every message is not a line for every message: the rest is counted. */
const noticeEveryMs = 10_000
/** Each bad message is another one to look at, up to a point. */
const deadLetterLines = 20

/** `nowMs`: any clock that does not go back. */
export function logObserver(logger: Logger, nowMs: () => number = () => performance.now()): Observer {
  const failures = new Map<string, string>()
  /** By kind and rule: since when, how often it was told since then, and how often not. */
  const noticed = new Map<string, { atMs: number; told: number; more: number }>()
  const seldom = (key: string, most: number, tell: (more: { readonly more_since?: number }) => void) => {
    const before = noticed.get(key)
    const isOver = before === undefined || nowMs() - before.atMs >= noticeEveryMs
    const now = isOver ? { atMs: nowMs(), told: 0, more: 0 } : before
    noticed.set(key, now)
    if (now.told >= most) {
      now.more++
      return
    }
    now.told++
    tell(!isOver || before === undefined || before.more === 0 ? {} : { more_since: before.more })
  }
  return {
    watchesDecisions: logger.isLevelEnabled('debug'),
    decided: (message, decisions) =>
      logger.debug({ topic: message.topic, bytes: message.payload.length, decisions }, 'message'),
    transition: (transition) =>
      logger.info(transition, `${transition.rule}: ${transition.from} → ${transition.to}`),
    carriedOut(effect) {
      const via = effect.kind === 'publish' ? (effect.via?.kind ?? 'publish') : 'log'
      // Answers and forwards are as many as the messages that come.
      const level = via === 'respond' || via === 'forward' ? 'debug' : 'info'
      if (logger.isLevelEnabled(level)) logger[level](fields(effect), done[via])
    },
    refused: (effect, message) => logger.error({ ...fields(effect), reason: message }, 'refused'),
    notice({ kind, rule, message }) {
      seldom(`${kind} ${rule}`, 1, (more) => logger.warn({ kind, rule, ...more }, message))
    },
    // All of them are in the store and counted.
    deadLetter({ topic, reason, message, rules }) {
      seldom(`dead-letter ${reason} ${rules.join(' ')}`, deadLetterLines, (more) =>
        logger.warn({ topic, reason, rules, ...more }, message),
      )
    },
    kept: ({ channel, to, subject, text, severity }) =>
      logger.info({ channel, to, subject, text, severity }, 'kept instead of sent'),
    link(broker, state) {
      if (state.state === 'online') {
        const { sessionPresent, protocolVersion } = state
        failures.delete(broker)
        logger.info(
          { broker, session_resumed: sessionPresent, protocol: protocolVersion === 5 ? '5' : '3.1.1' },
          'connected',
        )
      } else {
        const { reason, message, help } = state.failure
        const fields = { broker, reason, help, retry_in_ms: state.retryInMs }
        // Every attempt fails alike: only what is new is an error.
        logger[failures.get(broker) === message ? 'debug' : 'error'](fields, message)
        failures.set(broker, message)
      }
    },
    subscribed: (broker, { granted, refused }) => logger.info({ broker, granted, refused }, 'subscribed'),
    trouble: ({ kind, message, help }) => logger.error({ kind, help }, message),
  }
}

const done = {
  publish: 'published',
  respond: 'answered',
  forward: 'forwarded',
  command: 'command sent',
  log: 'logged',
} as const

function fields(effect: Effect): Record<string, unknown> {
  return effect.kind === 'log'
    ? { file: effect.file }
    : {
        broker: effect.broker,
        topic: effect.message.topic,
        bytes: effect.message.payload.length,
        retain: effect.message.retain,
      }
}
