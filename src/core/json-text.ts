/** JSON text of a decoded value, also of what only the binary encodings know: bytes and big integers. */

/** Bytes become base64, big integers their digits as a string, numbers that are not finite null. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, plain) ?? 'null'
}

/** `this` holds the value as it was: a Buffer has already been turned into an object in `value`. */
function plain(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const original = this[key]
  if (original instanceof Uint8Array) return bytesToBase64(original)
  if (typeof original === 'bigint') return original.toString()
  return value
}

export function bytesToBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
