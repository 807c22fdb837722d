/**
 * The long form of the crash run: `npm run chaos [kills] [messages] [rate]`, by default 100 kills while readings
 * flow at 4,000 a second, until a million were sent. Ends with 1 when an alert was lost or made up.
 */
import { type CrashReport, crashRun, duplicatesPerCrash, reportText } from './crash-run.ts'
import type { Station } from './station.ts'

const [kills = 100, messages = 1_000_000, ratePerSecond = 4_000] = process.argv.slice(2).map(Number)
const seed = Date.now() % 2 ** 32
const startedAt = performance.now()
let toldAt = 0

function progress(done: number, station: Station): void {
  const now = performance.now()
  if (now - toldAt < (process.stdout.isTTY ? 200 : 10_000)) return
  toldAt = now
  const seconds = Math.round((now - startedAt) / 1000)
  const text =
    `${seconds} s: ${done} of ${kills} kills, ${station.sent.toLocaleString('en')} of ` +
    `${messages.toLocaleString('en')} readings, ${station.heard.toLocaleString('en')} alerts`
  process.stdout.write(process.stdout.isTTY ? `\r\x1b[K${text}` : `${text}\n`)
}

function passed(report: CrashReport): boolean {
  return (
    report.lost.length === 0 &&
    report.madeUp.length === 0 &&
    report.acknowledged === report.sent &&
    report.duplicates <= report.kills * duplicatesPerCrash
  )
}

console.log(`seed ${seed}`)
const report = await crashRun({ kills, messages, ratePerSecond, seed, progress })
if (process.stdout.isTTY) process.stdout.write('\r\x1b[K')
console.log(reportText(report))
if (report.lost.length > 0) console.log('lost:', report.lost.slice(0, 20).join(', '))
if (report.madeUp.length > 0) console.log('made up:', report.madeUp.slice(0, 20).join(', '))
if (report.complaints.length > 0) console.log('complaints:', [...new Set(report.complaints)].slice(0, 20))
console.log(passed(report) ? 'passed' : 'FAILED')
process.exitCode = passed(report) ? 0 : 1
