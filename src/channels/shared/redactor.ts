/** Takes secrets out of texts from outside, such as a server's answer, before they are shown. */

/** Shorter values would blank out ordinary words. */
const minSecretChars = 4

/** `redact` replaces every secret, as it is or in the ways that protocols carry it, with `***`. */
export function redactor(secrets: readonly (string | null | undefined)[]): (text: string) => string {
  const forms = new Set<string>()
  for (const secret of secrets) {
    if (secret === null || secret === undefined || secret.length < minSecretChars) continue
    for (const form of [
      secret,
      encodeURI(secret.toWellFormed()),
      encodeURIComponent(secret.toWellFormed()),
    ]) {
      forms.add(form)
      forms.add(JSON.stringify(form).slice(1, -1))
      for (const encoding of ['base64', 'base64url', 'hex'] as const) {
        const encoded = Buffer.from(form).toString(encoding).replace(/=+$/, '')
        if (encoded.length >= minSecretChars) forms.add(encoded)
      }
    }
  }
  const longestFirst = [...forms].sort((a, b) => b.length - a.length)
  return (text) => longestFirst.reduce((shown, form) => shown.replaceAll(form, '***'), text)
}
