/**
 * The way to the screen, which is narrow: so many lines a second, and nothing while a slow reader has not taken what
 * was written before. What does not fit is counted and told, never kept.
 */
import type { Clock } from '../../ports/clock.ts'

export interface ScreenOptions {
  /** As a stream's: false when it has enough for now. */
  readonly write: (text: string) => boolean
  /** Calls back once when the stream takes more. */
  readonly onDrain: (callback: () => void) => void
  readonly clock: Clock
  /** Lines about messages in one second; null: as many as the reader takes. */
  readonly linesPerSecond: number | null
  /** How to say that so many messages were left out in the last second. */
  readonly leftOut: (count: number) => string
}

export class Screen {
  readonly #options: ScreenOptions
  #blocked = false
  #shownLines = 0
  #leftOut = 0
  #leftOutInAll = 0
  #cancelSecond: (() => void) | null = null

  constructor(options: ScreenOptions) {
    this.#options = options
  }

  /** Messages that were not shown, in all. */
  get leftOut(): number {
    return this.#leftOutInAll
  }

  /** Shows what `lines` gives, all of it or nothing; it is asked only when there is room. False: it was left out. */
  offer(lines: () => readonly string[]): boolean {
    const { linesPerSecond } = this.#options
    this.#beginSecond()
    if (this.#blocked || (linesPerSecond !== null && this.#shownLines >= linesPerSecond)) {
      this.#leftOut++
      this.#leftOutInAll++
      return false
    }
    const shown = lines()
    this.#shownLines += shown.length
    this.#write(shown)
    return true
  }

  /** What people must know, however much comes. There is little of it. */
  say(lines: readonly string[]): void {
    this.#write(lines)
  }

  /** Tells what is still to be told; nothing is shown after it. */
  end(): void {
    this.#cancelSecond?.()
    this.#cancelSecond = null
    this.#tell()
  }

  #beginSecond(): void {
    if (this.#cancelSecond !== null) return
    const { clock } = this.#options
    this.#cancelSecond = clock.setTimer(clock.now() + 1_000, () => {
      this.#cancelSecond = null
      this.#shownLines = 0
      this.#tell()
    })
  }

  #tell(): void {
    // While the reader is behind, the count goes on: it is told once there is room.
    if (this.#leftOut === 0 || this.#blocked) return
    const count = this.#leftOut
    this.#leftOut = 0
    this.#write([this.#options.leftOut(count)])
  }

  #write(lines: readonly string[]): void {
    if (lines.length === 0) return
    const { write, onDrain } = this.#options
    if (write(lines.map((line) => `${line}\n`).join('')) || this.#blocked) return
    this.#blocked = true
    onDrain(() => {
      this.#blocked = false
      this.#tell()
    })
  }
}
