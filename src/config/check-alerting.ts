/** Looks over policies, receivers and inhibitions together with the rules: names nobody defined, alerts nobody hears. */
import { closest } from '../core/conditions/did-you-mean.ts'
import type { Path, Problem } from '../core/problem.ts'
import type { CompiledRule } from '../core/rules/compiled-rule.ts'
import type { Channel } from '../ports/channel.ts'
import { checkLabels } from './check-labels.ts'
import type { Entry, Gathered, Origin, Report } from './gather.ts'
import { notifiedReceivers } from './receivers-in-use.ts'
import type { WrittenPolicy } from './sections/policy.ts'
import type { WrittenRule } from './sections/rule.ts'
import { deliveryFault } from './undeliverable.ts'

export type Tell = (
  origin: Origin,
  below: Path,
  severity: Problem['severity'],
  code: Problem['code'],
  message: string,
  help: string,
) => void

/** An alert of a rule, and the policy that serves it; null: nobody is told. */
interface Alert {
  readonly entry: Entry<WrittenRule>
  readonly rule: WrittenRule
  readonly severity: 'info' | 'warning' | 'critical'
  readonly policy: string | null
}

/** `rules` are all of them, also those that are not enabled; null when some could not be read. */
export function checkAlerting(
  gathered: Gathered,
  rules: readonly CompiledRule[] | null,
  channels: readonly Channel[],
  report: Report,
): void {
  const tell: Tell = (origin, below, severity, code, message, help) =>
    report(origin.parsed, { code, message, help, path: [...origin.path, ...below], severity })
  const alerts = checkAlerts(gathered, tell)
  checkPolicies(gathered, tell)
  checkReceivers(gathered, channels, report, tell)
  checkEnds(gathered, alerts, tell)
  checkTexts(gathered, alerts, channels, tell)
  if (rules !== null) checkLabels(gathered, rules, tell)
}

function checkAlerts(gathered: Gathered, tell: Tell): Alert[] {
  const { policies } = gathered
  const alerts: Alert[] = []
  const unheard: Entry<WrittenRule>[] = []
  for (const entry of gathered.rules) {
    const rule = entry.value
    if (rule?.alert === undefined) continue
    const { severity, policy = 'default' } = rule.alert
    const isKnown = policies.has(policy)
    if (rule.alert.policy !== undefined && policy !== 'none' && !isKnown) {
      unknownPolicy(entry, ['alert', 'policy'], policy, gathered, tell)
    }
    if (!rule.enabled) continue
    if (rule.alert.policy === undefined && !isKnown) unheard.push(entry)
    alerts.push({ entry, rule, severity, policy: isKnown ? policy : null })
  }
  const [first, ...others] = unheard
  if (first !== undefined) {
    const more = others.length === 0 ? '' : `, nor of ${others.length} more like it`
    tell(
      first,
      ['alert'],
      'warning',
      'alert-without-policy',
      `nobody is told of this alert${more}: it names no policy, and there is no policy \`default\``,
      'write policies: { default: { steps: [{ notify: … }] } }, or policy: none in the alert',
    )
  }
  const watch = gathered.settings.watch?.policy
  const origin = gathered.settingOrigins.get('watch')
  if (origin !== undefined && watch !== undefined && watch !== 'none' && !policies.has(watch)) {
    unknownPolicy(origin, ['policy'], watch, gathered, tell)
  }
  return alerts
}

function unknownPolicy(origin: Origin, below: Path, name: string, { policies }: Gathered, tell: Tell): void {
  const help = nearOf(name, [...policies.keys(), 'none'], 'define it below `policies:`')
  tell(origin, below, 'error', 'unknown-policy', `there is no policy named \`${name}\``, help)
}

function checkPolicies({ policies, receivers, calendars, rules }: Gathered, tell: Tell): void {
  const unknownReceiver = (origin: Origin, below: Path, name: string) => {
    const help = nearOf(name, receivers.keys(), 'define it below `receivers:`')
    tell(origin, below, 'error', 'unknown-receiver', `there is no receiver named \`${name}\``, help)
  }
  for (const entry of policies.values()) {
    entry.value?.steps.forEach(({ notify }, step) => {
      notify.forEach((name, index) => {
        if (!receivers.has(name)) unknownReceiver(entry, ['steps', step, 'notify', index], name)
      })
    })
    entry.value?.mute.forEach(({ calendar }, index) => {
      if (calendars.has(calendar)) return
      const help = nearOf(calendar, calendars.keys(), 'define it below `calendars:`')
      const message = `there is no calendar named \`${calendar}\``
      tell(entry, ['mute', index, 'during'], 'error', 'rule-unknown-calendar', message, help)
    })
  }
  for (const entry of rules) {
    if (entry.value === null) continue
    for (const { name, path } of notifiedReceivers(entry.value)) {
      if (name !== null && !receivers.has(name)) unknownReceiver(entry, path, name)
    }
  }
}

