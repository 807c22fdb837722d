/** Standard input, for what a command is told to read from there. */

/** Null when there is more than `limitBytes`. */
export async function readInput(stdin: NodeJS.ReadableStream, limitBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk)
    sizeBytes += bytes.length
    if (sizeBytes > limitBytes) return null
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}
