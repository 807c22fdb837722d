/**
 * Reads the tokens of a CBOR document (RFC 8949) for cborg and refuses what passes a limit or what rules must not
 * see, at its header: before cborg recurses into it or builds anything of it.
 */
import { isUtf8 } from 'node:buffer'
import { type DecodeOptions, Token, Tokenizer, Type } from 'cborg'
import type { DecodeLimits } from '../../ports/decoder.ts'
import { plainInteger, refuseNotFinite, refuseUnsafeKey } from '../shared/binary-format.ts'
import { Refusal, tooDeepMessage, tooManyKeysMessage } from '../shared/failure.ts'

/** An open array, map or tag. */
interface Frame {
  readonly type: Type
  /** Tokens of its own that have not been read, of a map keys and values; Infinity when only a break ends it. */
  remaining: number
  keyNext: boolean
}

export class GuardedTokenizer extends Tokenizer {
  readonly #limits: DecodeLimits
  readonly #frames: Frame[] = []
  #items = 0

  constructor(payload: Uint8Array, options: DecodeOptions, limits: DecodeLimits) {
    super(payload, options)
    this.#limits = limits
  }

  override next(): Token {
    const start = this.pos()
    const token = super.next()
    while (this.#frames.at(-1)?.remaining === 0) this.#frames.pop()
    const frame = this.#frames.at(-1)
    if (token.type === Type.break) return this.#endIndefinite(frame, token)
    if (token.type === Type.string) this.#checkUtf8(token, start)
    if (token.type === Type.float) refuseNotFinite(token.value)

    const isKey = frame?.keyNext === true
    if (frame) this.#enter(frame)
    if (isKey) return asKey(token)
    if (!token.type.terminal) this.#open(token)
    if (token.type.terminal && typeof token.value === 'bigint')
      return asText(token, plainInteger(token.value))
    return token
  }

  /** Counts a token where it stands: an item of an array, or a key, which stands for its value too. */
  #enter(frame: Frame): void {
    frame.remaining -= 1
    if (frame.type === Type.array || frame.keyNext) {
      this.#items += 1
      if (this.#items > this.#limits.keys)
        throw new Refusal('too-many-keys', tooManyKeysMessage(this.#limits))
    }
    if (frame.type === Type.map) frame.keyNext = !frame.keyNext
  }

  /** cborg recurses into tags as it does into arrays and maps, so they count as depth. */
  #open({ type, value }: Token): void {
    if (this.#frames.length >= this.#limits.depth) throw new Refusal('too-deep', tooDeepMessage(this.#limits))
    // What a tag has for its value is its number; it holds one item.
    const remaining = type === Type.tag ? 1 : Number(value) * (type === Type.map ? 2 : 1)
    this.#frames.push({ type, remaining, keyNext: type === Type.map })
  }

  /** cborg itself takes a break for the value of a key, and hands out a symbol. */
  #endIndefinite(frame: Frame | undefined, token: Token): Token {
    const wantsValue = frame?.type === Type.map && !frame.keyNext
    if (frame?.remaining !== Number.POSITIVE_INFINITY || wantsValue) {
      throw new Refusal('syntax', 'it has a break where nothing can end')
    }
    this.#frames.pop()
    return token
  }

  /** cborg puts U+FFFD for bytes that are not UTF-8, so only texts that have one need a second look. */
  #checkUtf8(token: Token, start: number): void {
    if (!token.value.includes('\ufffd')) return
    const minor = (this.data[start] ?? 0) & 0x1f
    const headerBytes = minor < 24 ? 1 : 1 + 2 ** (minor - 24)
    if (!isUtf8(this.data.subarray(start + headerBytes, this.pos()))) {
      throw new Refusal('encoding', 'The payload has a text that is not UTF-8')
    }
  }
}

/** Keys of objects are text; numbers are written out. */
function asKey(token: Token): Token {
  refuseUnsafeKey(token.value)
  if (token.type === Type.string) return token
  if (token.type === Type.uint || token.type === Type.negint || token.type === Type.float) {
    return asText(token, token.value)
  }
  throw new Refusal('syntax', `a key is of type ${token.type.name}, but keys must be text or numbers`)
}

/** A new token, since cborg shares those of small values. */
function asText(token: Token, value: unknown): Token {
  return new Token(Type.string, String(value), token.encodedLength)
}
