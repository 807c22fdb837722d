/** Values that came from the environment or a secret file: kept so that no log line or message shows them. */

/** Shorter values would blank out ordinary words; messages at the value itself are masked by `redactFragments`. */
const minRedactedLength = 4
const fragmentLength = 4

export interface SecretUse {
  /** What stands in the configuration, for example `${env:MQTT_PASSWORD}`. */
  readonly label: string
  readonly value: string
}

export class Secrets {
  readonly #labels = new Map<string, string>()
  #longestFirst: readonly (readonly [string, string])[] | null = null

  add(use: SecretUse): void {
    const parts = [use.value, encodeURIComponent(use.value.toWellFormed()), ...use.value.split(/\r?\n/)]
    for (const part of parts) {
      if (part.length < minRedactedLength || this.#labels.has(part)) continue
      this.#labels.set(part, use.label)
      this.#longestFirst = null
    }
  }

  get size(): number {
    return this.#labels.size
  }

  /** The text with every secret value replaced by the place it came from. */
  redact(text: string): string {
    this.#longestFirst ??= [...this.#labels].sort(([a], [b]) => b.length - a.length)
    let shown = text
    for (const [value, label] of this.#longestFirst) {
      if (shown.includes(value)) shown = shown.replaceAll(value, () => label)
    }
    return shown
  }
}

/**
 * Masks even pieces of the values: a message about a secret may quote only a part of it, which whole-value
 * redaction would not see.
 */
export function redactFragments(text: string, uses: readonly SecretUse[]): string {
  const masked = new Uint8Array(text.length)
  for (const { value, label } of uses) {
    if (value === label || value === '') continue
    const length = Math.min(fragmentLength, value.length)
    const pieces = new Set<string>()
    for (let at = 0; at + length <= value.length; at++) pieces.add(value.slice(at, at + length))
    for (let at = 0; at + length <= text.length; at++) {
      if (pieces.has(text.slice(at, at + length))) masked.fill(1, at, at + length)
    }
  }
  let shown = ''
  for (let at = 0; at < text.length; at++) {
    if (masked[at] === 0) shown += text[at]
    else if (at === 0 || masked[at - 1] === 0) shown += '•••'
  }
  return shown
}
