/** Decodes a payload at most once for each decoder, however many rules look at it. */
import type { MessageEvent } from './event.ts'
import type { DeadLetter } from './outcome.ts'
import { type Decoded, nothingDecoded } from './prepare.ts'
import type { Program } from './program.ts'

/** Decodes a payload at most once per decoder, and only when somebody asks. */
export class DecodeOnce {
  readonly #program: Program
  readonly #payload: Uint8Array
  /** Nearly always one decoder is asked: its name and result stand here, those of others in the map. */
  #name = ''
  #decoded: Decoded | null = null
  #others: Map<string, Decoded> | null = null
  #failed: string[] | null = null

  constructor(program: Program, payload: Uint8Array) {
    this.#program = program
    this.#payload = payload
  }

  /** `forWhom`: who is told of when it fails; null for nobody. */
  decode(name: string, forWhom: string | null): Decoded {
    // A zero-byte payload is missing, not an error.
    if (this.#payload.length === 0) return nothingDecoded
    let decoded = name === this.#name ? this.#decoded : (this.#others?.get(name) ?? null)
    if (decoded === null) {
      decoded = this.#program.decode(name)(this.#payload)
      if (this.#decoded === null) {
        this.#name = name
        this.#decoded = decoded
      } else {
        this.#others ??= new Map()
        this.#others.set(name, decoded)
      }
    }
    if (!decoded.ok && forWhom !== null) {
      this.#failed ??= []
      this.#failed.push(forWhom)
    }
    return decoded
  }

  deadLetter(event: MessageEvent, nowMs: number): DeadLetter | null {
    if (this.#failed === null) return null
    const failure = [this.#decoded, ...(this.#others?.values() ?? [])].find(
      (decoded) => decoded?.ok === false,
    )
    if (failure === undefined || failure === null || failure.ok) return null
    const { broker, topic, payload } = event.message
    const { reason, message } = failure.failure
    return { broker, topic, payload, reason, message, rules: this.#failed, atMs: nowMs }
  }
}
