/** All decoders. To add one: a folder beside this file, and a line here. */
import type { Decoder } from '../ports/decoder.ts'
import { auto } from './auto/auto.ts'
import { binary } from './binary/binary.ts'
import { boolean } from './boolean/boolean.ts'
import { cbor } from './cbor/cbor.ts'
import { json } from './json/json.ts'
import { msgpack } from './msgpack/msgpack.ts'
import { number } from './number/number.ts'
import { text } from './text/text.ts'

export const decoders: readonly Decoder[] = [auto, json, number, text, boolean, binary, cbor, msgpack]
