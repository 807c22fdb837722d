/** Which version of MQTT to try next; both lines of a broker share what was found out. */
import type { ConnectOptions } from './connect-options.ts'
import type { DownCause } from './link-failure.ts'

export class ProtocolChoice {
  readonly #automatic: boolean
  #version: 4 | 5
  #confirmed = false

  constructor(protocol: ConnectOptions['protocol']) {
    this.#automatic = protocol === 'auto'
    this.#version = protocol === '3.1.1' ? 4 : 5
  }

  get version(): 4 | 5 {
    return this.#version
  }

  /** A connection of this version came up: it is kept for the next ones. */
  confirm(version: 4 | 5): void {
    this.#version = version
    this.#confirmed = true
  }

  /**
   * A connection of version `tried` was refused for its version, or (`silently`) ended without an answer, as
   * some old brokers do. Tells whether to try the other version at once.
   */
  refused(tried: 4 | 5, silently: boolean): boolean {
    if (!this.#automatic || (silently && this.#confirmed)) return false
    this.#version = tried === 5 ? 4 : 5
    return tried === 5
  }
}

/** Ended without a word, as some old brokers do when they do not know the version. */
export function isSilent(cause: DownCause): boolean {
  return (
    cause.kind === 'closed' ||
    (cause.kind === 'socket' && cause.opened && 'code' in cause.error && cause.error.code === 'ECONNRESET')
  )
}

/** Whether a connection that never came up may have ended for its version. */
export function refusesVersion(cause: DownCause): boolean {
  return isSilent(cause) || (cause.kind === 'connack' && (cause.code === 1 || cause.code === 0x84))
}
