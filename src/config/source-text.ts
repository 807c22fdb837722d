/** The text of one file, with lines and columns as people count them. */

export interface Span {
  /** UTF-16 offsets into the text; `end` is exclusive. */
  readonly start: number
  readonly end: number
}

export interface Position {
  /** Both count from 1; columns count characters, not bytes or UTF-16 units. */
  readonly line: number
  readonly column: number
}

export class SourceText {
  readonly text: string
  readonly file: string
  #lineStarts: readonly number[] | null = null

  constructor(file: string, text: string) {
    this.file = file
    this.text = text
  }

  position(offset: number): Position {
    const at = Math.max(0, Math.min(offset, this.text.length))
    const starts = this.#starts()
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle]! <= at) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: characters(this.text.slice(starts[low], at)) + 1 }
  }

  get lineCount(): number {
    return this.#starts().length
  }

  /** Without its line break; `line` counts from 1. */
  line(line: number): string {
    const starts = this.#starts()
    const start = starts[line - 1] ?? this.text.length
    return this.text.slice(start, (starts[line] ?? this.text.length + 1) - 1).replace(/\r$/, '')
  }

  /** The end of the line that holds the offset, without trailing blanks. */
  lineEnd(offset: number): number {
    const next = this.text.indexOf('\n', offset)
    const line = this.text.slice(offset, next === -1 ? this.text.length : next)
    return offset + line.trimEnd().length
  }

  #starts(): readonly number[] {
    if (this.#lineStarts === null) {
      const starts = [0]
      for (let at = this.text.indexOf('\n'); at !== -1; at = this.text.indexOf('\n', at + 1))
        starts.push(at + 1)
      this.#lineStarts = starts
    }
    return this.#lineStarts
  }
}

function characters(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}