function nearOf(name: string, known: Iterable<string>, otherwise: string): string {
  const near = closest(name, known)
  return near === null ? otherwise : `did you mean \`${near}\`?`
}

function checkReceivers(gathered: Gathered, channels: readonly Channel[], report: Report, tell: Tell): void {
  const { policies, receivers, rules, settingOrigins } = gathered
  const named = rules.flatMap(({ value }) => (value === null ? [] : notifiedReceivers(value)))
  const used = new Set([
    ...[...policies.values()].flatMap(({ value }) => value?.steps.flatMap(({ notify }) => notify) ?? []),
    ...named.flatMap(({ name }) => name ?? []),
  ])
  // What could not be read may name any of them, and so may a recipient that a message brings.
  const isSure =
    named.every(({ name }) => name !== null) &&
    [...policies.values(), ...rules].every(({ value }) => value !== null)
  for (const [name, { parsed, path, value }] of receivers) {
    if (!used.has(name)) {
      if (!isSure) continue
      report(parsed, {
        code: 'receiver-unused',
        message: `nobody tells the receiver \`${name}\` anything`,
        help: 'name it in a step of a policy, or remove it',
        path,
        severity: 'warning',
        atKey: true,
      })
      continue
    }
    for (const { channel } of value?.channels ?? []) {
      const fault = deliveryFault(channel, channels, (key) => settingOrigins.has(key))
      if (fault === null) continue
      tell({ parsed, path }, [channel], 'warning', 'receiver-undeliverable', fault.why, fault.help)
    }
  }
}

/** A policy that falls silent while something critical still fires. */
function checkEnds({ policies }: Gathered, alerts: readonly Alert[], tell: Tell): void {
  for (const [name, entry] of policies) {
    if (entry.value === null || entry.value.repeat !== null) continue
    const critical = alerts.find(({ policy, severity }) => policy === name && severity === 'critical')
    if (critical === undefined) continue
    tell(
      entry,
      ['steps', entry.value.steps.length - 1],
      'warning',
      'policy-ends',
      `after this step nobody is told again, though critical alerts such as \`${critical.rule.id}\` may still fire`,
      'add repeat: { every: 1h } to the policy',
    )
  }
}

/** Text messages cost money: a value that swings around its limit would send one after the other. */
function checkTexts(
  gathered: Gathered,
  alerts: readonly Alert[],
  channels: readonly Channel[],
  tell: Tell,
): void {
  const costly = new Set(channels.filter(({ capabilities }) => capabilities.costs).map(({ name }) => name))
  const isCostly = (receiver: string) =>
    gathered.receivers.get(receiver)?.value?.channels.some(({ channel }) => costly.has(channel)) ?? false
  const reaches = (policy: WrittenPolicy) => policy.steps.flatMap(({ notify }) => notify).find(isCostly)
  for (const entry of gathered.rules) {
    const rule = entry.value
    if (!rule?.enabled || rule.throttle !== undefined || isSteady(rule)) continue
    const costing = notifiedReceivers(rule).find(({ name }) => name !== null && isCostly(name))
    if (costing === undefined) continue
    const hasState = rule.alert !== undefined || rule.resolved.length > 0
    const what = hasState
      ? 'the value swings around the limit, every swing'
      : 'messages come thick and fast, each of them'
    tell(
      entry,
      costing.path,
      'warning',
      'sms-flapping',
      `when ${what} texts \`${costing.name}\``,
      hasState ? steadier : `add throttle: 10m, or ${steadier.replace('add ', '')}`,
    )
  }
  for (const { entry, rule, policy } of alerts) {
    if (policy === null || isSteady(rule)) continue
    const value = gathered.policies.get(policy)?.value
    const receiver = value === null || value === undefined ? undefined : reaches(value)
    if (receiver === undefined) continue
    tell(
      entry,
      ['alert'],
      'warning',
      'sms-flapping',
      `when the value swings around the limit, every swing opens this alert, and the policy \`${policy}\` texts \`${receiver}\``,
      steadier,
    )
  }
}

const steadier = 'add for: 1m, or clear: { when: …, for: … } with a lower limit'

function isSteady(rule: WrittenRule): boolean {
  return rule.for !== undefined || rule.clear !== undefined || rule.absent !== undefined
}
