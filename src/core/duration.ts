/** Durations as people write them: `250ms`, `90s`, `5m`, `1h30m`, `2d`. */

const units = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const
const form = /^(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?(?:(\d{1,12})ms)?$/

/** Milliseconds, or null when the text is not a duration. Units go from large to small, each at most once. */
export function parseDuration(text: string): number | null {
  const match = text === '' ? null : form.exec(text)
  if (match === null) return null
  let ms = 0
  Object.values(units).forEach((unitMs, index) => {
    ms += Number(match[index + 1] ?? 0) * unitMs
  })
  return ms
}

/** Writes a duration the way `parseDuration` reads it: 90000 → `1m30s`. */
export function formatDuration(durationMs: number): string {
  let rest = Math.round(durationMs)
  let text = ''
  for (const [unit, unitMs] of Object.entries(units)) {
    const count = Math.floor(rest / unitMs)
    rest -= count * unitMs
    if (count > 0) text += `${count}${unit}`
  }
  return text === '' ? '0s' : text
}
