/** `tocsin doctor [DIR]`: tries the configuration step by step, and says what is wrong and what to do about it. */
import { existsSync } from 'node:fs'
import { styleText } from 'node:util'
import { printable } from '../../core/printable.ts'
import { padToWidth, textWidth } from '../../core/text-width.ts'
import { type PlacedFinding, runSections } from '../../tools/doctor/finding.ts'
import { wrapText } from '../../tools/watch/wrap-text.ts'
import { doctorSections } from '../doctor-sections.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { counted, problemReport, problemsJson } from '../problem-report.ts'
import { load } from '../service.ts'
import { UsageError } from '../usage-error.ts'

export interface DoctorFlags {
  readonly format: 'text' | 'json'
  /** How long to listen for messages, ms. */
  readonly listen: number
  readonly thorough?: boolean
  readonly mosquittoConf?: string
}

const usualConf = '/etc/mosquitto/mosquitto.conf'
/** Beside listening, nothing takes longer. */
const limitMs = 50_000
/** Other clients come back within a second or two of being pushed off. */
const watchMs = 2_500
const defaultColumns = 100
const checkColumns = 13
const narrowest = 20
const linesLimit = 12

export async function doctor(
  directory: string,
  flags: DoctorFlags,
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stdout, env } = surroundings
  const { mosquittoConf = usualConf, listen, thorough = false } = flags
  if (flags.mosquittoConf !== undefined && !existsSync(mosquittoConf))
    throw new UsageError(`There is no file ${mosquittoConf} (--mosquitto-conf).`)
  const beganMs = performance.now()
  const loaded = load(directory, parts, surroundings)
  const colour = stdout.isTTY === true && (env.NO_COLOR === undefined || env.NO_COLOR === '')
  const isText = flags.format === 'text'
  if (isText) stdout.write(problemReport(loaded.problems, { colour }))
  const options = { listenMs: listen, watchMs, thorough, mosquittoConf }
  const sections = doctorSections(directory, loaded, options, parts, surroundings)
  const screen = new Screen(
    (text) => void stdout.write(text),
    stdout.columns || defaultColumns,
    colour,
    stdout.isTTY === true,
  )
  const findings: PlacedFinding[] = []
  const redact = (text: string) => printable(loaded.secrets.redact(text))
  await runSections(sections, limitMs + listen, (found) => {
    const finding = {
      ...found,
      about: redact(found.about),
      what: redact(found.what),
      ...(found.cause === undefined ? {} : { cause: redact(found.cause) }),
      ...(found.next === undefined ? {} : { next: redact(found.next) }),
      ...(found.ms === undefined ? {} : { ms: Math.round(found.ms * 10) / 10 }),
    }
    findings.push(finding)
    if (isText) screen.show(finding)
  })
  const count = (state: PlacedFinding['state']) =>
    findings.filter((finding) => finding.state === state).length
  const summary = { ok: count('ok'), warn: count('warn'), fail: count('fail'), skipped: count('skipped') }
  const seconds = Math.ceil((performance.now() - beganMs) / 100) / 10
  if (isText) screen.end(`${summaryText(summary)} It took ${seconds} s.`)
  else {
    const { problems } = JSON.parse(problemsJson(loaded.problems)) as { problems: unknown }
    stdout.write(`${JSON.stringify({ problems, findings, summary: { ...summary, seconds } }, null, 2)}\n`)
  }
  return summary.fail > 0 ? 1 : 0
}

type Summary = Readonly<Record<PlacedFinding['state'], number>>

function summaryText({ ok, warn, fail, skipped }: Summary): string {
  const good = `${counted(ok, 'check')} passed`
  const others = skipped === 0 ? '' : `, ${skipped} not tried`
  if (fail === 0 && warn === 0) return `All is well: ${good}${others}.`
  const failed = fail === 0 ? [] : [`${fail} failed`]
  const warned = warn === 0 ? [] : [counted(warn, 'warning')]
  return `${[...failed, ...warned, good].join(', ')}${others}.`
}

const signs = { ok: '✓', warn: '!', fail: '✗', skipped: '–' } as const
const colours = { ok: 'green', warn: 'yellow', fail: 'red', skipped: 'dim' } as const

/** Findings below the name of what they are about, each as it comes; steps skipped for one reason share a line. */
class Screen {
  readonly #write: (text: string) => void
  readonly #columns: number
  readonly #colour: boolean
  readonly #terminal: boolean
  #about = ''
  #skipped: { readonly finding: PlacedFinding; readonly checks: string[] } | null = null

  constructor(write: (text: string) => void, columns: number, colour: boolean, terminal: boolean) {
    this.#terminal = terminal
    this.#write = write
    this.#columns = columns
    this.#colour = colour
  }

  show(finding: PlacedFinding): void {
    const held = this.#skipped
    if (
      held !== null &&
      finding.state === 'skipped' &&
      finding.what === held.finding.what &&
      finding.about === held.finding.about
    ) {
      held.checks.push(finding.check)
      return
    }
    this.#clear()
    this.#flush()
    if (finding.state === 'skipped') this.#skipped = { finding, checks: [finding.check] }
    else this.#print(finding, finding.check)
    this.#wait()
  }

  end(text: string): void {
    this.#clear()
    this.#flush()
    this.#write(`\n${this.#paint('bold', text)}\n`)
  }

  /** Some steps take seconds: the last line of a terminal shows that it goes on. */
  #wait(): void {
    if (this.#terminal) this.#write(this.#paint('dim', '  …'))
  }

  #clear(): void {
    if (this.#terminal) this.#write(`\r${' '.repeat(3)}\r`)
  }

  #flush(): void {
    const held = this.#skipped
    this.#skipped = null
    if (held !== null) this.#print(held.finding, held.checks.join(', '))
  }

  #print({ about, state, what, cause, next, ms }: PlacedFinding, check: string): void {
    if (about !== this.#about) {
      this.#write(`${this.#about === '' ? '' : '\n'}${this.#paint('bold', about)}\n`)
      this.#about = about
    }
    const sign = this.#paint(colours[state], signs[state])
    const took = ms === undefined || ms < 1 || what.includes(' ms') ? '' : ` (${Math.round(ms)} ms)`
    const isShort = textWidth(check) < checkColumns
    const indent = isShort ? 4 + checkColumns : 6
    const label = isShort ? padToWidth(check, checkColumns) : ''
    const body = this.#wrapped(`${isShort ? '' : `${check}: `}${what}${took}`, indent)
    const text = state === 'skipped' ? this.#paint('dim', `${label}${body}`) : `${label}${body}`
    this.#write(`  ${sign} ${text}\n`)
    const more = [
      ['why', cause],
      ['do', next],
    ] as const
    for (const [word, words] of more) {
      if (words === undefined) continue
      const at = 4 + checkColumns + 5
      this.#write(
        `${' '.repeat(at - 5)}${this.#paint('cyan', padToWidth(word, 5))}${this.#wrapped(words, at)}\n`,
      )
    }
  }

  /** Lines after the first begin at column `indent`. */
  #wrapped(text: string, indent: number): string {
    const width = Math.max(narrowest, this.#columns - indent)
    return wrapText(text, width, linesLimit).join(`\n${' '.repeat(indent)}`)
  }

  #paint(style: 'bold' | 'dim' | 'cyan' | 'green' | 'yellow' | 'red', text: string): string {
    // Whether there is a terminal was decided by the caller.
    return this.#colour ? styleText(style, text, { validateStream: false }) : text
  }
}
