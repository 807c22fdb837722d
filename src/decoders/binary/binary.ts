/** `decode: binary`: the bytes themselves. */
import { makeDecoder } from '../shared/make-decoder.ts'

export const binary = makeDecoder(
  'binary',
  'The bytes as they are, for forwarding or size checks',
  (payload) => ({
    ok: true,
    // A copy: the payload may be a window on a socket buffer that is reused, and `prev` may keep the value for days.
    value: new Uint8Array(payload),
  }),
)
