/** Asks for an address outside, as a sign of life. */

/** Never throws. `message`: a few words for a sentence, without the address, which is a secret. */
export type Ping = () => Promise<{ readonly ok: true } | { readonly ok: false; readonly message: string }>
