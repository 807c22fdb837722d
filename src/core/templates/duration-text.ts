/** A duration for people: `2m 30s`, `1h 5m`, `3d`, `250ms`. */

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const

/** The two largest units that matter, rounded down; below a second, milliseconds. */
export function durationText(durationMs: number): string {
  if (durationMs < 0) return `-${durationText(-durationMs)}`
  const first = units.findIndex(([, sizeMs]) => durationMs >= sizeMs)
  const unit = units[first]
  if (unit === undefined) return `${Math.floor(durationMs)}ms`
  const large = `${Math.floor(durationMs / unit[1])}${unit[0]}`
  const next = units[first + 1]
  const rest = next === undefined ? 0 : Math.floor((durationMs % unit[1]) / next[1])
  return next === undefined || rest === 0 ? large : `${large} ${rest}${next[0]}`
}
