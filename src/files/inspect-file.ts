/** Looks at a log file that was there before: does it belong to these columns, and is its last line whole? */
import type { FileHandle } from 'node:fs/promises'

export type LineEnd = '\n' | '\r\n'

/** RFC 4180, and what Python's csv module and spreadsheets write. */
export const csvLineEnd: LineEnd = '\r\n'

export interface Inspection {
  /** False when the file holds something else: other columns, another format. */
  readonly fits: boolean
  /** What must be written first, to complete a line that a crash tore off; empty when the last line is whole. */
  readonly repair: string
  readonly lineEnd: LineEnd
}

const chunkBytes = 65_536
const quote = 0x22
const newline = 0x0a
const carriageReturn = 0x0d

/** `header` is the CSV header without its line end, or null for NDJSON. `sizeBytes` is greater than 0. */
export async function inspectFile(
  handle: FileHandle,
  sizeBytes: number,
  header: string | null,
): Promise<Inspection> {
  const last = await readAt(handle, sizeBytes - 1, 1)
  if (header === null) {
    const first = await readAt(handle, 0, 1)
    return { fits: first[0] === 0x7b, repair: last[0] === newline ? '' : '\n', lineEnd: '\n' }
  }
  const start = (await readAt(handle, 0, Buffer.byteLength(header) + 5)).toString().replace(/^\ufeff/, '')
  const after = start.startsWith(header) ? start.slice(header.length) : null
  if (after === null || !/^(\r?\n|\r?$)/.test(after)) return { fits: false, repair: '', lineEnd: csvLineEnd }
  // A file begun by another program may have LF; readers that settle on the first line end need them all alike.
  const lineEnd = after.startsWith('\n') ? '\n' : csvLineEnd
  if (await endsInsideQuotes(handle, sizeBytes)) return { fits: true, repair: `"${lineEnd}`, lineEnd }
  if (last[0] === newline) return { fits: true, repair: '', lineEnd }
  const tornInLineEnd = lineEnd === '\r\n' && last[0] === carriageReturn
  return { fits: true, repair: tornInLineEnd ? '\n' : lineEnd, lineEnd }
}

/** An odd number of quotation marks: the last cell was torn, and would swallow every line that follows. */
async function endsInsideQuotes(handle: FileHandle, sizeBytes: number): Promise<boolean> {
  let quotes = 0
  for (let position = 0; position < sizeBytes; position += chunkBytes) {
    const chunk = await readAt(handle, position, Math.min(chunkBytes, sizeBytes - position))
    for (let at = chunk.indexOf(quote); at !== -1; at = chunk.indexOf(quote, at + 1)) quotes++
  }
  return quotes % 2 === 1
}

async function readAt(handle: FileHandle, position: number, lengthBytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(lengthBytes)
  const { bytesRead } = await handle.read(buffer, 0, lengthBytes, position)
  return buffer.subarray(0, bytesRead)
}
