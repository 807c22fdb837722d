/**
 * Walks the headers of a MessagePack document before anything is built. The library has no limit for depth or
 * for all items together, allocates arrays by their declared length, and takes text that is not UTF-8.
 * Format: https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import { isUtf8 } from 'node:buffer'
import type { DecodeLimits } from '../../ports/decoder.ts'
import { refuseNotFinite, refuseUnsafeKey, trailing, truncated } from '../shared/binary-format.ts'
import { Refusal, tooDeepMessage, tooManyKeysMessage } from '../shared/failure.ts'

type Kind = 'other' | 'number' | 'text' | 'array' | 'map'

const timestampExtension = -1
const unsafeKey = Buffer.from('__proto__')

/** Throws a Refusal for anything that may not be decoded. */
export function scanMsgpack(payload: Uint8Array, limits: DecodeLimits): void {
  const scan = new Scan(payload)
  /** For each open container: values that have not begun; of a map, keys and values, so a key when even. */
  const open: { isMap: boolean; remaining: number }[] = []
  let items = 0
  do {
    const container = open.at(-1)
    const isKey = container?.isMap === true && container.remaining % 2 === 0
    if (container) container.remaining -= 1
    const kind = scan.value()
    if (isKey) checkKey(kind, scan)
    if (kind === 'array' || kind === 'map') {
      if (open.length >= limits.depth) throw new Refusal('too-deep', tooDeepMessage(limits))
      const isMap = kind === 'map'
      const remaining = isMap ? scan.size * 2 : scan.size
      if (remaining > scan.left()) throw truncated()
      items += scan.size
      if (items > limits.keys) throw new Refusal('too-many-keys', tooManyKeysMessage(limits))
      open.push({ isMap, remaining })
    }
    while (open.at(-1)?.remaining === 0) open.pop()
  } while (open.length > 0)
  if (scan.left() > 0) throw trailing(scan.left())
}

function checkKey(kind: Kind, scan: Scan): void {
  if (kind === 'number') return
  if (kind !== 'text') throw new Refusal('syntax', 'a key is neither text nor a number')
  if (scan.size === unsafeKey.length && unsafeKey.equals(scan.content())) refuseUnsafeKey('__proto__')
}

class Scan {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0
  /** Of the value just read: bytes of a text, items of an array, pairs of a map. */
  size = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  left(): number {
    return this.#bytes.length - this.#at
  }

  /** The bytes of the text just read. */
  content(): Uint8Array {
    return this.#bytes.subarray(this.#at - this.size, this.#at)
  }

  /** Passes one value, or the header of a container. */
  value(): Kind {
    const head = this.#unsigned(1)
    if (head <= 0x7f || head >= 0xe0) return 'number'
    if (head <= 0x8f) return this.#sized('map', head & 0x0f)
    if (head <= 0x9f) return this.#sized('array', head & 0x0f)
    if (head <= 0xbf) return this.#text(head & 0x1f)
    if (head === 0xc0 || head === 0xc2 || head === 0xc3) return 'other'
    if (head >= 0xc4 && head <= 0xc6) return this.#skip(this.#unsigned(2 ** (head - 0xc4)), 'other')
    if (head >= 0xc7 && head <= 0xc9) return this.#extension(this.#unsigned(2 ** (head - 0xc7)))
    if (head === 0xca || head === 0xcb) return this.#float(head === 0xca ? 4 : 8)
    if (head >= 0xcc && head <= 0xcf) return this.#skip(2 ** (head - 0xcc), 'number')
    if (head >= 0xd0 && head <= 0xd3) return this.#skip(2 ** (head - 0xd0), 'number')
    if (head >= 0xd4 && head <= 0xd8) return this.#extension(2 ** (head - 0xd4))
    if (head >= 0xd9 && head <= 0xdb) return this.#text(this.#unsigned(2 ** (head - 0xd9)))
    if (head === 0xdc || head === 0xdd) return this.#sized('array', this.#unsigned(head === 0xdc ? 2 : 4))
    if (head === 0xde || head === 0xdf) return this.#sized('map', this.#unsigned(head === 0xde ? 2 : 4))
    throw new Refusal('syntax', `no value begins with the byte 0x${head.toString(16)}`)
  }

  #take(sizeBytes: number): number {
    if (sizeBytes > this.left()) throw truncated()
    const start = this.#at
    this.#at += sizeBytes
    return start
  }

  #unsigned(sizeBytes: number): number {
    const start = this.#take(sizeBytes)
    if (sizeBytes === 1) return this.#view.getUint8(start)
    return sizeBytes === 2 ? this.#view.getUint16(start) : this.#view.getUint32(start)
  }

  #skip(sizeBytes: number, kind: Kind): Kind {
    this.#take(sizeBytes)
    return kind
  }

  #sized(kind: Kind, size: number): Kind {
    this.size = size
    return kind
  }

  #text(sizeBytes: number): Kind {
    const start = this.#take(sizeBytes)
    this.size = sizeBytes
    // Most texts are ASCII, which is settled here without a call; only others are looked at more closely.
    for (let at = start; at < this.#at; at++) {
      if ((this.#bytes[at] ?? 0) < 0x80) continue
      if (isUtf8(this.content())) break
      throw new Refusal('encoding', 'The payload has a text that is not UTF-8')
    }
    return 'text'
  }

  #float(sizeBytes: number): Kind {
    const start = this.#take(sizeBytes)
    refuseNotFinite(sizeBytes === 4 ? this.#view.getFloat32(start) : this.#view.getFloat64(start))
    return 'number'
  }

  #extension(sizeBytes: number): Kind {
    const type = this.#view.getInt8(this.#take(1))
    this.#take(sizeBytes)
    if (type !== timestampExtension) throw new Refusal('syntax', `the extension type ${type} is not known`)
    if (sizeBytes !== 4 && sizeBytes !== 8 && sizeBytes !== 12) {
      throw new Refusal('syntax', `a timestamp cannot have ${sizeBytes} bytes`)
    }
    return 'other'
  }
}
