/** Sizes as people write them: `256KiB`, `10MiB`, `10MB`, `512B`. */

const unitBytes: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
}

export type SizeResult = { ok: true; bytes: number } | { ok: false; message: string; help: string }

/** Reads a size; 1 MiB is 1,048,576 bytes and 1 MB is 1,000,000. */
export function parseSize(text: string): SizeResult {
  const match = /^(\d{1,12})(B|[kK]B|MB|GB|KiB|MiB|GiB)$/.exec(text)
  const unit = unitBytes[match?.[2] ?? '']
  const bytes = Number(match?.[1]) * (unit ?? Number.NaN)
  if (Number.isSafeInteger(bytes)) return { ok: true, bytes }
  const loose = /^(\d+)\s*([kmg])(?:i?b)?$/i.exec(text.trim())
  const help =
    loose === null
      ? 'write a size such as 512B, 256KiB, 10MiB or 10MB'
      : `write ${loose[1]}${loose[2]?.toUpperCase()}iB`
  return { ok: false, message: `\`${text.slice(0, 40)}\` is not a size`, help }
}
