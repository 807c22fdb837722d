/** Finds labels that no alert has, where alerts are grouped or picked by them: such a line never does anything. */
import type { Matcher } from '../core/alerts/definition.ts'
import { closest } from '../core/conditions/did-you-mean.ts'
import type { Path } from '../core/problem.ts'
import type { CompiledRule } from '../core/rules/compiled-rule.ts'
import type { Tell } from './check-alerting.ts'
import type { Gathered, Origin } from './gather.ts'

const severities = ['info', 'warning', 'critical']

export function checkLabels(gathered: Gathered, rules: readonly CompiledRule[], tell: Tell): void {
  const alerting = rules.filter(({ definition }) => definition.alert !== undefined)
  const check = (origin: Origin, path: Path, label: string, known: ReadonlySet<string>) => {
    if (known.size === 0 || known.has(label)) return
    const near = closest(label, known)
    const help = near === null ? `there is ${list(known)}` : `did you mean \`${near}\`?`
    tell(origin, path, 'warning', 'unknown-label', `no alert here has the label \`${label}\``, help)
  }
  for (const [name, entry] of gathered.policies) {
    const served = alerting.filter(({ definition }) => (definition.alert?.policy ?? 'default') === name)
    const known = labelsOf(served)
    entry.value?.groupBy.forEach((label, index) => {
      check(entry, ['group_by', index], label, known)
    })
  }
  const all = labelsOf(alerting)
  const ids = alerting.map(({ id }) => id)
  for (const entry of gathered.inhibits) {
    if (entry.value === null || alerting.length === 0) continue
    for (const side of ['when', 'mute'] as const) {
      for (const label of Object.keys(entry.value[side])) check(entry, [side, label], label, all)
      checkValues(entry, side, entry.value[side], ids, tell)
    }
    entry.value.same.forEach((label, index) => {
      check(entry, ['same', index], label, all)
    })
  }
}

/** Ids of rules and severities are known; what other labels hold is not. */
function checkValues(
  origin: Origin,
  side: string,
  matcher: Matcher,
  ids: readonly string[],
  tell: Tell,
): void {
  for (const [label, known, what] of [
    ['rule', ids, 'no rule with an alert has the id'],
    ['severity', severities, 'there is no severity'],
  ] as const) {
    const wanted = Object.hasOwn(matcher, label) ? (matcher[label] ?? []) : []
    const values = typeof wanted === 'string' ? [wanted] : wanted
    for (const [index, value] of values.entries()) {
      // Tocsin's own alerts come from no rule of a file.
      if (known.includes(value) || value.startsWith('/') || value.startsWith('tocsin')) continue
      const near = closest(value, known)
      const help = near === null ? 'write one that there is, or remove it' : `did you mean \`${near}\`?`
      const path = [side, label, ...(typeof wanted === 'string' ? [] : [index])]
      tell(origin, path, 'warning', 'matcher-nothing', `${what} \`${value}\``, help)
    }
  }
}

function labelsOf(rules: readonly CompiledRule[]): ReadonlySet<string> {
  if (rules.length === 0) return new Set()
  return new Set([
    'rule',
    'severity',
    ...rules.flatMap(({ key, alert }) => [...key.names, ...(alert?.labels ?? []).map(({ name }) => name)]),
  ])
}

function list(known: ReadonlySet<string>): string {
  const shown = [...known].slice(0, 12).map((label) => `\`${label}\``)
  return shown.join(', ')
}
