/** One rendering: what its mode does with values, and what it may still cost. */
import type { Context } from 'liquidjs'
import { maxOutputChars, maxSteps, maxWork } from './limits.ts'
import { RenderStop } from './template.ts'

/** What a mode does with an output: print a sign for a missing value or stop, and how it escapes the others. */
export interface Insertion {
  readonly onMissing: 'mark' | 'stop'
  escape(text: string, atStart: boolean): string
  /** For a bare `#name` capture. */
  escapeLevels(text: string, atStart: boolean): string
}

export class Run {
  readonly insertion: Insertion
  readonly zone: string
  /** The outputs (as parsed) that keep their topic levels. */
  readonly keepsLevels: ReadonlySet<unknown>
  private steps = 0
  private work = 0

  constructor(insertion: Insertion, zone: string, keepsLevels: ReadonlySet<unknown>) {
    this.insertion = insertion
    this.zone = zone
    this.keepsLevels = keepsLevels
  }

  step(): void {
    this.steps += 1
    if (this.steps > maxSteps) throw new RenderStop('limit', `the template took more than ${maxSteps} steps`)
  }

  /** Counts characters or list items that are about to be handled, or were. */
  charge(amount: number): void {
    if (!(amount > 0)) return
    this.work += amount
    if (this.work > maxWork) throw new RenderStop('limit', 'the template handles too much data')
  }

  checkOutput(chars: number): void {
    if (chars > maxOutputChars) {
      throw new RenderStop('limit', `the template's text is longer than ${maxOutputChars} characters`)
    }
  }
}

const runs = new WeakMap<Context, Run>()

export function attachRun(context: Context, run: Run): void {
  runs.set(context, run)
}

export function runOf(context: Context): Run {
  const run = runs.get(context)
  if (run === undefined) throw new Error('a template context without its run')
  return run
}
