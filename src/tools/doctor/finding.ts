/** What the doctor finds out: one line for people, and what it likely comes from and what to do when it is not well. */

export interface Finding {
  /** Which step it is, such as `login`: the same word in every run. */
  readonly check: string
  /** `skipped`: it was not tried, and `what` says why. */
  readonly state: 'ok' | 'warn' | 'fail' | 'skipped'
  readonly what: string
  /** The likely cause. */
  readonly cause?: string | undefined
  /** The next thing to do. */
  readonly next?: string | undefined
  /** How long it took, ms. */
  readonly ms?: number | undefined
}

/** A finding with the part of the configuration that it is about, such as `broker default`. */
export interface PlacedFinding extends Finding {
  readonly about: string
}

export type Tell = (finding: Finding) => void

/** Something that is looked at by itself: a broker, the mail account, the store. */
export interface Section {
  readonly title: string
  /** Tells its findings in order; never rejects. */
  run(tell: Tell): Promise<void>
}

/**
 * Looks at all sections at once and tells their findings in the order of the sections, each as soon as it can be told.
 * What is not done after `limitMs` is given up and told.
 */
export async function runSections(
  sections: readonly Section[],
  limitMs: number,
  tell: (finding: PlacedFinding) => void,
): Promise<void> {
  let turn = 0
  const waiting = sections.map((): Finding[] => [])
  const given = Promise.withResolvers<void>()
  const timer = setTimeout(() => given.resolve(), limitMs)
  const running = sections.map((section, index) => {
    let open = true
    const hear: Tell = (finding) => {
      if (!open) return
      if (index === turn) tell({ about: section.title, ...finding })
      else waiting[index]?.push(finding)
    }
    const late: Finding = {
      check: 'time',
      state: 'fail',
      what: `This took longer than ${limitMs / 1_000} s and was given up.`,
      next: 'Try again; if it stays so, look at the network.',
    }
    return Promise.race([section.run(hear), given.promise.then(() => hear(late))]).then(() => {
      open = false
    })
  })
  for (const [index, section] of sections.entries()) {
    turn = index
    for (const finding of waiting[index] ?? []) tell({ about: section.title, ...finding })
    await running[index]
  }
  clearTimeout(timer)
}
